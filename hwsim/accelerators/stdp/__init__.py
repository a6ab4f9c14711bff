"""A core that learns by spike-timing-dependent plasticity (Putra and Shafique, FSpiNN, arXiv 2007.08860)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.accelerators.stdp.machine import Stdp as Machine

__all__ = ["PLAYS", "Machine"]

PLAYS = ("plastic",)
"""Codings of the traces that it can be set to play."""

__getattr__ = exports(__name__, {"machine": ["Machine"], "spec": ["spec_type"], "parts": ["parts_of"]})
