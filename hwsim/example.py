"""The trace that comes with the package, which commands and calls know by the name `example`."""

from __future__ import annotations

from pathlib import Path

from hwsim.errors import TraceError, guess
from hwsim.printable import shortened

EXAMPLE = Path(__file__).with_name("example.npz")
"""16 images of MNIST on a small convolutional network of four timesteps; `tools/make_example.py` cut it."""


def trace_file(path: str | Path) -> Path:
    """The file that a path means, or the name `example` where there is no such file.

    Raises TraceError where there is none and the name is nearly `example`.
    """
    file = Path(path)
    if file.exists():
        return file
    if str(path) == EXAMPLE.stem:
        return EXAMPLE
    if meant := guess(str(path), [EXAMPLE.stem]):
        raise TraceError(f"{shortened(path)}: no such file{meant}")
    return file
