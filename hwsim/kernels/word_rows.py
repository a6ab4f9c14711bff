"""Counts of spiking rows where every read phase covers whole packed words: each word is read once; knows no prices.

The fast form of `crossbar_rows.count_rows` for placements in which no crossbar row block straddles two kernel offsets.
Then what a window asks of a word depends on the word alone, and an input row's sums count for every window over it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import compiled, inlined
from hwsim.kernels.crossbar_rows import RowCounts, Window

Words = NDArray[np.uint64]


class Plan(NamedTuple):
    """What follows from the geometry, and room to work in."""

    reads: NDArray[np.int64]  # [place] windows of a row that read it
    outputs: NDArray[np.int64]  # [row, 2] first and one past the last output row that reads it
    low: int  # first and one past the last place around the middle that are read equally often
    high: int
    starts: Words  # [word] where windows begin in a row whose place x is bit x + padding
    marks: Words  # [row, word] places with a spike, as bits
    joined: Words  # [word]
    full: NDArray[np.bool_]  # [row] whether every place has a spike
    rows: NDArray[np.int64]  # [row, 3] driven, active, over range, times the windows of a row that read them
    end: NDArray[np.int64]  # [1, 3] the same of one place
    totals: NDArray[np.int64]  # [output row, 3]
    busy: NDArray[np.int64]  # [output row] windows with a spike


def count_words(planes: Words, window: Window, words_per_block: int, range_rows: int, counts: RowCounts) -> None:
    """Add the counts of `planes` uint64 [plane, sample, time, position, word], contiguous, to `counts`.

    Every plane is a digit.  A row block is `words_per_block` neighbouring words of one position (the last may be
    shorter).
    """
    columns = outputs_over(window.width, window.kernel, window.stride, window.padding, window.out_width)
    reads = columns[:, 1] - columns[:, 0]
    changes = np.flatnonzero(np.diff(reads)) + 1
    middle = window.width // 2
    bits = np.zeros((window.width + 2 * window.padding) // 64 * 64 + 64, np.uint8)
    bits[np.arange(window.out_width) * window.stride] = 1
    starts = np.packbits(bits, bitorder="little").view(np.uint64)
    plan = Plan(
        reads=reads,
        outputs=outputs_over(window.height, window.kernel, window.stride, window.padding, window.out_height),
        low=int(max(changes[changes <= middle], default=0)),
        high=int(min(changes[changes > middle], default=window.width)),
        starts=starts,
        marks=np.zeros((window.height, starts.size + 1), np.uint64),
        joined=np.zeros(starts.size + 1, np.uint64),
        full=np.zeros(window.height, np.bool_),
        rows=np.zeros((window.height, 3), np.int64),
        end=np.zeros((1, 3), np.int64),
        totals=np.zeros((window.out_height, 3), np.int64),
        busy=np.zeros(window.out_height, np.int64),
    )
    count_maps(planes.reshape(-1), planes.shape, window, (words_per_block, range_rows), plan, counts)


def outputs_over(size: int, kernel: int, stride: int, padding: int, outputs: int) -> NDArray[np.int64]:
    """First and one past the last of `outputs` windows along one axis that cover each place: int64 [size, 2]."""
    place = np.arange(size) + padding
    first = np.maximum((place - kernel + stride) // stride, 0)
    return np.stack([first, np.maximum(first, np.minimum(place // stride + 1, outputs))], axis=1)


@compiled
def count_maps(
    words: Words,
    shape: tuple[int, int, int, int, int],
    window: Window,
    rule: tuple[int, int],
    plan: Plan,
    counts: RowCounts,
) -> None:
    """The loops of `count_words` over `words`, its planes flattened, of the given shape."""
    n_planes, n_samples, n_times, n_positions, n_words = shape
    totals, full = plan.totals, plan.full
    for p in range(n_planes):
        for s in range(n_samples):
            for t in range(n_times):
                totals[:] = 0
                first = ((p * n_samples + s) * n_times + t) * n_positions * n_words
                _count_map(words, first, n_words, window, rule, plan)
                if full.all() and window.padding < window.kernel:
                    plan.busy[:] = window.out_width
                else:
                    _count_busy(words, first, n_words, window, plan)
                for oy in range(window.out_height):
                    counts.driven[s, t, oy] += totals[oy, 0]
                    counts.ones[s, t, oy] += totals[oy, 0]
                    counts.active[s, t, oy] += totals[oy, 1]
                    counts.over_range[s, t, oy] += totals[oy, 2]
                    counts.serial[s, t, oy] += plan.busy[oy]
                    counts.silent[s, t, oy] += window.out_width - plan.busy[oy]


@compiled
def _count_busy(words: Words, first: int, n_words: int, window: Window, plan: Plan) -> None:
    """Windows of each output row in which something spikes, for a map that is not full of spikes."""
    for y in range(window.height):
        if not plan.full[y]:
            start = first + y * window.width * n_words
            plan.full[y] = _mark_spiking(words, start, n_words, window, plan.marks[y])
    for oy in range(window.out_height):
        plan.busy[oy] = _busy_windows(window, oy, plan)


@compiled
def _count_map(words: Words, first: int, n_words: int, window: Window, rule: tuple[int, int], plan: Plan) -> None:
    """Count one map that begins at words[first] into `plan.rows`, `totals` and `full`.

    Each row is counted whole as if it were read as often as its middle; its ends are corrected place by place.
    """
    words_per_block, range_rows = rule
    reads, low, high, rows = plan.reads, plan.low, plan.high, plan.rows
    _count_blocks(words, first, window.width * n_words, n_words, words_per_block, range_rows, rows)
    full_row = window.width * -(-n_words // words_per_block)
    for y in range(window.height):
        plan.full[y] = rows[y, 1] == full_row
        for field in range(3):
            rows[y, field] *= reads[low]
    if high - low < window.width:
        for y in range(window.height):
            for end in range(window.width - high + low):
                x = end if end < low else end + high - low
                place = first + (y * window.width + x) * n_words
                _count_blocks(words, place, n_words, n_words, words_per_block, range_rows, plan.end)
                for field in range(3):
                    rows[y, field] += plan.end[0, field] * (reads[x] - reads[low])
    for y in range(window.height):
        for oy in range(plan.outputs[y, 0], plan.outputs[y, 1]):
            for field in range(3):
                plan.totals[oy, field] += rows[y, field]


@compiled
def _count_blocks(
    words: Words, first: int, length: int, n_words: int, words_per_block: int, range_rows: int, rows: NDArray[np.int64]
) -> None:
    """Of neighbouring runs of words: set bits, blocks that have some, blocks that have more than `range_rows`.

    `rows` int64 [run, 3] is filled; a block ends where a place ends.
    """
    for run in range(rows.shape[0]):
        start, stop = first + run * length, first + (run + 1) * length
        driven, active, over = 0, 0, 0
        if words_per_block == 1:
            for i in range(start, stop):
                bits = popcount(words[i])
                driven += bits
                active += bits > 0
                over += bits > range_rows
        else:
            for place in range(start, stop, n_words):
                for low in range(place, place + n_words, words_per_block):
                    bits = 0
                    for i in range(low, min(low + words_per_block, place + n_words)):
                        bits += popcount(words[i])
                    driven += bits
                    active += bits > 0
                    over += bits > range_rows
        rows[run, 0], rows[run, 1], rows[run, 2] = driven, active, over


@compiled
def _mark_spiking(words: Words, start: int, n_words: int, window: Window, marks: Words) -> bool:
    """Set bit x + padding of `marks` to whether any channel at place x spikes; returns whether all places do."""
    n_spiking = 0
    for target in range(marks.size):
        first = max(64 * target - window.padding, 0)
        stop = min(64 * (target + 1) - window.padding, window.width)
        bits = np.uint64(0)
        for x in range(first, stop):
            union = np.uint64(0)
            for i in range(start + x * n_words, start + (x + 1) * n_words):
                union |= words[i]
            bits |= np.uint64(union != np.uint64(0)) << np.uint64(x + window.padding - 64 * target)
        marks[target] = bits
        n_spiking += popcount(bits)
    return n_spiking == window.width


@inlined
def _busy_windows(window: Window, oy: int, plan: Plan) -> int:
    """Windows of output row oy in which something spikes: rows of the window are joined, then shifted together."""
    top = oy * window.stride - window.padding
    low, high = max(top, 0), min(top + window.kernel, window.height)
    joined = plan.joined
    joined[:] = np.uint64(0)
    for y in range(low, high):
        if plan.full[y] and window.padding < window.kernel:
            return window.out_width
        for i in range(joined.size):
            joined[i] |= plan.marks[y, i]
    busy = 0
    for i in range(plan.starts.size):
        union = joined[i]
        for kx in range(1, window.kernel):
            union |= joined[i] >> np.uint64(kx) | joined[i + 1] << np.uint64(64 - kx)
        busy += popcount(union & plan.starts[i])
    return busy
