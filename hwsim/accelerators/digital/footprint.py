"""What blocks of one layer take in the global buffer and move to and from DRAM, for many blockings at once.

Everything is in bits.  A block of inputs or weights moves again whenever the block before it was another one, so as
often as there are blocks, times the trips of the loops outside of those that change it (docs/machines/digital.md).
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.blocking import LOOPS, RELEVANT, Blocking, Loop
from hwsim.accelerators.digital.geometry import Geometry
from hwsim.contract.arrays import IntArray


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
