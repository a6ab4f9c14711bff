"""What crossbars give that lose nothing: of all sums of whole levels each has a code, and nothing is added to it.

Then a code is the sum itself, so all reads of a window are added up before slices, digits and offsets are, once.  The
outcome is that of `reads.read_layer`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.reads import Columns, Integers, Reads, Scratch, Words, add_word
from hwsim.kernels.crossbar.rows import IntArray, Window


class Driven(NamedTuple):
    """Room for the words of one group of one position that drive rows, and for the sums of its columns."""

    words: Words  # [segment * planes]
    segments: IntArray  # [segment * planes], of each word
    planes: IntArray  # [segment * planes]
    totals: Integers  # [column]


@kernel(allocates=False)
def read_lossless(
    planes: Words,
    window: Window,
    reads: Reads,
    columns: Columns,
    driven: Driven,
    scratch: Scratch,
    passed: NDArray[np.int32],
) -> None:
    """Fill `passed` int32 [sample, y, x, output] from `planes` uint64 [plane, sample, position, word].

    Sums beyond 32 bits saturate.
    """
    n_reads, n_outputs, totals = reads.segments.start.size - 1, scratch.sums.size, driven.totals
    for s in range(planes.shape[1]):
        for oy in range(window.out_height):
            for ox in range(window.out_width):
                for first in range(0, n_reads, reads.per_group):
                    n_words, pulses, converted = _gather(planes, s, oy, ox, first, window, reads, driven)
                    scratch.counts[0] += converted * totals.size
                    totals[:] = 0
                    for k in range(n_words):
                        word, i, plane = driven.words[k], driven.segments[k], driven.planes[k]
                        add_word(word, i, plane, reads, columns, scratch.listed, totals)
                    start = first // reads.per_group * n_outputs
                    _add_parts(totals, pulses, columns, scratch.sums, passed[s, oy, ox, start : start + n_outputs])


@kernel(allocates=False, inlined=True)
def _gather(
    planes: Words, s: int, oy: int, ox: int, first: int, window: Window, reads: Reads, driven: Driven
) -> tuple[int, int, int]:
    """Write down the words of a group that drive rows; how many, how many unit pulses, how many reads of a digit."""
    segments, n_words, pulses, converted = reads.segments, 0, 0, 0
    for read in range(first, first + reads.per_group):
        for low in range(0, planes.shape[0], reads.dac_bits):
            before = n_words
            for i in range(segments.start[read], segments.start[read + 1]):
                y = oy * window.stride - window.padding + segments.row[i]
                x = ox * window.stride - window.padding + segments.column[i]
                if y < 0 or y >= window.height or x < 0 or x >= window.width:
                    continue
                for plane in range(low, min(low + reads.dac_bits, planes.shape[0])):
                    word = planes[plane, s, y * window.width + x, segments.word[i]] & segments.mask[i]
                    if word:
                        driven.words[n_words], driven.segments[n_words], driven.planes[n_words] = word, i, plane
                        n_words += 1
                        pulses += popcount(word) << plane
            converted += 1 if n_words > before else 0
    return n_words, pulses, converted


@kernel(allocates=False, inlined=True)
def _add_parts(totals: Integers, pulses: int, columns: Columns, sums: IntArray, passed: NDArray[np.int32]) -> None:
    """Weigh the columns of a group by their parts, less what was added to weights."""
    sums[:] = -pulses * columns.offset
    for part in range(columns.factors.size):
        factor = columns.factors[part]
        for o in range(sums.size):
            sums[o] += totals[part * sums.size + o] * factor
    if columns.references.size:
        for o in range(sums.size):
            sums[o] -= totals[columns.references[o]] * columns.reference_factor
    for o in range(sums.size):
        passed[o] = min(max(sums[o], -2147483647), 2147483647)
