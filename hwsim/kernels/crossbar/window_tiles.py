"""Set bits under sliding windows, tile by tile of output positions, from packed words; knows geometry, no hardware."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import Sliding, padded

IntArray = NDArray[np.int64]
Words = NDArray[np.uint64]


class Groups(NamedTuple):
    """Which bits of a place's words belong to each group of channels."""

    first: IntArray  # [group] first word
    stop: IntArray  # [group] one past the last
    mask: Words  # [group, word]


class TileCounts(NamedTuple):
    """Counts per tile, which is a run of output positions in raster order: int64 [sample, time, group, tile] each."""

    ones: IntArray  # set bits under the windows, over all positions of the tile
    most: IntArray  # those of the position that has most


def channel_groups(channels: int, groups: int) -> Groups:
    """Equal runs of channels."""
    first = np.arange(groups, dtype=np.int64) * (channels // groups)
    return channel_runs(channels, np.stack([first, first + channels // groups], axis=1))


def channel_runs(channels: int, runs: IntArray) -> Groups:
    """Runs of channels, [run, 2] first and one past the last, channel c being bit c % 64 of word c // 64."""
    first, stop = runs[:, 0], runs[:, 1]
    mask = np.zeros((len(runs), -(-channels // 64)), np.uint64)
    for group, (start, end) in enumerate(runs.tolist()):
        for word in range(start // 64, -(-end // 64)):
            mask[group, word] = (1 << min(end - 64 * word, 64)) - (1 << max(start - 64 * word, 0))
    return Groups(first // 64, -(-stop // 64), mask)


def count_tiles(planes: Words, window: Sliding, groups: Groups, tile: int | IntArray) -> TileCounts:
    """Count `planes` uint64 [plane, sample, time, position, word] in tiles of output positions.

    `tile` is their size in raster order, or the tile of each position: int64 [position].  A place counts as many times
    as it has set bits in all planes; places beyond the edge count nothing.
    """
    tile_of = np.arange(window.out_height * window.out_width, dtype=np.int64) // tile if np.ndim(tile) == 0 else tile
    assert isinstance(tile_of, np.ndarray)
    tiles = int(tile_of.max()) + 1
    shape = (planes.shape[1], planes.shape[2], groups.first.size, tiles)
    counts = TileCounts(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    height, width = padded(window)
    places = np.zeros(window.height * window.width, np.int64)
    maps = np.zeros((3, height * width), np.int64)
    _count(np.ascontiguousarray(planes), window, groups, tile_of, places, maps, width, counts)
    return counts


@kernel(allocates=False)
def _count(
    planes: Words,
    window: Sliding,
    groups: Groups,
    tile_of: IntArray,
    places: IntArray,
    maps: IntArray,
    width: int,
    counts: TileCounts,
) -> None:
    """The loops of `count_tiles`; `places` is room for a map, `maps` zeros for three of what windows cover."""
    for s in range(planes.shape[1]):
        for t in range(planes.shape[2]):
            for g in range(groups.first.size):
                _count_places(planes[:, s, t], groups.first[g], groups.stop[g], groups.mask[g], places)
                for y in range(window.height):
                    row = places[y * window.width : (y + 1) * window.width]
                    into = maps[0, (y + window.padding[0]) * width + window.padding[1] :]
                    for x in range(row.size):
                        into[x] = row[x]
                _add_shifted(maps[0], window.kernel[1], window.dilation[1], maps[1])
                _add_shifted(maps[1], window.kernel[0], window.dilation[0] * width, maps[2])
                _add_tiles(maps[2], window, width, tile_of, counts.ones[s, t, g], counts.most[s, t, g])


@kernel(allocates=False, inlined=True)
def _count_places(planes: Words, first: int, stop: int, mask: Words, places: IntArray) -> None:
    """Set bits of some words of every place: `planes` is [plane, place, word]."""
    places[:] = 0
    for p in range(planes.shape[0]):
        for w in range(first, stop):
            for place in range(places.size):
                places[place] += popcount(planes[p, place, w] & mask[w])


@kernel(allocates=False, inlined=True)
def _add_shifted(values: IntArray, times: int, distance: int, sums: IntArray) -> None:
    """Add to every value those that follow it a distance apart, so many in all, as far as there are any.

    The rows of a map are one long row to it, for which a processor's vectors are made: what begins near the end of a
    row of the map, and would go on in the next, is no window of an output.
    """
    for i in range(values.size):
        sums[i] = values[i]
    for k in range(1, times):
        later = values[k * distance :]
        for i in range(later.size):
            sums[i] += later[i]


@kernel(allocates=False, inlined=True)
def _add_tiles(
    windows: IntArray, window: Sliding, width: int, tile_of: IntArray, ones: IntArray, most: IntArray
) -> None:
    """Add up the windows of the outputs of each tile, and find the largest: [tile]."""
    tile, total, largest, at = tile_of[0], 0, 0, 0
    for oy in range(window.out_height):
        row = windows[oy * window.stride[0] * width :]
        for ox in range(window.out_width):
            if tile_of[at] != tile:
                ones[tile] += total
                most[tile] = max(most[tile], largest)
                tile, total, largest = tile_of[at], 0, 0
            found = row[ox * window.stride[1]]
            total += found
            largest = max(largest, found)
            at += 1
    ones[tile] += total
    most[tile] = max(most[tile], largest)
