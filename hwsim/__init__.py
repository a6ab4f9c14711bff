"""hwsim: a cycle-approximate simulator of neuromorphic accelerators, driven by real spike traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ArchitectureError, HwsimError, ModelError, TraceError, UsageError
from hwsim.later import exports

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

__getattr__ = exports(__name__, {"api": ["load_architecture", "load_trace", "simulate"], "report.report": ["Report"]})
