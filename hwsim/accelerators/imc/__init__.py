"""In-memory computing: RRAM crossbars with ADCs and per-timestep early exit (DT-SNN, arXiv 2305.17346)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.accelerators.imc.machine import Imc as Machine

__all__ = ["PLAYS", "Machine"]

PLAYS = ("direct", "events")
"""Codings of the traces that it can be set to play."""

__getattr__ = exports(__name__, {"machine": ["Machine"], "spec": ["spec_type"], "parts": ["parts_of"]})
