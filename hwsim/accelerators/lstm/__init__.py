"""Cells that run a spiking LSTM, its timesteps in a wavefront (Datta et al., arXiv 2210.12613)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.accelerators.lstm.machine import Lstm as Machine

__all__ = ["PLAYS", "Machine"]

PLAYS = ("sequence",)
"""Codings of the traces that it can be set to play."""

__getattr__ = exports(__name__, {"machine": ["Machine"], "spec": ["spec_type"], "parts": ["parts_of"]})
