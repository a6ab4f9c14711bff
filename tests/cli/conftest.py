"""Settings for tests of the command line."""

from __future__ import annotations

import pytest
from cli.commands import CASES, run


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels():
    """Have the kernels of `imc` compiled, so that no program has to say on standard error that it does it."""
    for more in ((), ("--functional",)):
        run("simulate", "imc", CASES / "sound" / "recipe.npz", *more)
