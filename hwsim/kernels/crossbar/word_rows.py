"""Counts of spiking rows where every read phase covers whole packed words: each word is read once.

The fast form of `rows.count_rows` for placements in which no crossbar row block straddles two kernel offsets.
Then what a window asks of a word depends on the word alone: an input row is added up once, each word times the windows
of a row that read it, and the sums count for every output row over it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import RowCounts, Sliding
from hwsim.kernels.crossbar.word_vectors import ACTIVE_BIT, AT_ONCE, OVER_BIT, flag, weigh

Words = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_MOST_WORDS = 1 << (OVER_BIT - ACTIVE_BIT)
_FIELD = _MOST_WORDS - 1
_DRIVEN = (1 << ACTIVE_BIT) - 1
_SURE_BIT = 2 * OVER_BIT - ACTIVE_BIT
"""Lowest bit of a fourth field, of rows that have no silent window: as it counts but a few, it may come to 0 again."""
_ALL = (1 << 63) - 1


class Plan(NamedTuple):
    """What follows from the geometry of a layer for neighbouring windows of its rows."""

    windows: int  # of a row
    row: int  # packed words of an input row
    first: int  # of those the first under the windows
    length: int  # how many are under them
    blocks: IntArray  # [block] first word of each block of words among these, and where the last ends
    weights: NDArray[np.int32]  # [block] windows of a row that read it
    busy: int  # a row in which so many windows (of `weights`) meet a spike has no silent window
    outputs: IntArray  # [output row, 2] first and one past the last input row under its windows
    starts: Words  # [word of flags] where windows begin, in a row whose word `first` + i is bit i + margin
    margin: int  # padding, in packed words
    reach: int  # packed words from the first to the last under a row of a window


def fits(window: Sliding, n_words: int) -> bool:
    """Whether the taps of a window are neighbours, and the packed words under an output row few enough for this."""
    in_a_row = window.out_width * window.kernel[0] * window.kernel[1] * n_words
    return window.dilation == (1, 1) and in_a_row < _MOST_WORDS


def count_words(
    planes: Words, window: Sliding, words_per_block: int, range_rows: int, shares: IntArray | None = None
) -> RowCounts:
    """The counts of `planes` uint64 [plane, sample, time, position, word], contiguous.

    Every plane is a digit.  A row block is `words_per_block` neighbouring words of one position (the last may be
    shorter).  The window must fit, as `fits` says.  Shares of the windows of a row are as in `count_rows`.
    """
    n_planes, n_samples, n_times, _, n_words = planes.shape
    words, n_maps = planes.reshape(-1), n_samples * n_times
    ends = [0, window.out_width] if shares is None else shares.tolist()
    counts = np.zeros((3, n_samples, n_times, window.out_height), np.int64)
    by_share = np.zeros((len(ends) - 1, 2, n_samples, n_times, window.out_height), np.int64)
    sums = np.empty((n_planes * n_maps, window.height + 1), np.int64)
    unsure = np.empty(n_planes * n_maps * window.out_height + 1, np.int64)
    for share, own in zip(pairwise(ends), by_share.reshape(-1, 2, n_maps, window.out_height), strict=True):
        plan = _plan(window, share, n_words, words_per_block)
        rule = range_rows, plan.busy
        if words_per_block == 1:
            weigh_rows(words, plan.row, plan.first, plan.length, plan.weights, rule, sums)
        else:
            weigh_blocks(words, plan.row, plan.first, plan.blocks, plan.weights, rule, sums)
        own[0] = plan.windows * n_planes  # as if none were silent
        n_unsure = add_rows(sums, plan.outputs.view(np.uint64), counts.reshape(3, n_maps, -1), unsure)
        if n_unsure:
            flags = np.zeros((window.height, plan.starts.size + 1), np.uint64)
            add_silent(words, unsure[:n_unsure], plan, flags, own)
    driven, active, over_range = counts
    return RowCounts(driven, driven, active, over_range, by_share[:, 0], by_share[:, 1])


@lru_cache(maxsize=1024)
def _plan(window: Sliding, share: tuple[int, int], n_words: int, words_per_block: int) -> Plan:
    (rows, across), (down, right), above = window.kernel, window.stride, window.padding[0]
    windows, left = share[1] - share[0], share[0] * right - window.padding[1]
    begin, end = max(left, 0), min(left + (windows - 1) * right + across, window.width)
    width, before = max(end - begin, 0), begin - left
    columns = outputs_over(width, across, right, before, windows)
    n_blocks = -(-n_words // words_per_block)
    weights = np.repeat(columns[:, 1] - columns[:, 0], n_blocks)
    left_ends = np.arange(windows) * right - before
    up_to = np.concatenate([[0], np.cumsum(columns[:, 1] - columns[:, 0])])
    under = up_to[(left_ends + across).clip(0, width)] - up_to[left_ends.clip(0, width)]
    top = np.arange(window.out_height) * down - above
    outputs = np.stack([top, top + rows], axis=1).clip(0, window.height)
    # If a window is silent in a row, so are at least so many reads of its places.
    fewest = under.min() if (outputs[:, 0] < outputs[:, 1]).all() else 0
    blocks = np.arange(width)[:, None] * n_words + np.arange(n_blocks) * words_per_block
    flags = np.zeros(max(before + width, (windows - 1) * right + across) * n_words // 64 * 64 + 64, np.uint8)
    flags[np.arange(windows) * right * n_words] = 1
    return Plan(
        windows=windows,
        row=window.width * n_words,
        first=begin * n_words,
        length=width * n_words,
        blocks=np.append(blocks, width * n_words),
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
def weigh_rows(
    words: Words,
    row: int,
    first: int,
    length: int,
    weights: NDArray[np.int32],
    rule: tuple[int, int],
    sums: IntArray,
) -> None:
    """Fill `sums` [map, row + 1] with running totals: what `weigh` gives for all rows above each row.

    Of each row of `row` words those are `length` from the `first` on, and every word is a block.  Totals wrap
    at 2**63, but the differences that are wanted do not reach it.  `rule` are the driven rows within the range, and
    `Plan.busy`.
    """
    range_rows, busy = rule
    at = first
    for m in range(sums.shape[0]):
        above = 0
        sums[m, 0] = 0
        for y in range(1, sums.shape[1]):
            above = above + _with_sure(weigh(words, at, length, weights, range_rows), busy) & _ALL
            sums[m, y] = above
            at += row


@kernel(allocates=False)
def weigh_blocks(
    words: Words,
    row: int,
    first: int,
    blocks: IntArray,
    weights: NDArray[np.int32],
    rule: tuple[int, int],
    sums: IntArray,
) -> None:
    """The same for blocks of several words, which begin at words `blocks` from the `first` of a row."""
    range_rows, busy = rule
    n_blocks = blocks.size - 1
    at = first
    for m in range(sums.shape[0]):
        above = 0
        sums[m, 0] = 0
        for y in range(1, sums.shape[1]):
            total = 0
            for block in range(n_blocks):
                ones = 0
                for i in range(at + blocks[block], at + blocks[block + 1]):
                    ones += popcount(words[i])
                total += int(weights[block]) * (ones + ((ones > 0) << ACTIVE_BIT) + ((ones > range_rows) << OVER_BIT))
            above = above + _with_sure(total, busy) & _ALL
            sums[m, y] = above
            at += row


@kernel(allocates=False, inlined=True)
def _with_sure(total: int, busy: int) -> int:
    """The sums of a row, and whether none of its windows can be silent."""
    return total + (((total >> ACTIVE_BIT & _FIELD) >= busy) << _SURE_BIT)


@kernel(allocates=False)
def add_rows(sums: IntArray, outputs: Words, counts: IntArray, unsure: IntArray) -> int:
    """Add what lies under each output row to `counts` [field, map, output row], from the totals of `weigh_rows`.

    Output rows in which a window may be silent, as it may be in every row under it, go to `unsure` with their numbers
    in the order [plane, map, output row]; it returns how many these are.
    """
    n_maps, n_outputs = counts.shape[1:]
    n_unsure = np.uint64(0)
    for p in range(sums.shape[0] // n_maps):
        for m in range(n_maps):
            above, first = sums[p * n_maps + m], (p * n_maps + m) * n_outputs
            driven, active, over = counts[0, m], counts[1, m], counts[2, m]
            for oy in range(n_outputs):
                total = above[outputs[oy, 1]] - above[outputs[oy, 0]] & _ALL
                driven[oy] += total & _DRIVEN
                active[oy] += total >> ACTIVE_BIT & _FIELD
                over[oy] += total >> OVER_BIT & _FIELD
                unsure[n_unsure] = first + oy
                n_unsure += np.uint64(total >> _SURE_BIT == 0)  # sure ones are overwritten: no branch to foresee
    return int(n_unsure)


@kernel(allocates=False)
def add_silent(words: Words, found: IntArray, plan: Plan, flags: Words, own: IntArray) -> None:
    """Count the silent windows of some output rows, those without a spike, which were taken for busy ones.

    Each moves from the first field of `own` [field, map, output row] to the second.  `found` are numbers of output
    rows, ascending, as `add_rows` has them.  `flags` [row, word of flags + 1] is scratch space; the last word of each
    row stays zero.
    """
    height, n_outputs = flags.shape[0], own.shape[2]
    before, known = -1, 0  # the map, and the rows of it, whose flags are there
    for i in range(found.size):
        of_map, oy = divmod(found[i], n_outputs)
        known = known if of_map == before else 0
        before = of_map
        for y in range(max(known, plan.outputs[oy, 0]), plan.outputs[oy, 1]):
            _flag_windows(words, (of_map * height + y) * plan.row + plan.first, plan, flags[y])
        known = max(known, plan.outputs[oy, 1])
        silent = plan.windows
        for target in range(plan.starts.size):
            busy = np.uint64(0)
            for y in range(plan.outputs[oy, 0], plan.outputs[oy, 1]):
                busy |= flags[y, target]
            silent -= popcount(busy & plan.starts[target])
        own[0, of_map % own.shape[1], oy] -= silent
        own[1, of_map % own.shape[1], oy] += silent


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
