"""A systolic array of neurons that fire at most once (YOSO, arXiv 2006.09982)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.accelerators.ttfs.machine import Ttfs as Machine

__all__ = ["PLAYS", "Machine"]

PLAYS = ("ttfs", "rate")
"""Codings of the traces that it can be set to play."""

__getattr__ = exports(__name__, {"machine": ["Machine"], "spec": ["spec_type"], "parts": ["parts_of"]})
