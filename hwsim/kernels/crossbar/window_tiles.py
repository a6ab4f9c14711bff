"""Set bits under sliding windows, tile by tile of output positions, from packed words; knows geometry, no hardware."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import Sliding

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
    """Equal runs of channels, channel c being bit c % 64 of word c // 64."""
    size, n_words = channels // groups, -(-channels // 64)
    start = np.arange(groups, dtype=np.int64) * size
    mask = np.zeros((groups, n_words), np.uint64)
    for group in range(groups):
        for word in range(start[group] // 64, -(-(start[group] + size) // 64)):
            low = max(int(start[group]) - 64 * int(word), 0)
            high = min(int(start[group]) + size - 64 * int(word), 64)
            mask[group, word] = (1 << high) - (1 << low)
    return Groups(start // 64, -(-(start + size) // 64), mask)


def count_tiles(planes: Words, window: Sliding, groups: Groups, tile: int) -> TileCounts:
    """Count `planes` uint64 [plane, sample, time, position, word] in tiles of `tile` output positions.

    A place counts as many times as it has set bits in all planes; places beyond the edge count nothing.
    """
    tiles = -(-window.out_height * window.out_width // tile)
    shape = (planes.shape[1], planes.shape[2], groups.first.size, tiles)
    counts = TileCounts(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    places = np.zeros(window.height * window.width, np.int64)
    columns = np.zeros(window.width, np.int64)
    _count(np.ascontiguousarray(planes), window, groups, tile, places, columns, counts)
    return counts


@kernel(allocates=False)
def _count(
    planes: Words,
    window: Sliding,
    groups: Groups,
    tile: int,
    places: IntArray,
    columns: IntArray,
    counts: TileCounts,
) -> None:
    """The loops of `count_tiles`; `places` and `columns` are room for a map and for a row of it."""
    for s in range(planes.shape[1]):
        for t in range(planes.shape[2]):
            for g in range(groups.first.size):
                _count_places(planes[:, s, t], groups.first[g], groups.stop[g], groups.mask[g], places)
                _add_windows(places, window, tile, columns, counts.ones[s, t, g], counts.most[s, t, g])


@kernel(allocates=False, inlined=True)
def _count_places(planes: Words, first: int, stop: int, mask: Words, places: IntArray) -> None:
    """Set bits of some words of every place: `planes` is [plane, place, word]."""
    places[:] = 0
    for p in range(planes.shape[0]):
        for w in range(first, stop):
            for place in range(places.size):
                places[place] += popcount(planes[p, place, w] & mask[w])


@kernel(allocates=False, inlined=True)
def _add_windows(
    places: IntArray, window: Sliding, tile: int, columns: IntArray, ones: IntArray, most: IntArray
) -> None:
    """Add the counts of places up over every window, and those over the windows of each tile: [tile]."""
    at, left = 0, tile
    for oy in range(window.out_height):
        top = oy * window.stride[0] - window.padding[0]
        columns[:] = 0
        for ky in range(window.kernel[0]):
            y = top + ky * window.dilation[0]
            if y < 0 or y >= window.height:
                continue
            for x in range(window.width):
                columns[x] += places[y * window.width + x]
        for ox in range(window.out_width):
            low = ox * window.stride[1] - window.padding[1]
            found = 0
            for kx in range(window.kernel[1]):
                x = low + kx * window.dilation[1]
                if x >= 0 and x < window.width:
                    found += columns[x]
            ones[at] += found
            most[at] = max(most[at], found)
            left -= 1
            if left == 0:
                at, left = at + 1, tile
