"""What blocks of one layer take in the global buffer and move to and from DRAM, for many blockings at once.

Everything is in bits.  A block of inputs or weights moves again whenever the block before it was another one, so as
often as there are blocks, times the trips of the loops outside of those that change it (docs/machines/digital.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.blocking import LOOPS, RELEVANT, Blocking, Loop, Trips, block_sizes, every_size
from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct
from hwsim.traces.network.window import Window

Pair = tuple[int, int]
SMALL = 64  # rows or columns of outputs up to which blocks of every size are known


class Source(NamedTuple):
    """A stored map that a layer reads."""

    size: Pair  # rows and columns
    repeats: Pair  # that each of its places stands for
    flat: bool  # whether only the whole of it can be read
    bits: tuple[int, ...]  # of each group of channels at a place
    in_dram: bool


@dataclass(frozen=True)
class Geometry:
    """All that the search for a blocking knows of a layer and its machine; equal ones have equal blockings."""

    outputs: Pair  # rows and columns
    read: Pair  # of what the window slides over
    window: Window
    sources: tuple[Source, ...]
    groups: int
    widths: tuple[int, ...]  # output channels of each channel tile
    input_channels: int  # of a group
    weight_bits: int
    sum_bits: int
    state_bits: int  # of a neuron, where a timestep hands them to the next through memory if it is in another block
    timesteps: int  # of the layer in one go
    reading: int  # timesteps at which it reads inputs
    images: int
    array_rows: int
    port_bits: int
    scratchpad_bits: int  # of one column; 0 for none
    space_bits: int  # of the global buffer, that the layer's blocks may take
    also: Pair = (1, 1)  # rows and columns of a block beside those that the search tries

    @property
    def tiles(self) -> int:
        """Channel tiles of a group."""
        return len(self.widths) // self.groups

    @property
    def cuts_inputs(self) -> bool:
        """Whether input channels can be cut: of one group of one map."""
        return self.groups == 1 and len(self.sources) == 1 and not self.sources[0].flat

    @property
    def positions(self) -> int:
        """Outputs of a channel."""
        return prod(self.outputs)

    @property
    def weight_total(self) -> int:
        """Bits of all weights."""
        return sum(self.widths) * self.window.taps * self.input_channels * self.weight_bits

    def sizes(self, axis: str, every: bool = False) -> IntArray:
        """Sizes of a block to be tried along an axis, rising: every one, or the smallest for each number of blocks."""
        some = every_size if every else block_sizes
        match axis:
            case "rows":
                return some(self.outputs[0])
            case "columns":
                return some(self.outputs[1])
            case "channels":
                whole = self.tiles * some(self.groups) if self.groups > 1 else np.zeros(0, np.int64)
                return distinct(np.concatenate([some(self.tiles), whole]))
            case "inputs":
                return some(self.input_channels) if self.cuts_inputs else np.array([self.input_channels])
            case "timesteps":
                return some(self.timesteps) if self.reading == self.timesteps else np.array([self.timesteps])
        return some(self.images)

    @property
    def loops(self) -> tuple[Loop, ...]:
        """Loops that may have more than one trip."""
        more = {"images": self.images > 1, "timesteps": self.timesteps > 1, "inputs": self.input_channels > 1}
        more |= {"positions": self.positions > 1, "channels": len(self.widths) > 1}
        return tuple(loop for loop in LOOPS if more[loop])

    def trips(self, block: Blocking) -> Trips:
        """How many blocks there are along each loop."""
        return Trips(
            rows=-(-self.outputs[0] // block.rows),
            columns=-(-self.outputs[1] // block.columns),
            channels=-(-len(self.widths) // block.channels)
            if block.channels >= self.tiles
            else self.groups * -(-self.tiles // block.channels),
            inputs=-(-self.input_channels // block.inputs),
            timesteps=-(-self.timesteps // block.timesteps),
            images=-(-self.images // block.images),
        )

    @cached_property
    def _axes(self) -> tuple[list[tuple[IntArray, IntArray]], ...]:
        return tuple([_axis(self, source, axis) for source in self.sources] for axis in (0, 1))

    def places(self, source: int, axis: int) -> tuple[IntArray, IntArray]:
        """Rows or columns of a map under each block, added up and at most, by size 1, 2 ...: int64 [size] each."""
        return self._axes[axis][source]


@lru_cache(maxsize=4096)
def _met(window: Window, axis: int, sizes: tuple[int, int, int], repeats: int, also: int) -> tuple[IntArray, IntArray]:
    """Distinct places of an axis under blocks of each size: their sum, and the most of any block.

    `sizes` are the outputs, what is read and the map along the axis; a size that is not tried has 0.
    """
    outputs, read, size = sizes
    met = window.places(axis, outputs, read)
    there = np.zeros((outputs, size + 1), np.bool_)
    np.put_along_axis(there, np.where(met < 0, size, met // repeats), True, axis=1)
    total, most = np.zeros(outputs + 1, np.int64), np.zeros(outputs + 1, np.int64)
    sizes_tried = every_size(outputs) if outputs <= SMALL else block_sizes(outputs)
    for block in {*sizes_tried.tolist(), min(also, outputs)}:
        each = np.logical_or.reduceat(there[:, :size], np.arange(0, outputs, block), axis=0).sum(axis=1)
        total[block], most[block] = each.sum(), each.max()
    return total, most


def _axis(geometry: Geometry, source: Source, axis: int) -> tuple[IntArray, IntArray]:
    outputs = geometry.outputs[axis]
    if source.flat:
        blocks = -(-outputs // np.maximum(np.arange(outputs + 1), 1))
        return source.size[axis] * blocks, np.full(outputs + 1, source.size[axis], np.int64)
    sizes = outputs, geometry.read[axis], source.size[axis]
    return _met(geometry.window, axis, sizes, source.repeats[axis], geometry.also[axis])


class Blocks(NamedTuple):
    """Sizes of many blockings of one order: int64 [blocking] each, or of shapes that broadcast."""

    rows: IntArray
    columns: IntArray
    channels: IntArray
    inputs: IntArray
    timesteps: IntArray
    images: IntArray


class Moved(NamedTuple):
    """What blockings move and take, [blocking] each."""

    dram_bits: IntArray
    space_bits: IntArray
    steps: IntArray


def weigh(geometry: Geometry, order: tuple[Loop, ...], blocks: Blocks) -> Moved:
    """What the blocks of some sizes take and move in one order."""
    trips = trips_of(geometry, blocks)
    several = {loop: trips[loop] > 1 for loop in LOOPS}
    repeats = {kind: repeats_of(geometry, kind, order, trips, several, blocks) for kind in ("inputs", "weights")}
    inner = {kind: _innermost(geometry, kind, order, several) for kind in ("inputs", "weights")}
    widest = _widest(geometry, blocks)
    outputs = sum(geometry.widths) * geometry.positions * geometry.images
    block = np.minimum(blocks.images, geometry.images) * blocks.rows * blocks.columns * widest
    read, held = of_inputs(geometry, blocks)
    dram = read * repeats["inputs"]
    space = held * np.where(inner["inputs"], 2, 1)
    dram = dram + geometry.weight_total * repeats["weights"]
    weights = widest * blocks.inputs * (geometry.window.taps * geometry.weight_bits)
    space = space + weights * np.where(inner["weights"], 2, 1)
    spilled = outside(("inputs",), RELEVANT["sums"], order, several)
    again = 2 * (trips["inputs"] - 1) * (outputs * geometry.reading * geometry.sum_bits)
    dram = dram + np.where(spilled, again, 0)
    kept, at_once = several["inputs"] & ~spilled, np.minimum(blocks.timesteps, geometry.reading)
    space = space + np.where(kept, block * at_once * geometry.sum_bits, 0)
    if geometry.state_bits and geometry.timesteps > 1:
        left = outside(("timesteps",), RELEVANT["states"], order, several)
        dram = dram + np.where(left, 2 * (trips["timesteps"] - 1) * (outputs * geometry.state_bits), 0)
        space = space + np.where(several["timesteps"] & ~left, block * geometry.state_bits, 0)
    steps = prod((trips[loop] for loop in LOOPS), start=np.ones((), np.int64))
    return Moved(*np.broadcast_arrays(dram, space, steps))


def moves(geometry: Geometry, block: Blocking) -> tuple[int, int]:
    """Bits that one blocking moves to and from DRAM and takes of the buffer."""
    moved = weigh(geometry, block.order, of_one(block))
    return int(moved.dram_bits[0]), int(moved.space_bits[0])


def repeated(geometry: Geometry, block: Blocking, kind: str) -> int:
    """How often one blocking brings each of its blocks of inputs or weights."""
    blocks = of_one(block)
    trips = trips_of(geometry, blocks)
    several = {loop: trips[loop] > 1 for loop in LOOPS}
    return int(np.max(repeats_of(geometry, kind, block.order, trips, several, blocks)))


def spills_sums(geometry: Geometry, block: Blocking) -> bool:
    """Whether partial sums leave for DRAM between blocks of input channels."""
    return bool(outside(("inputs",), RELEVANT["sums"], block.order, _several(geometry, block)))


def spills_states(geometry: Geometry, block: Blocking) -> bool:
    """Whether states of neurons leave for DRAM between blocks of timesteps."""
    return bool(outside(("timesteps",), RELEVANT["states"], block.order, _several(geometry, block)))


def _several(geometry: Geometry, block: Blocking) -> dict[Loop, NDArray[np.bool_]]:
    trips = geometry.trips(block)
    return {loop: np.asarray(trips.of(loop) > 1) for loop in LOOPS}


def of_one(block: Blocking) -> Blocks:
    """The sizes of one blocking."""
    return Blocks(*(np.array([getattr(block, axis)], np.int64) for axis in Blocks._fields))


def trips_of(geometry: Geometry, blocks: Blocks) -> dict[Loop, IntArray]:
    """How many blocks there are along each loop."""
    n, per_group = len(geometry.widths), geometry.tiles
    within = geometry.groups * -(-per_group // np.minimum(blocks.channels, per_group))
    return {
        "images": -(-geometry.images // blocks.images),
        "timesteps": -(-geometry.timesteps // blocks.timesteps),
        "positions": -(-geometry.outputs[0] // blocks.rows) * -(-geometry.outputs[1] // blocks.columns),
        "channels": np.where(blocks.channels >= per_group, -(-n // blocks.channels), within),
        "inputs": -(-geometry.input_channels // blocks.inputs),
    }


Several = dict[Loop, NDArray[np.bool_]]


def outside(
    loops: tuple[Loop, ...], others: frozenset[Loop], order: tuple[Loop, ...], several: Several
) -> NDArray[np.bool_]:
    """Whether some loops have trips and any of the others that has trips is within them: bool [blocking] or one."""
    found: NDArray[np.bool_] = np.zeros((), np.bool_)
    within: NDArray[np.bool_] = np.zeros((), np.bool_)
    for loop in reversed(order):
        if loop in loops:
            found = found | (several[loop] & within)
        if loop in others and loop not in loops:
            within = within | several[loop]
    return found


def repeats_of(
    geometry: Geometry,
    kind: str,
    order: tuple[Loop, ...],
    trips: dict[Loop, IntArray],
    several: Several,
    blocks: Blocks,
) -> IntArray:
    """How often each block of inputs or weights is brought: the trips of loops outside of those that change it."""
    found: IntArray = np.ones((), np.int64)
    for loop in LOOPS:
        if loop not in RELEVANT[kind]:
            times = trips[loop]
            if loop == "channels":  # other groups have other inputs
                times = -(-geometry.tiles // np.minimum(blocks.channels, geometry.tiles))
            found = found * np.where(outside((loop,), RELEVANT[kind], order, several), times, 1)
    return found


def _innermost(geometry: Geometry, kind: str, order: tuple[Loop, ...], several: Several) -> NDArray[np.bool_]:
    """Whether the innermost loop that has trips changes a kind of data: then the next block comes beside it."""
    found: NDArray[np.bool_] = np.zeros((), np.bool_)
    inner: NDArray[np.bool_] = np.zeros((), np.bool_)  # whether a loop further in has trips
    for loop in reversed(order):
        changes = loop in RELEVANT[kind] or (kind == "inputs" and loop == "channels" and geometry.groups > 1)
        if changes:
            found = found | (several[loop] & ~inner)
        inner = inner | several[loop]
    return found


def _widest(geometry: Geometry, blocks: Blocks) -> IntArray:
    """Most output channels of a block."""
    widths = np.array(geometry.widths, np.int64)
    per_group, n = geometry.tiles, geometry.tiles * geometry.groups
    sums = np.concatenate([[0], np.cumsum(widths)])
    found = sums[np.minimum(blocks.channels, n)]  # tiles of a group are as wide as its first, but for its last
    return np.where(blocks.channels >= per_group, found, np.minimum(found, sums[per_group]))


def of_inputs(geometry: Geometry, blocks: Blocks) -> tuple[IntArray, IntArray]:
    """Inputs from DRAM: bits of all blocks, each once, and of the largest."""
    total, most = np.zeros((), np.int64), np.zeros((), np.int64)
    groups = np.minimum(geometry.groups, np.maximum(1, blocks.channels // geometry.tiles))
    for i, source in enumerate(geometry.sources):
        if source.in_dram:
            rows, columns = (geometry.places(i, axis) for axis in (0, 1))
            total = total + rows[0][blocks.rows] * columns[0][blocks.columns] * sum(source.bits)
            bits: IntArray = np.array([_most_of(source.bits, int(n)) for n in range(geometry.groups + 1)])[groups]
            if geometry.cuts_inputs:
                bits = source.bits[0] // geometry.input_channels * blocks.inputs
            most = most + rows[1][blocks.rows] * columns[1][blocks.columns] * bits
    at_once = np.minimum(blocks.timesteps, geometry.reading) * blocks.images
    return total * (geometry.reading * geometry.images), most * at_once


def _most_of(bits: tuple[int, ...], groups: int) -> int:
    """Most bits of so many neighbouring groups, that begin at a multiple of them."""
    return max((sum(bits[i : i + groups]) for i in range(0, len(bits), max(groups, 1))), default=0)
