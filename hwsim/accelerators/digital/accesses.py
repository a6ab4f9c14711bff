"""How many words of the global buffer blocks of one layer read and write, for many blockings of one order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.blocking import RELEVANT, Loop, tiles_of
from hwsim.accelerators.digital.footprint import Blocks, outside, repeats_of, trips_of
from hwsim.accelerators.digital.geometry import Geometry, Source
from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct
from hwsim.traces.network.window import Window


def accesses(geometry: Geometry, order: tuple[Loop, ...], blocks: Blocks) -> IntArray:
    """Words that blockings [blocking] read and write: int64 [blocking].

    Inputs and weights come in as often as they do from DRAM, and go out to the array tile by tile and to the
    scratchpads block by block; partial sums and states go out and come back where they wait in the buffer.  Without
    scratchpads weights of all taps are counted, also of those that meet nothing of a spread map.
    """
    trips = trips_of(geometry, blocks)
    several = {loop: count > 1 for loop, count in trips.items()}
    times = geometry.reading * geometry.images
    slices, last = trips["inputs"], geometry.input_channels - (trips["inputs"] - 1) * blocks.inputs
    brought = repeats_of(geometry, "inputs", order, trips, several, blocks)
    found: IntArray = np.zeros(blocks.rows.size, np.int64)
    shapes, which = np.unique(np.stack([blocks.rows, blocks.columns]), axis=1, return_inverse=True)
    tiles = np.array([_position_tiles(geometry.outputs, geometry.array_rows, h, w) for h, w in shapes.T.tolist()])
    for i, source in enumerate(geometry.sources):
        met = [_met(geometry, source, h, w) for h, w in shapes.T.tolist()]
        per_place: IntArray = _words(geometry, np.array(source.bits, np.int64)).sum()
        if geometry.cuts_inputs:
            per_channel = source.bits[0] // geometry.input_channels
            per_place = (slices - 1) * _words(geometry, blocks.inputs * per_channel)
            per_place = per_place + _words(geometry, last * per_channel)
        found += np.array(met)[which.ravel()] * per_place * (times * geometry.tiles)
        if source.in_dram:
            rows, columns = (geometry.places(i, axis)[0] for axis in (0, 1))
            found += rows[blocks.rows] * columns[blocks.columns] * per_place * brought * times
    found += _of_weights(geometry, order, blocks, tiles[which.ravel()] * times)
    kept = several["inputs"] & ~outside(("inputs",), RELEVANT["sums"], order, several)
    sums = _of_outputs(geometry, geometry.sum_bits) * geometry.reading
    found += np.where(kept, 2 * (slices - 1) * sums, 0)
    if geometry.state_bits:
        left = outside(("timesteps",), RELEVANT["states"], order, several)
        states = 2 * (trips["timesteps"] - 1) * _of_outputs(geometry, geometry.state_bits)
        found += np.where(several["timesteps"] & ~left, states, 0)
    return found


def _of_weights(geometry: Geometry, order: tuple[Loop, ...], blocks: Blocks, tiles: IntArray) -> IntArray:
    """Words of weights into the buffer and out of it; `tiles` of positions at all timesteps and images."""
    trips = trips_of(geometry, blocks)
    several = {loop: count > 1 for loop, count in trips.items()}
    slices, last = trips["inputs"], geometry.input_channels - (trips["inputs"] - 1) * blocks.inputs
    per_input = geometry.window.taps * geometry.weight_bits
    words: IntArray = np.zeros(blocks.rows.size, np.int64)
    for width in geometry.widths:
        words += (slices - 1) * _words(geometry, width * per_input * blocks.inputs)
        words += _words(geometry, width * per_input * last)
    brought = repeats_of(geometry, "weights", order, trips, several, blocks)
    in_scratchpads = np.minimum(2, len(geometry.widths) * slices) * per_input * blocks.inputs
    visits = trips["images"] * trips["timesteps"] * trips["positions"]
    filled = np.where(blocks.channels > 1, visits, brought)
    return words * (brought + np.where(in_scratchpads <= geometry.scratchpad_bits, filled, tiles))


def _words(geometry: Geometry, bits: IntArray) -> IntArray:
    return -(-bits // geometry.port_bits)


def _of_outputs(geometry: Geometry, bits: int) -> int:
    """Words of something of every output of all images."""
    words = sum(-(-width * bits // geometry.port_bits) for width in geometry.widths)
    return words * geometry.positions * geometry.images


@lru_cache(maxsize=4096)
def _position_tiles(outputs: tuple[int, int], rows: int, height: int, width: int) -> int:
    """Tiles of the positions of all blocks."""
    heights, widths = (
        np.minimum(block, size - np.arange(0, size, block))
        for size, block in zip(outputs, (height, width), strict=True)
    )
    return int((-(-heights[:, None] * widths // rows)).sum())


def _met(geometry: Geometry, source: Source, height: int, width: int) -> int:
    """Distinct places of a map under the windows of each tile, of all tiles of an image."""
    if source.flat:
        return source.size[0] * source.size[1] * _position_tiles(geometry.outputs, geometry.array_rows, height, width)
    return _places(
        geometry.window, geometry.outputs, geometry.read, source.repeats, (height, width), geometry.array_rows
    )


@lru_cache(maxsize=4096)
def _places(
    window: Window,
    outputs: tuple[int, int],
    read: tuple[int, int],
    repeats: tuple[int, int],
    block: tuple[int, int],
    rows: int,
) -> int:
    """Distinct places under the windows of each tile, added up over all tiles in blocks of some rows and columns."""
    tile = tiles_of(outputs, block, rows)
    met = [window.places(axis, outputs[axis], read[axis]) for axis in (0, 1)]
    place: list[NDArray[np.int64]] = [np.where(each < 0, -1, each // repeats[axis]) for axis, each in enumerate(met)]
    y, x = place[0][:, None, :, None], place[1][None, :, None, :]
    key = (tile.reshape(outputs)[:, :, None, None] * read[0] + y) * read[1] + x
    return int(distinct(key[(y >= 0) & (x >= 0)]).size)
