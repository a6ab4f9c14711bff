"""hwsim: a cycle-approximate simulator of neuromorphic accelerators, driven by real spike traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hwsim.errors import ArchitectureError, HwsimError, ModelError, TraceError, UsageError

if TYPE_CHECKING:
    from hwsim.api import load_architecture, load_trace, simulate
    from hwsim.report.report import Report

__all__ = [
    "ArchitectureError",
    "HwsimError",
    "ModelError",
    "Report",
    "TraceError",
    "UsageError",
    "load_architecture",
    "load_trace",
    "simulate",
]

_FROM = {
    "load_architecture": "hwsim.api",
    "load_trace": "hwsim.api",
    "simulate": "hwsim.api",
    "Report": "hwsim.report.report",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `hwsim --help` does not wait for NumPy and Numba."""
    if name not in _FROM:
        raise AttributeError(f"module 'hwsim' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_FROM[name]), name)
