"""What is done where and when: loads of layers, stages over time, tiles of a chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bound = Literal["compute", "memory", "traffic"]


@dataclass(frozen=True, slots=True)
class UnitLoad:
    """A unit and how long it works for a layer, of one of its slots if all do as much."""

    bound: Bound  # what it does: arithmetic with what lies in it, words of memories alone, flits on wires
    unit: str
    busy_ns: float  # per inference


@dataclass(frozen=True, slots=True)
class LayerLoad:
    """What one layer asks of a machine for an inference."""

    layer: str
    operations: float  # an AC is one, a MAC two
    conversions: float  # of ADCs
    bytes_by_memory: dict[str, float]  # read and written, whole words
    loaded: list[UnitLoad]  # of each kind the unit that works longest, the longest first; none where nothing is timed


@dataclass(frozen=True, slots=True)
class StageOccupancy:
    """Cycles of one stage by cause, in each bin; it is idle for the rest."""

    stage: str
    layer: str
    busy: list[int]
    starved: list[int]
    blocked: list[int]
    arbitrating: list[int]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What stages do while the first sample runs by itself, until it leaves."""

    edges: list[int]  # of the bins, in cycles
    cycle_ns: float
    stages: list[StageOccupancy]


@dataclass(frozen=True, slots=True)
class TileRow:
    """A tile of the chip, or a core, at its place, with the share of each layer's work that is done there."""

    tile: str
    row: int
    column: int
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Flits from one tile to a neighbour, in each timestep."""

    source: str
    destination: str
    flits: int
