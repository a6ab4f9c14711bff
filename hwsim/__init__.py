"""hwsim: a cycle-approximate simulator of neuromorphic accelerators, driven by real spike traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ArchitectureError, HwsimError, ModelError, TraceError, UsageError
from hwsim.later import exports
from hwsim.version import VERSION

if TYPE_CHECKING:
    from hwsim.public import (
        Advice,
        Report,
        advise,
        load_architecture,
        load_example,
        load_report,
        load_trace,
        simulate,
    )

__all__ = [
    "Advice",
    "ArchitectureError",
    "HwsimError",
    "ModelError",
    "Report",
    "TraceError",
    "UsageError",
    "__version__",
    "advise",
    "load_architecture",
    "load_example",
    "load_report",
    "load_trace",
    "simulate",
]

__version__ = VERSION

_PUBLIC = [name for name in __all__ if not name.endswith("Error") and name != "__version__"]

__getattr__ = exports(__name__, {"public": _PUBLIC})


def __dir__() -> list[str]:
    return __all__
