"""How much of each part a machine has for a network, and how full its memories are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hwsim.contract.dense import Dense
from hwsim.contract.writing import Writing
from hwsim.kept import Keeps


@dataclass(frozen=True, slots=True)
class Storage:
    """One kind of memory: what the network needs of it and what the machine has."""

    used_bits: int
    provided_bits: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the equal parts of a chip, at its place on it, and what of each layer's work is done there."""

    row: int
    column: int
    shares: Mapping[str, Fraction]  # layer -> of its work


@dataclass(frozen=True, slots=True)
class Floor:
    """Where things lie on a chip that has tiles, and what goes over the links between them."""

    tiles: Mapping[str, Tile]
    flits: Mapping[tuple[str, str], int] = field(default_factory=dict)  # from a tile to a neighbour, in each timestep


@dataclass(frozen=True, slots=True)
class Hardware(Keeps):
    """How much of each part there is for this network."""

    instances: Mapping[str, int]  # component -> number, for area and leakage
    clocked: Mapping[str, Mapping[str, Fraction]]  # stage -> component -> share of its flip-flops that it keeps running
    storage: Mapping[str, Storage]
    notes: Mapping[str, Any]  # facts of the mapping for the reader, which nothing else reads
    crossbars: Mapping[str, int] = field(default_factory=dict)  # layer -> how many it takes, on machines that have them
    weights: Mapping[str, int] = field(default_factory=dict)  # memory -> bits of weights that it loses without supply
    floor: Callable[[], Floor] | None = None  # worked out when asked for; None of machines without tiles
    writing: Writing | None = None  # of machines that hold weights in cells, and say how they are written


def baseline_notes(dense: Dense | None) -> dict[str, Any]:
    """What a reader needs to know of a network without spikes; nothing of one with spikes."""
    if dense is None:
        return {}
    return {"baseline": dense.kind} | ({"activation bits": dense.activation_bits} if dense.narrow else {})
