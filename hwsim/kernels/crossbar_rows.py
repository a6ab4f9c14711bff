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
    totals = np.zeros((window.out_height, len(counts)), dtype=np.int64)
    for low in range(0, planes.shape[0], dac_bits):
        for s in range(planes.shape[1]):
            for t in range(planes.shape[2]):
                totals[:] = 0
                _count_map(planes[low : low + dac_bits, s, t], window, segments, range_rows, totals)
                for oy in range(window.out_height):
                    counts.driven[s, t, oy] += totals[oy, 0]
                    counts.ones[s, t, oy] += totals[oy, 1]
                    counts.active[s, t, oy] += totals[oy, 2]
                    counts.serial[s, t, oy] += totals[oy, 3]
                    counts.over_range[s, t, oy] += totals[oy, 4]
                    counts.silent[s, t, oy] += totals[oy, 5]


@njit(cache=True)
def _count_map(
    digit: NDArray[np.uint64], window: Window, segments: Segments, range_rows: int, totals: IntArray
) -> None:
    """Add the counts of one digit of one map [plane, position, word] to `totals` [output row, field of RowCounts]."""
    for oy in range(window.out_height):
        for ox in range(window.out_width):
            y0 = oy * window.stride - window.padding
            x0 = ox * window.stride - window.padding
            most = 0
            for block in range(0, segments.start.size - 1, segments.phases):
                active = 0
                for phase in range(block, block + segments.phases):
                    driven = 0
                    for i in range(segments.start[phase], segments.start[phase + 1]):
                        y = y0 + segments.row[i]
                        x = x0 + segments.column[i]
                        if 0 <= y < window.height and 0 <= x < window.width:
                            for p in range(digit.shape[0]):
                                word = digit[p, y * window.width + x, segments.word[i]]
                                rows = popcount(word & segments.mask[i])
                                driven += rows << p
                                totals[oy, 1] += rows
                    totals[oy, 0] += driven
                    active += driven > 0
                    totals[oy, 4] += driven > range_rows
                totals[oy, 2] += active
                most = max(most, active)
            totals[oy, 3] += most
            totals[oy, 5] += most == 0
