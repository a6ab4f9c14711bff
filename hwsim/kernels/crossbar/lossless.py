"""What crossbars give that lose nothing: of all sums of whole levels each has a code, and nothing is added to it.

Then codes, weighed and added up, are the sum of what the driven rows are worth.  The outcome is that of
`reads.read_layer`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import trailing_zeros
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.read_rows import Reads, place_of
from hwsim.kernels.crossbar.reads import Words
from hwsim.kernels.crossbar.rows import IntArray, Sliding
from hwsim.kernels.crossbar.word_vectors import add_rows

Narrow = NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32] | NDArray[np.int64]


class Worth(NamedTuple):
    """What rows are worth, and room for one group of one position."""

    rows: Narrow  # [cell row, output]
    listed: IntArray  # [row of a group] those that one plane drives
    totals: Narrow  # [output]
    counts: IntArray  # [2] conversions, conversions that clipped; added to


@kernel(allocates=False)
def read_lossless(
    planes: Words, window: Sliding, reads: Reads, columns: int, worth: Worth, passed: NDArray[np.int32]
) -> None:
    """Fill `passed` int32 [sample, y, x, output] from `planes` uint64 [plane, sample, position, word].

    `columns` are converted in each read of a digit that drives a row.
    """
    n_reads, n_outputs = reads.segments.start.size - 1, worth.totals.size
    for s in range(planes.shape[1]):
        for oy in range(window.out_height):
            for ox in range(window.out_width):
                for first in range(0, n_reads, reads.per_group):
                    worth.totals[:] = 0
                    for plane in range(planes.shape[0] - 1, -1, -1):
                        n = _list_rows(planes[plane, s], oy, ox, first, window, reads, worth.listed)
                        for o in range(n_outputs):
                            worth.totals[o] += worth.totals[o]  # planes below count half
                        add_rows(worth.rows, worth.listed, n, 0, worth.totals, n_outputs)
                    worth.counts[0] += columns * _n_driven(planes, s, oy, ox, first, window, reads)
                    start = first // reads.per_group * n_outputs
                    for o in range(n_outputs):
                        passed[s, oy, ox, start + o] = worth.totals[o]


@kernel(allocates=False, inlined=True)
def _list_rows(plane: Words, oy: int, ox: int, first: int, window: Sliding, reads: Reads, listed: IntArray) -> int:
    """Write down the rows of a group that a plane drives; how many."""
    segments, n = reads.segments, 0
    for i in range(segments.start[first], segments.start[first + reads.per_group]):
        place = place_of(i, oy, ox, window, reads)
        if place < 0:
            continue
        word = plane[place, segments.word[i]] & segments.mask[i]
        while word != np.uint64(0):
            listed[n] = reads.first_row[i] + trailing_zeros(word)
            word &= word - np.uint64(1)
            n += 1
    return n


@kernel(allocates=False, inlined=True)
def _n_driven(planes: Words, s: int, oy: int, ox: int, first: int, window: Sliding, reads: Reads) -> int:
    """Reads of a digit that drive a row, in one group."""
    segments, found = reads.segments, 0
    for read in range(first, first + reads.per_group):
        for low in range(0, planes.shape[0], reads.dac_bits):
            driven = np.uint64(0)
            for i in range(segments.start[read], segments.start[read + 1]):
                place = place_of(i, oy, ox, window, reads)
                if place >= 0:
                    for plane in range(low, min(low + reads.dac_bits, planes.shape[0])):
                        driven |= planes[plane, s, place, segments.word[i]] & segments.mask[i]
            found += driven != np.uint64(0)
    return found
