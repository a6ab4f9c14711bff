"""Counts of spiking rows per crossbar, read phase and output row, from packed words; knows geometry, no prices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount

IntArray = NDArray[np.int64]


class Window(NamedTuple):
    """Geometry of a sliding window over a (height, width) map."""

    height: int
    width: int
    kernel: int
    stride: int
    padding: int
    out_height: int
    out_width: int


class Segments(NamedTuple):
    """Masked words of a window, sorted by read phase: phase p owns segments start[p] to start[p + 1]."""

    row: IntArray  # [segment] offset in the window
    column: IntArray  # [segment]
    word: IntArray  # [segment]
    mask: NDArray[np.uint64]  # [segment]
    start: IntArray  # [row block * phases + 1]
    phases: int  # read phases of a row block


class RowCounts(NamedTuple):
    """Counts per output row: int64 [sample, time, output row] each."""

    driven: IntArray  # rows driven, times the pulses of their digit
    ones: IntArray  # set bits of the digits of those rows
    active: IntArray  # phases of row blocks in which at least one row is driven
    serial: IntArray  # read phases one after another: over positions and digits, the row block with most active phases
    over_range: IntArray  # active phases whose driven rows could exceed `range_rows`
    silent: IntArray  # digits of positions in which no row of any row block is driven


@njit(cache=True)
def count_rows(
    planes: NDArray[np.uint64], window: Window, segments: Segments, dac_bits: int, range_rows: int, counts: RowCounts
) -> None:
    """Add the counts of `planes` uint64 [plane, sample, time, position, word] to `counts`.

    A digit is `dac_bits` neighbouring planes, least significant first; a row with digit d is driven for d unit pulses.
    """
    n_planes, n_samples, n_times = planes.shape[0], planes.shape[1], planes.shape[2]
    for s in range(n_samples):
        for t in range(n_times):
            for oy in range(window.out_height):
                for ox in range(window.out_width):
                    for low in range(0, n_planes, dac_bits):
                        high = min(low + dac_bits, n_planes)
                        _count_position(planes[low:high, s, t], window, segments, range_rows, counts, (s, t, oy, ox))


@njit(cache=True)
def _count_position(
    digit: NDArray[np.uint64],
    window: Window,
    segments: Segments,
    range_rows: int,
    counts: RowCounts,
    place: tuple[int, int, int, int],
) -> None:
    s, t, oy, ox = place
    y0 = oy * window.stride - window.padding
    x0 = ox * window.stride - window.padding
    most = 0
    ones = 0
    n_phases = segments.start.shape[0] - 1
    for block in range(0, n_phases, segments.phases):
        active = 0
        for phase in range(block, block + segments.phases):
            driven = 0
            for i in range(segments.start[phase], segments.start[phase + 1]):
                y = y0 + segments.row[i]
                x = x0 + segments.column[i]
                if 0 <= y < window.height and 0 <= x < window.width:
                    position = y * window.width + x
                    for p in range(digit.shape[0]):
                        rows = popcount(digit[p, position, segments.word[i]] & segments.mask[i])
                        driven += rows << p
                        ones += rows
            if driven > 0:
                active += 1
                counts.driven[s, t, oy] += driven
                if driven > range_rows:
                    counts.over_range[s, t, oy] += 1
        counts.active[s, t, oy] += active
        most = max(most, active)
    counts.ones[s, t, oy] += ones
    counts.serial[s, t, oy] += most
    if most == 0:
        counts.silent[s, t, oy] += 1


@njit(cache=True)
def sum_levels(
    planes: NDArray[np.uint64], window: Window, levels: IntArray, digit_weight: IntArray, sums: IntArray
) -> None:
    """Add to `sums` int64 [sample, time, output row] the conductance levels that the driven rows draw current through.

    `levels` is int64 [kernel row, kernel column, channel]: the levels of all cells in a row; `digit_weight` int64
    [plane]
    the unit pulses of each plane.
    """
    for p in range(planes.shape[0]):
        for s in range(planes.shape[1]):
            for t in range(planes.shape[2]):
                for y in range(window.height):
                    for x in range(window.width):
                        words = planes[p, s, t, y * window.width + x]
                        _sum_pixel(words, window, levels, digit_weight[p], sums[s, t], (y, x))


@njit(cache=True)
def _sum_pixel(
    words: NDArray[np.uint64],
    window: Window,
    levels: IntArray,
    weight: int,
    sums: IntArray,
    place: tuple[int, int],
) -> None:
    y, x = place
    for ky in range(window.kernel):
        row = y + window.padding - ky
        oy = row // window.stride
        if row < 0 or row % window.stride != 0 or oy >= window.out_height:
            continue
        for kx in range(window.kernel):
            column = x + window.padding - kx
            if column < 0 or column % window.stride != 0 or column // window.stride >= window.out_width:
                continue
            total = 0
            for w in range(words.shape[0]):
                word = words[w]
                while word != np.uint64(0):
                    total += levels[ky, kx, w * 64 + popcount(~word & (word - np.uint64(1)))]  # trailing zeros
                    word &= word - np.uint64(1)
            sums[oy] += total * weight
