"""Which PE each crossbar of a layer lies in, and which layers share crossbars or the neuron lanes of a PE.

`packing: none` gives whole PEs to each copy of each layer.  With `layers` crossbars of copies and of layers follow each
other without gaps, and a layer that is placed later takes unused columns of crossbars of earlier ones:

- It joins the layer, or those that share already, that take in most of its crossbars, the first of equals, if all of
  them together need no more cycles a timestep, when every read is done, than the slowest layer of the network alone.
- Its widest crossbars first, each takes the first crossbar of theirs that has enough columns left and none of its own
  yet; what finds no place has a crossbar of its own behind all others.  It drives rows of its own inputs and has its
  own columns, a reference column too; so what is read, converted and added up stays the same.
- A crossbar works for one layer at a time: layers that share any do their rows one after another.
- The neuron lanes and membranes of a PE work for the layer that its first crossbar was taken for.  A layer that no PE
  works for has those of the PE of its first crossbar, and takes turns there with the layer that these work for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from hwsim.accelerators.imc.plan.pace import dense_row_cycles
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct

Layers = Mapping[str, LayerPlacement]


@dataclass(frozen=True, slots=True)
class Packed:
    """Where crossbars lie, and who takes turns."""

    pe_of: Mapping[str, IntArray]  # layer -> PE of each crossbar, or of each PE that converts as one: [copy, crossbar]
    place_of: Mapping[str, IntArray]  # layer -> each crossbar among all of the chip, PE by PE: [copy, crossbar]
    crossbars: int  # in use
    pes: int  # from the first to the last in use
    neuron_pes: Mapping[str, int]  # layer -> PEs whose neuron lanes work for it
    crossbar_units: Mapping[str, str] = field(default_factory=dict)  # layer -> what all who share crossbars hold
    neuron_units: Mapping[str, str] = field(default_factory=dict)  # layer -> what all who share neuron lanes hold


def pack(spec: ImcSpec, layers: Layers) -> Packed:
    """Put layers, in network order and each with its copies, on PEs."""
    return _whole_pes(spec, layers) if spec.packing == "none" else _side_by_side(spec, layers)


def _whole_pes(spec: ImcSpec, layers: Layers) -> Packed:
    pe_of, place_of, first = {}, {}, 0
    for name, placed in layers.items():
        a_copy = placed.sums_of_copy if spec.assumptions.conversion == "pe" else placed.crossbars_of_copy
        per_pe = 1 if spec.assumptions.conversion == "pe" else spec.chip.crossbars_per_pe
        starts = first + np.arange(placed.copies, dtype=np.int64)[:, None] * ceil(a_copy / per_pe)
        pe_of[name] = starts + np.arange(a_copy, dtype=np.int64) // per_pe
        place_of[name] = _places(spec, placed, starts)
        first += placed.copies * ceil(a_copy / per_pe)
    crossbars = sum(placed.crossbars for placed in layers.values())
    return Packed(pe_of, place_of, crossbars, first, {name: distinct(pes).size for name, pes in pe_of.items()})


def _places(spec: ImcSpec, placed: LayerPlacement, first_pes: IntArray) -> IntArray:
    """Crossbars of copies that begin with these PEs [copy, 1]; where a PE converts as one, it has what lies on it."""
    crossbars = np.arange(placed.crossbars_of_copy, dtype=np.int64)
    if spec.assumptions.conversion == "pe":
        crossbars = crossbars * placed.sums_of_copy // placed.crossbars_of_copy * spec.chip.crossbars_per_pe
    return first_pes * spec.chip.crossbars_per_pe + crossbars


@dataclass(slots=True)
class _Sharing:
    """Layers that share crossbars, and the crossbars that they have: int64 [crossbar] each."""

    names: list[str]
    cycles: int
    places: IntArray
    left: IntArray  # columns


def _side_by_side(spec: ImcSpec, layers: Layers) -> Packed:
    cycles = {name: placed.out_shape[0] * dense_row_cycles(spec, placed) for name, placed in layers.items()}
    slowest = max(cycles.values(), default=0)
    found: list[_Sharing] = []
    place_of: dict[str, IntArray] = {}
    used_for: list[str] = []  # layer that each crossbar was taken for
    for name, placed in layers.items():
        widths = np.tile(columns_in_use(spec, placed), placed.copies)
        sharing = _joined(found, widths, cycles[name], slowest)
        places = np.full(widths.size, -1, np.int64)
        if sharing is None:
            sharing = _Sharing([], 0, np.empty(0, np.int64), np.empty(0, np.int64))
            found.append(sharing)
        for crossbars, hosts in _hosted(sharing.left, widths):
            places[crossbars] = sharing.places[hosts]
            sharing.left[hosts] -= widths[crossbars]
        own = np.flatnonzero(places < 0)
        places[own] = len(used_for) + np.arange(own.size)
        used_for += [name] * own.size
        sharing.names.append(name)
        sharing.cycles += cycles[name]
        sharing.places = np.append(sharing.places, places[own])
        sharing.left = np.append(sharing.left, spec.crossbar.columns - widths[own])
        place_of[name] = places.reshape(placed.copies, -1)
    pe_of = {name: places // spec.chip.crossbars_per_pe for name, places in place_of.items()}
    works_for = used_for[:: spec.chip.crossbars_per_pe]
    guests = {name: works_for[pes[0, 0]] for name, pes in pe_of.items() if name not in works_for}
    turns = [[host, *(name for name, at in guests.items() if at == host)] for host in layers]
    return Packed(
        pe_of=pe_of,
        place_of=place_of,
        crossbars=len(used_for),
        pes=len(works_for),
        neuron_pes={name: max(works_for.count(name), 1) for name in layers},
        crossbar_units=_units("crossbars", (sharing.names for sharing in found)),
        neuron_units=_units("neurons", turns),
    )


def columns_in_use(spec: ImcSpec, placed: LayerPlacement) -> IntArray:
    """Columns that each crossbar of a copy has in use: groups, column blocks, row blocks."""
    outputs = placed.out_shape[2] // placed.groups
    per_weight = placed.columns_used // outputs
    weights = np.minimum(
        outputs - np.arange(placed.column_blocks, dtype=np.int64) * placed.block_channels, placed.block_channels
    )
    rows = placed.row_blocks // placed.groups
    return np.tile(np.repeat(weights * per_weight + spec.reference_columns, rows), placed.groups)


def _joined(found: Iterable[_Sharing], widths: IntArray, cycles: int, slowest: int) -> _Sharing | None:
    """Whom a layer joins."""
    best, most = None, 0
    for sharing in found:
        if sharing.cycles + cycles <= slowest:
            taken = sum(crossbars.size for crossbars, _ in _hosted(sharing.left, widths))
            if taken > most:
                best, most = sharing, taken
    return best


def _hosted(left: IntArray, widths: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Crossbars of a layer, and on which of those with so many columns left they lie, each on another one."""
    free, pairs = np.ones(left.size, np.bool_), []
    for width in distinct(widths)[::-1]:
        wanting, hosts = np.flatnonzero(widths == width), np.flatnonzero(free & (left >= width))
        n = min(wanting.size, hosts.size)
        free[hosts[:n]] = False
        pairs.append((wanting[:n], hosts[:n]))
    return pairs


def _units(what: str, sharing: Iterable[Iterable[str]]) -> dict[str, str]:
    """Unit that each layer holds, of those that are not alone."""
    units: dict[str, str] = {}
    for names in map(tuple, sharing):
        if len(names) > 1:
            units |= dict.fromkeys(names, f"{what} of {', '.join(names)}")
    return units
