"""hwsim: a cycle-approximate simulator of neuromorphic accelerators, driven by real spike traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ArchitectureError, HwsimError, ModelError, TraceError, UsageError
from hwsim.later import exports
from hwsim.version import VERSION

if TYPE_CHECKING:
    from hwsim.doors.capture import capture
    from hwsim.doors.recordings import from_nir
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
    "capture",
    "from_nir",
    "load_architecture",
    "load_example",
    "load_report",
    "load_trace",
    "simulate",
]

__version__ = VERSION

_ELSEWHERE = {"doors.capture": ["capture"], "doors.recordings": ["from_nir"]}
_PUBLIC = [
    name for name in __all__ if not name.endswith("Error") and name not in ("__version__", "capture", "from_nir")
]

__getattr__ = exports(__name__, {"public": _PUBLIC, **_ELSEWHERE})


def __dir__() -> list[str]:
    return __all__
