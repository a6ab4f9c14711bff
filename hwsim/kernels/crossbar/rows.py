"""Counts of spiking rows per crossbar, read phase and output row, from packed words; knows geometry, no prices.

For placements of any kind.  What a mask lets through is counted once for each place of a few maps; then the windows of
an output row of all of them are added up together, segment by segment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import kept_with
from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel

IntArray = NDArray[np.int64]

_MAPS = 64  # counted at once at most: enough for long loops
_SEEN = 1 << 16  # counts of places and masks at once, unless one map has more: they stay in the second cache


class Sliding(NamedTuple):
    """A window that slides over a (height, width) map; pairs are of rows and of columns."""

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]  # at the top and at the left
    dilation: tuple[int, int]
    out_height: int
    out_width: int


def extent(window: Sliding) -> tuple[int, int]:
    """Rows and columns from the first tap of a window to the last."""
    return window.dilation[0] * (window.kernel[0] - 1) + 1, window.dilation[1] * (window.kernel[1] - 1) + 1


def padded(window: Sliding) -> tuple[int, int]:
    """Height and width of the map with all that any window covers, from the padding on."""
    rows, columns = extent(window)
    height = max(window.padding[0] + window.height, window.stride[0] * (window.out_height - 1) + rows)
    return height, max(window.padding[1] + window.width, window.stride[1] * (window.out_width - 1) + columns)


class Segments(NamedTuple):
    """Masked words of a window, sorted by read phase: phase p owns segments start[p] to start[p + 1]."""

    row: IntArray  # [segment] tap of the window
    column: IntArray  # [segment]
    word: IntArray  # [segment]
    mask: NDArray[np.uint64]  # [segment]
    start: IntArray  # [row block * phases + 1]
    phases: int  # read phases of a row block


class RowCounts(NamedTuple):
    """Counts per output row: int64 [sample, time, output row] each, the last two [share, sample, time, output row]."""

    driven: IntArray  # rows driven, times the pulses of their digit
    ones: IntArray  # set bits of the digits of those rows
    active: IntArray  # phases of row blocks in which at least one row is driven
    over_range: IntArray  # active phases whose driven rows could exceed `range_rows`
    serial: IntArray  # read phases one after another: over positions and digits, the row block with most active phases
    silent: IntArray  # digits of positions in which no row of any row block is driven


class Masks(NamedTuple):
    """What different segments see of a place: sorted by word, word w owns masks start[w] to start[w + 1]."""

    mask: NDArray[np.uint64]  # [mask]
    start: IntArray  # [word + 1]
    of_segment: IntArray  # [segment]


class Taps(NamedTuple):
    """Where segments find what their masks let through, in `Rooms.seen`."""

    row: IntArray  # [segment] below the first row of a window
    lane: IntArray  # [segment] of the first window of a row
    start: IntArray  # as of `Segments`
    phases: int


class Rooms(NamedTuple):
    """Arrays for as many maps as are counted at once, `at_once`.

    A lane is a window or place of a map; those of the same place of all maps are neighbours.  Places of a row stand in
    order of what is left of their column when it is divided by the stride, so that the same tap of all windows of a row
    is a run of lanes.  Rows take turns in as many as a window reaches over.
    """

    at_once: int
    of_column: IntArray  # [column] first lane of a place
    word: NDArray[np.uint64]  # [lane] one word of each place of a row, zeros in the padding
    seen: NDArray[np.int32]  # [mask + 1, row, lane] unit pulses that each mask lets through, then set bits
    sums: NDArray[np.int32]  # [3, lane] of a phase, of a row block and of the digit
    fields: NDArray[np.int32]  # [field of RowCounts, lane]


def count_rows(
    planes: NDArray[np.uint64],
    window: Sliding,
    segments: Segments,
    dac_bits: int,
    range_rows: int,
    shares: IntArray | None = None,
) -> RowCounts:
    """The counts of `planes` uint64 [plane, sample, time, position, word].

    A digit is `dac_bits` neighbouring planes, least significant first; a row with digit d is driven for d unit pulses.
    Share n of the windows of a row are `shares` int64 [n] to [n + 1]; without it all are one.
    """
    n_planes, n_samples, n_times, n_positions, n_words = planes.shape
    n_maps = n_samples * n_times
    by_map = planes.reshape(n_planes, n_maps, n_positions, n_words)
    ends = np.array([0, window.out_width]) if shares is None else shares
    known = kept_with(segments.mask)
    masks = known.once(("masks", n_words), lambda: _masks(segments, n_words))
    rows, places = extent(window)[0], padded(window)[1]
    at_once = max(1, min(n_maps, _MAPS, _SEEN // (rows * places * (masks.mask.size + 1))))
    of_column, taps = known.once(("taps", window, at_once), lambda: _taps(segments, window, at_once))
    lanes = window.out_width * at_once
    n_lanes = int(of_column.max()) + at_once
    rooms = Rooms(
        at_once,
        of_column,
        np.zeros(n_lanes, np.uint64),
        np.zeros((masks.mask.size + 1, rows, n_lanes), np.int32),
        np.zeros((3, lanes), np.int32),
        np.zeros((len(RowCounts._fields), lanes), np.int32),
    )
    counts = np.zeros((4, n_maps, window.out_height), np.int64)
    by_share = np.zeros((2, ends.size - 1, n_maps, window.out_height), np.int64)
    _count(by_map, dac_bits, window, masks, taps, range_rows, ends, rooms, counts, by_share)
    shape = n_samples, n_times, window.out_height
    return RowCounts(*counts.reshape(4, *shape), *by_share.reshape(2, -1, *shape))


def _taps(segments: Segments, window: Sliding, at_once: int) -> tuple[IntArray, Taps]:
    """First lane of each column of the padded map, and where segments look for theirs."""
    columns, right = np.arange(padded(window)[1]), window.stride[1]
    of_column = (columns % right * -(-columns.size // right) + columns // right) * at_once
    lane = of_column[segments.column * window.dilation[1]]
    return of_column, Taps(segments.row * window.dilation[0], lane, segments.start, segments.phases)


def _masks(segments: Segments, n_words: int) -> Masks:
    pairs = np.stack([segments.word.astype(np.uint64), segments.mask])
    (word, mask), of_segment = np.unique(pairs, axis=1, return_inverse=True)
    start = np.searchsorted(word, np.arange(n_words + 1, dtype=np.uint64))
    return Masks(np.ascontiguousarray(mask), start.astype(np.int64), of_segment.reshape(-1).astype(np.int64))


@kernel(allocates=False)
def _count(
    planes: NDArray[np.uint64],
    dac_bits: int,
    window: Sliding,
    masks: Masks,
    taps: Taps,
    range_rows: int,
    ends: IntArray,
    rooms: Rooms,
    counts: IntArray,
    by_share: IntArray,
) -> None:
    """Add to `counts` [field, map, output row] and `by_share` [field, share, map, output row] those of `planes`.

    `planes` is [plane, map, position, word].
    """
    n_planes, n_maps = planes.shape[:2]
    n_rows = rooms.seen.shape[1]
    for low in range(0, n_planes, dac_bits):
        digit = (low, min(low + dac_bits, n_planes))
        for first in range(0, n_maps, rooms.at_once):
            maps = (first, min(first + rooms.at_once, n_maps))
            known = 0
            for oy in range(window.out_height):
                top = oy * window.stride[0]
                for row in range(max(known, top), top + n_rows):
                    _see(planes, digit, maps, row - window.padding[0], row % n_rows, window, masks, rooms)
                known = top + n_rows
                _count_phases(top, window, masks, taps, (range_rows, digit[1] - digit[0] > 1), rooms)
                _add_windows(oy, maps, ends, rooms, counts, by_share)


@kernel(allocates=False)
def _see(
    planes: NDArray[np.uint64],
    digit: tuple[int, int],
    maps: tuple[int, int],
    y: int,
    row: int,
    window: Sliding,
    masks: Masks,
    rooms: Rooms,
) -> None:
    """Fill a row of `Rooms.seen` with unit pulses of a digit in row `y` of some maps, and with set bits.

    Digit and maps are from the first to one past the last.
    """
    several = digit[1] - digit[0] > 1
    rooms.seen[:, row] = 0
    if y < 0 or y >= window.height:
        return
    word = rooms.word
    for w in range(planes.shape[3]):
        for p in range(digit[0], digit[1]):
            for x in range(window.width):
                lane, place = rooms.of_column[x + window.padding[1]], y * window.width + x
                for m in range(maps[0], maps[1]):
                    word[lane + m - maps[0]] = planes[p, m, place, w]
            for i in range(masks.start[w], masks.start[w + 1] + several):  # of one plane set bits are pulses
                is_mask = i < masks.start[w + 1]
                mask, shift = (masks.mask[i], p - digit[0]) if is_mask else (~np.uint64(0), 0)
                seen = rooms.seen[i if is_mask else masks.mask.size, row]
                for lane in range(word.size):
                    seen[lane] += popcount(word[lane] & mask) << shift


@kernel(allocates=False)
def _count_phases(top: int, window: Sliding, masks: Masks, taps: Taps, rule: tuple[int, bool], rooms: Rooms) -> None:
    """Fill `Rooms.fields` with the counts of the windows whose first row is `top`.

    `rule` are the driven rows that are within the range, and whether a digit has several planes.
    """
    range_rows, several = rule
    driven, active, most = rooms.sums[0], rooms.sums[1], rooms.sums[2]
    fields, n_rows = rooms.fields, rooms.seen.shape[1]
    all_driven, ones, all_active, over_range = fields[0], fields[1], fields[2], fields[3]
    serial, silent = fields[4], fields[5]
    fields[:] = 0
    most[:] = 0
    for block in range(0, taps.start.size - 1, taps.phases):
        active[:] = 0
        for phase in range(block, block + taps.phases):
            driven[:] = 0
            for segment in range(taps.start[phase], taps.start[phase + 1]):
                source = rooms.seen[masks.of_segment[segment], (top + taps.row[segment]) % n_rows, taps.lane[segment] :]
                for i in range(driven.size):
                    driven[i] += source[i]
            for i in range(driven.size):
                all_driven[i] += driven[i]
                active[i] += driven[i] > 0
                over_range[i] += driven[i] > range_rows
        for i in range(active.size):
            all_active[i] += active[i]
            most[i] = max(most[i], active[i])
    for i in range(most.size):
        serial[i] += most[i]
        silent[i] += most[i] == 0
    if not several:  # each set bit is in one segment
        for i in range(ones.size):
            ones[i] = all_driven[i]
        return
    for y in range(window.kernel[0]):
        seen = rooms.seen[masks.mask.size, (top + y * window.dilation[0]) % n_rows]
        for x in range(window.kernel[1]):
            covered = seen[rooms.of_column[x * window.dilation[1]] :]
            for i in range(ones.size):
                ones[i] += covered[i]


@kernel(allocates=False)
def _add_windows(
    oy: int, maps: tuple[int, int], ends: IntArray, rooms: Rooms, counts: IntArray, by_share: IntArray
) -> None:
    """Add the windows of an output row of some maps to what is counted of all of them, and of each share."""
    for field in range(counts.shape[0]):
        _fold(rooms.fields[field], rooms.at_once, 0, ends[ends.size - 1])
        for m in range(maps[0], maps[1]):
            counts[field, m, oy] += rooms.fields[field, m - maps[0]]
    for field in range(by_share.shape[0]):
        lanes = rooms.fields[counts.shape[0] + field]
        for share in range(ends.size - 1):
            _fold(lanes, rooms.at_once, ends[share], ends[share + 1])
            first = ends[share] * rooms.at_once - maps[0]
            for m in range(maps[0], maps[1]):
                by_share[field, share, m, oy] += lanes[first + m]


@kernel(allocates=False)
def _fold(lanes: NDArray[np.int32], at_once: int, first: int, end: int) -> None:
    """Add some windows up, in place, into the first of them: halves of them, as they are neighbours of one another."""
    n = end - first
    while n > 1:
        half = (n + 1) // 2
        to, source = lanes[first * at_once :], lanes[(first + half) * at_once :]
        for i in range((n - half) * at_once):
            to[i] += source[i]
        n = half
