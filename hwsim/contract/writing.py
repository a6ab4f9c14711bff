"""What writing the weights of a network takes: before the first inference, and again in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Bounds = tuple[float, float, float]
"""Value, low and high."""


@dataclass(frozen=True, slots=True)
class Written:
    """Cells that are written, and what that does."""

    cells: int
    bits: int  # of weights, which come from outside
    cycles: int
    actions: Mapping[tuple[str, str], int]  # component and action -> how often


@dataclass(frozen=True, slots=True)
class Writing:
    """Weights on their way to the cells that hold them."""

    once: Written  # before the first inference
    each: Written  # in an inference, where the network is larger than the machine; its actions are in the ledger, too
    passes: int  # in which an inference runs; 1 where nothing is written again
    most_writes: int  # of one cell in an inference
    endurance: Bounds | None  # writes that a cell bears; None where it does not wear out
