"""Counts of spiking rows where every read phase covers whole packed words: each word is read once.

The fast form of `crossbar_rows.count_rows` for placements in which no crossbar row block straddles two kernel offsets.
Then what a window asks of a word depends on the word alone: an input row is added up once, each word times the windows
of a row that read it, and the sums count for every output row over it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import RowCounts, Sliding, padded
from hwsim.kernels.crossbar.word_vectors import ACTIVE_BIT, AT_ONCE, OVER_BIT, flag, weigh

Words = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_MOST_WORDS = 1 << (OVER_BIT - ACTIVE_BIT)
_FIELD = _MOST_WORDS - 1
_DRIVEN = (1 << ACTIVE_BIT) - 1


class Plan(NamedTuple):
    """What follows from the geometry of a layer."""

    windows: int  # of a row
    length: int  # packed words of an input row
    blocks: IntArray  # [block] first word of each block of words in a row, and where the last ends
    weights: NDArray[np.int32]  # [block] windows of a row that read it
    busy: int  # a row in which so many windows (of `weights`) meet a spike has no silent window
    outputs: IntArray  # [output row, 2] first and one past the last input row under its windows
    starts: Words  # [word of flags] where windows begin, in a row whose word i is bit i + margin
    margin: int  # padding, in packed words
    reach: int  # packed words from the first to the last under a row of a window


def fits(window: Sliding, n_words: int) -> bool:
    """Whether the taps of a window are neighbours, and the packed words under an output row few enough for this."""
    in_a_row = window.out_width * window.kernel[0] * window.kernel[1] * n_words
    return window.dilation == (1, 1) and in_a_row < _MOST_WORDS


def count_words(
    planes: Words, window: Sliding, words_per_block: int, range_rows: int, room: IntArray | None = None
) -> RowCounts:
    """The counts of `planes` uint64 [plane, sample, time, position, word], contiguous.

    Every plane is a digit.  A row block is `words_per_block` neighbouring words of one position (the last may be
    shorter).  The window must fit, as `fits` says.  Of `room`, zeros int64 [5, sample, time, output row], the counts
    are parts.
    """
    plan = _plan(window, planes.shape[4], words_per_block)
    words = planes.reshape(-1)
    n_planes, n_samples, n_times = planes.shape[:3]
    n_maps, n_outputs = n_samples * n_times, window.out_height
    sums = np.empty((n_planes * n_maps, window.height + 1), np.int64)
    if words_per_block == 1:
        weigh_rows(words, plan.length, plan.weights, range_rows, sums)
    else:
        weigh_blocks(words, plan.blocks, plan.weights, range_rows, sums)
    counts = np.zeros((5, n_samples, n_times, n_outputs), np.int64) if room is None else room
    by_map = counts.reshape(5, n_maps, n_outputs)
    unsure = np.empty((n_planes * n_maps, 2), np.int32)
    n_unsure = add_rows(sums, (plan.busy, window.out_width), plan.outputs, by_map, unsure)
    if n_unsure:
        flags = np.zeros((window.height, plan.starts.size + 1), np.uint64)
        add_silent(words, unsure[:n_unsure], plan, flags, by_map)
    driven, active, over_range, serial, silent = counts
    return RowCounts(driven, driven, active, serial, over_range, silent)


@lru_cache(maxsize=256)
def _plan(window: Sliding, n_words: int, words_per_block: int) -> Plan:
    (rows, across), (down, right), (above, before) = window.kernel, window.stride, window.padding
    columns = outputs_over(window.width, across, right, before, window.out_width)
    n_blocks = -(-n_words // words_per_block)
    weights = np.repeat(columns[:, 1] - columns[:, 0], n_blocks)
    left = np.arange(window.out_width) * right - before
    up_to = np.concatenate([[0], np.cumsum(columns[:, 1] - columns[:, 0])])
    under = up_to[(left + across).clip(0, window.width)] - up_to[left.clip(0, window.width)]
    top = np.arange(window.out_height) * down - above
    outputs = np.stack([top, top + rows], axis=1).clip(0, window.height)
    # If a window is silent in a row, so are at least so many reads of its places.
    fewest = under.min() if (outputs[:, 0] < outputs[:, 1]).all() else 0
    blocks = np.arange(window.width)[:, None] * n_words + np.arange(n_blocks) * words_per_block
    flags = np.zeros(padded(window)[1] * n_words // 64 * 64 + 64, np.uint8)
    flags[np.arange(window.out_width) * right * n_words] = 1
    return Plan(
        windows=window.out_width,
        length=window.width * n_words,
        blocks=np.append(blocks, window.width * n_words),
        weights=np.pad(weights, (0, -weights.size % AT_ONCE)).astype(np.int32),
        busy=int(weights.sum() - n_blocks * fewest + 1),
        outputs=outputs,
        starts=np.packbits(flags, bitorder="little").view(np.uint64),
        margin=before * n_words,
        reach=across * n_words,
    )


def outputs_over(size: int, kernel: int, stride: int, padding: int, outputs: int) -> IntArray:
    """First and one past the last of `outputs` windows along one axis that cover each place: int64 [size, 2]."""
    place = np.arange(size) + padding
    first = np.maximum((place - kernel + stride) // stride, 0)
    return np.stack([first, np.maximum(first, np.minimum(place // stride + 1, outputs))], axis=1)


@kernel(allocates=False)
def weigh_rows(words: Words, length: int, weights: NDArray[np.int32], range_rows: int, sums: IntArray) -> None:
    """Fill `sums` [map, row + 1] with running totals: what `weigh` gives for all rows of `length` words above each row.

    Every word is a block.  Sums of a whole map may overflow, but the differences that are wanted do not.
    """
    row = 0
    for m in range(sums.shape[0]):
        above = 0
        sums[m, 0] = 0
        for y in range(1, sums.shape[1]):
            above += weigh(words, row, length, weights, range_rows)
            sums[m, y] = above
            row += length


@kernel(allocates=False)
def weigh_blocks(words: Words, blocks: IntArray, weights: NDArray[np.int32], range_rows: int, sums: IntArray) -> None:
    """The same for blocks of several words, which begin at words `blocks` of a row."""
    n_blocks = blocks.size - 1
    row = 0
    for m in range(sums.shape[0]):
        above = 0
        sums[m, 0] = 0
        for y in range(1, sums.shape[1]):
            for block in range(n_blocks):
                ones = 0
                for i in range(row + blocks[block], row + blocks[block + 1]):
                    ones += popcount(words[i])
                above += int(weights[block]) * (ones + ((ones > 0) << ACTIVE_BIT) + ((ones > range_rows) << OVER_BIT))
            sums[m, y] = above
            row += blocks[n_blocks]


@kernel(allocates=False)
def add_rows(
    sums: IntArray, rule: tuple[int, int], outputs: IntArray, counts: IntArray, unsure: NDArray[np.int32]
) -> int:
    """Add what lies under each output row to `counts` [field, map, output row], from the totals of `weigh_rows`.

    All windows are counted as busy here.  Plane and number of the maps in which one may be silent go to `unsure`, and
    their number is returned.  `rule` is `Plan.busy` and the windows of an output row.
    """
    busy, windows = rule
    n_maps, n_unsure = counts.shape[1], 0
    for p in range(sums.shape[0] // n_maps):
        for m in range(n_maps):
            above = sums[p * n_maps + m]
            is_busy = True
            for y in range(above.size - 1):
                is_busy &= (above[y + 1] - above[y] >> ACTIVE_BIT & _FIELD) >= busy
            if not is_busy:
                unsure[n_unsure, 0], unsure[n_unsure, 1] = p, m
                n_unsure += 1
            for oy in range(counts.shape[2]):
                total = above[outputs[oy, 1]] - above[outputs[oy, 0]]
                counts[0, m, oy] += total & _DRIVEN
                counts[1, m, oy] += total >> ACTIVE_BIT & _FIELD
                counts[2, m, oy] += total >> OVER_BIT & _FIELD
                counts[3, m, oy] += windows
    return n_unsure


@kernel(allocates=False)
def add_silent(words: Words, maps: NDArray[np.int32], plan: Plan, flags: Words, counts: IntArray) -> None:
    """Count the silent windows of some maps, those without a spike, which were taken for busy ones.

    Each moves from the fourth field of `counts` [field, map, output row] to the fifth.  `maps` holds plane and number
    of every map.  `flags` [row, word of flags + 1] is scratch space; the last word of each row stays zero.
    """
    height = flags.shape[0]
    for i in range(maps.shape[0]):
        m = maps[i, 1]
        first = (maps[i, 0] * counts.shape[1] + m) * height * plan.length
        for y in range(height):
            _flag_windows(words, first + y * plan.length, plan, flags[y])
        for oy in range(counts.shape[2]):
            silent = plan.windows
            for target in range(plan.starts.size):
                busy = np.uint64(0)
                for y in range(plan.outputs[oy, 0], plan.outputs[oy, 1]):
                    busy |= flags[y, target]
                silent -= popcount(busy & plan.starts[target])
            counts[3, m, oy] -= silent
            counts[4, m, oy] += silent


@kernel(allocates=False, inlined=True)
def _flag_windows(words: Words, start: int, plan: Plan, flags: Words) -> None:
    """Set bit i of `flags` where a window that begins at word i - margin has a spike in this row."""
    for target in range(plan.starts.size):
        low = max(64 * target - plan.margin, 0)
        high = min(64 * (target + 1) - plan.margin, plan.length)
        flags[target] = flag(words, start + low, max(high - low, 0)) << np.uint64(low + plan.margin & 63)
    span = 1
    while span < plan.reach:
        shift = min(span, plan.reach - span, 63)
        for target in range(plan.starts.size):
            flags[target] |= flags[target] >> np.uint64(shift) | flags[target + 1] << np.uint64(64 - shift)
        span += shift
