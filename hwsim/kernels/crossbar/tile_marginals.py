"""What one set bit more or less does to the cycles of tiles whose slowest row, or sum of rows, sets the pace."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import Sliding
from hwsim.kernels.crossbar.window_tiles import Groups

IntArray = NDArray[np.int64]
Words = NDArray[np.uint64]
Reals = NDArray[np.float32]


class Pace(NamedTuple):
    """Cycles of a tile: the larger of its slowest row's bits and what its memory takes for them."""

    accesses: int  # of the memory for one bit; 0 without one
    banks: int
    cycles: int  # of one access
    by_row: bool  # whether each row has a memory of its own, so that the slowest counts there, too


class Rooms(NamedTuple):
    """Arrays for one map."""

    places: IntArray  # [place] set bits
    sums: IntArray  # [position] those under its window
    times: IntArray  # [place] windows of the tile that cover it
    tied: IntArray  # [place] those of them with most bits
    touched: IntArray  # [place] places under the tile


def tile_marginals(
    planes: Words,
    window: Sliding,
    groups: Groups,
    tile_of: IntArray,
    pace: Pace,
    weights: Reals,
    linear: Reals,
) -> tuple[Reals, Reals]:
    """What a bit more, and one less, at every place changes: float32 [sample, time, group, place] each.

    `planes` is uint64 [plane, sample, time, place, word]; `weights` [sample, time, group, tile] what a cycle of a tile
    weighs, `linear` likewise what each window over a bit adds whatever the cycles are.
    """
    shape = (*planes.shape[1:3], groups.first.size, planes.shape[3])
    more, less = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    order = np.argsort(tile_of, kind="stable")
    starts = np.searchsorted(tile_of[order], np.arange(int(tile_of.max()) + 2))
    n = planes.shape[3]
    rooms = Rooms(*(np.zeros(size, np.int64) for size in (n, tile_of.size, n, n, n)))
    _marginals(np.ascontiguousarray(planes), window, groups, order, starts, pace, weights, linear, rooms, more, less)
    return more, less


@kernel(allocates=False, inlined=True)
def _cycles(ones: int, most: int, pace: Pace) -> int:
    if pace.accesses == 0:
        return most
    fetches = (most if pace.by_row else ones) * pace.accesses
    return max(most, -(-fetches // pace.banks) * pace.cycles)


@kernel(allocates=False)
def _marginals(
    planes: Words,
    window: Sliding,
    groups: Groups,
    order: IntArray,
    starts: IntArray,
    pace: Pace,
    weights: Reals,
    linear: Reals,
    rooms: Rooms,
    more: Reals,
    less: Reals,
) -> None:
    for s in range(planes.shape[1]):
        for t in range(planes.shape[2]):
            for g in range(groups.first.size):
                _sum_windows(planes, s, t, g, window, groups, rooms)
                for tile in range(starts.size - 1):
                    weight, each = weights[s, t, g, tile], linear[s, t, g, tile]
                    if weight != 0 or each != 0:
                        n, ones, most, ties = _touch(window, order, starts[tile], starts[tile + 1], rooms)
                        now = _cycles(ones, most, pace)
                        for i in range(n):
                            p = rooms.touched[i]
                            k, tied = rooms.times[p], rooms.tied[p]
                            after = _cycles(ones + k, most + (tied > 0), pace)
                            before = _cycles(ones - k, most - (tied == ties), pace)
                            more[s, t, g, p] += weight * (after - now) + each * k
                            less[s, t, g, p] += weight * (now - before) + each * k
                            rooms.times[p] = 0
                            rooms.tied[p] = 0


@kernel(allocates=False, inlined=True)
def _sum_windows(planes: Words, s: int, t: int, g: int, window: Sliding, groups: Groups, rooms: Rooms) -> None:
    """Fill `places` and `sums` for some channels of one map."""
    rooms.places[:] = 0
    for p in range(planes.shape[0]):
        for w in range(groups.first[g], groups.stop[g]):
            for place in range(rooms.places.size):
                rooms.places[place] += popcount(planes[p, s, t, place, w] & groups.mask[g, w])
    at = 0
    for oy in range(window.out_height):
        for ox in range(window.out_width):
            found = 0
            for ky in range(window.kernel[0]):
                y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
                if y < 0 or y >= window.height:
                    continue
                for kx in range(window.kernel[1]):
                    x = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
                    if x >= 0 and x < window.width:
                        found += rooms.places[y * window.width + x]
            rooms.sums[at] = found
            at += 1


@kernel(allocates=False, inlined=True)
def _touch(window: Sliding, order: IntArray, first: int, stop: int, rooms: Rooms) -> tuple[int, int, int, int]:
    """Note which places a tile's windows cover, and how often; returns how many, its bits, its most and its ties."""
    ones, most, ties, n = 0, 0, 0, 0
    for i in range(first, stop):
        ones += rooms.sums[order[i]]
        most = max(most, rooms.sums[order[i]])
    for i in range(first, stop):
        is_most = rooms.sums[order[i]] == most
        ties += is_most
        oy, ox = order[i] // window.out_width, order[i] % window.out_width
        for ky in range(window.kernel[0]):
            y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
            if y < 0 or y >= window.height:
                continue
            for kx in range(window.kernel[1]):
                x = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
                if x >= 0 and x < window.width:
                    p = y * window.width + x
                    if rooms.times[p] == 0:
                        rooms.touched[n] = p
                        n += 1
                    rooms.times[p] += 1
                    rooms.tied[p] += is_most
    return n, ones, most, ties
