"""A digital PE array that multiplies the raw input and accumulates spikes (DIET-SNN, arXiv 2008.03658)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.accelerators.digital.machine import Digital as Machine

__all__ = ["PLAYS", "Machine"]

PLAYS = ("direct", "events")
"""Codings of the traces that it can be set to play."""

__getattr__ = exports(__name__, {"machine": ["Machine"], "spec": ["spec_type"], "parts": ["parts_of"]})
