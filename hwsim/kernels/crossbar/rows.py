"""Counts of spiking rows per crossbar, read phase and output row, from packed words; knows geometry, no prices.

For placements of any kind.  What a mask lets through is counted once for each place; then all windows of some maps are
added up together, segment by segment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import kept_with
from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel

IntArray = NDArray[np.int64]

_PLACES = 1 << 12  # places counted at once: enough for long loops, and a few of their arrays stay in the first cache
_SEEN = 1 << 18  # the same times masks, for the second


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
    """Counts per output row: int64 [sample, time, output row] each."""

    driven: IntArray  # rows driven, times the pulses of their digit
    ones: IntArray  # set bits of the digits of those rows
    active: IntArray  # phases of row blocks in which at least one row is driven
    serial: IntArray  # read phases one after another: over positions and digits, the row block with most active phases
    over_range: IntArray  # active phases whose driven rows could exceed `range_rows`
    silent: IntArray  # digits of positions in which no row of any row block is driven


class Masks(NamedTuple):
    """What different segments see of a place: sorted by word, word w owns masks start[w] to start[w + 1]."""

    mask: NDArray[np.uint64]  # [mask]
    start: IntArray  # [word + 1]
    of_segment: IntArray  # [segment]


class Rooms(NamedTuple):
    """Arrays for as many maps as are counted at once."""

    word: NDArray[np.uint64]  # [place] one word of each, zeros in the padding
    seen: NDArray[np.int32]  # [mask + 1, place] unit pulses that each mask lets through, then set bits
    sums: NDArray[np.int32]  # [3, place] of a phase, of a row block and of the digit
    fields: NDArray[np.int32]  # [field of RowCounts, place] of the window that begins at each place


def count_rows(
    planes: NDArray[np.uint64], window: Sliding, segments: Segments, dac_bits: int, range_rows: int
) -> RowCounts:
    """The counts of `planes` uint64 [plane, sample, time, position, word].

    A digit is `dac_bits` neighbouring planes, least significant first; a row with digit d is driven for d unit pulses.
    """
    n_planes, n_samples, n_times, n_positions, n_words = planes.shape
    n_maps = n_samples * n_times
    by_map = planes.reshape(n_planes, n_maps, n_positions, n_words)
    masks = kept_with(segments.mask).once(("masks", n_words), lambda: _masks(segments, n_words))
    # Maps lie padded one after another, so that a kernel offset is one step for all windows of all of them.
    frame = padded(window)
    size = frame[0] * frame[1]
    steps = segments.row * window.dilation[0] * frame[1] + segments.column * window.dilation[1]
    at_once = max(1, min(n_maps, _PLACES // size, _SEEN // (size * masks.mask.size)))
    rows, columns = extent(window)
    places, furthest = at_once * size, (rows - 1) * frame[1] + columns - 1
    word = np.zeros(places, np.uint64)
    seen = np.zeros((masks.mask.size + 1, places + furthest), np.int32)
    room = np.zeros((3, places), np.int32)
    fields = np.zeros((len(RowCounts._fields), places), np.int32)
    counts = np.zeros((len(RowCounts._fields), n_maps, window.out_height), np.int64)
    rooms = Rooms(word, seen, room, fields)
    rule = segments.phases, range_rows
    _count(by_map, (dac_bits, at_once), window, frame, masks, steps, segments.start, rule, rooms, counts)
    return RowCounts(*counts.reshape(-1, n_samples, n_times, window.out_height))


def _masks(segments: Segments, n_words: int) -> Masks:
    pairs = np.stack([segments.word.astype(np.uint64), segments.mask])
    (word, mask), of_segment = np.unique(pairs, axis=1, return_inverse=True)
    start = np.searchsorted(word, np.arange(n_words + 1, dtype=np.uint64))
    return Masks(np.ascontiguousarray(mask), start.astype(np.int64), of_segment.reshape(-1).astype(np.int64))


@kernel(allocates=False)
def _count(
    planes: NDArray[np.uint64],
    at_once: tuple[int, int],
    window: Sliding,
    frame: tuple[int, int],
    masks: Masks,
    steps: IntArray,
    start: IntArray,
    rule: tuple[int, int],
    rooms: Rooms,
    counts: IntArray,
) -> None:
    """Add to `counts` [field of RowCounts, map, output row] those of `planes` [plane, map, position, word].

    `at_once` are planes of a digit and maps, `frame` what `padded` says of the window.
    """
    n_planes, n_maps = planes.shape[:2]
    ones, seen_ones = rooms.fields[1], rooms.seen[masks.mask.size]
    for low in range(0, n_planes, at_once[0]):
        for first in range(0, n_maps, at_once[1]):
            maps = (first, min(first + at_once[1], n_maps))
            rooms.fields[:] = 0
            _see(planes, (low, min(low + at_once[0], n_planes)), maps, window, frame, masks, rooms.word, rooms.seen)
            _count_phases(rooms.seen, masks.of_segment, steps, start, rule, rooms.sums, rooms.fields)
            if min(at_once[0], n_planes - low) == 1:  # each set bit is in one segment
                for i in range(ones.size):
                    ones[i] = rooms.fields[0, i]
            else:
                for y in range(window.kernel[0]):
                    for x in range(window.kernel[1]):
                        covered = seen_ones[y * window.dilation[0] * frame[1] + x * window.dilation[1] :]
                        for i in range(ones.size):
                            ones[i] += covered[i]
            _add_rows(rooms.fields, maps, window, frame, counts)


@kernel(allocates=False)
def _see(
    planes: NDArray[np.uint64],
    digit: tuple[int, int],
    maps: tuple[int, int],
    window: Sliding,
    frame: tuple[int, int],
    masks: Masks,
    word: NDArray[np.uint64],
    seen: NDArray[np.int32],
) -> None:
    """Fill `seen` [mask, place] with unit pulses of a digit of some maps; what comes after all masks, with set bits.

    `planes` is [plane, map, position, word]; digit and maps are from the first to one past the last.  `word` [place]
    has room for one word of each, and zeros in the padding.
    """
    size = frame[0] * frame[1]
    seen[:] = 0
    for w in range(planes.shape[3]):
        for p in range(digit[0], digit[1]):
            for m in range(maps[0], maps[1]):
                for y in range(window.height):
                    place = (m - maps[0]) * size + (y + window.padding[0]) * frame[1] + window.padding[1]
                    for x in range(window.width):
                        word[place + x] = planes[p, m, y * window.width + x, w]
            ends = masks.start[w + 1] + (digit[1] - digit[0] > 1)  # of one plane set bits are pulses
            for i in range(masks.start[w], ends):
                is_mask = i < masks.start[w + 1]
                mask, shift = (masks.mask[i], p - digit[0]) if is_mask else (~np.uint64(0), 0)
                row = seen[i if is_mask else masks.mask.size]
                for place in range(word.size):
                    row[place] += popcount(word[place] & mask) << shift


@kernel(allocates=False)
def _count_phases(
    seen: NDArray[np.int32],
    of_segment: IntArray,
    steps: IntArray,
    start: IntArray,
    rule: tuple[int, int],
    room: NDArray[np.int32],
    fields: NDArray[np.int32],
) -> None:
    """Add to `fields` [field of RowCounts, place] the counts, but for `ones`, of the window that begins at each place.

    Whether that window is wanted or not.  `room` [3, place] holds sums of a phase, of a row block and of the digit.
    """
    phases, range_rows = rule
    driven, active, most = room[0], room[1], room[2]
    all_driven, all_active, serial, over_range, silent = fields[0], fields[2], fields[3], fields[4], fields[5]
    most[:] = 0
    for block in range(0, start.size - 1, phases):
        active[:] = 0
        for phase in range(block, block + phases):
            driven[:] = 0
            for segment in range(start[phase], start[phase + 1]):
                source = seen[of_segment[segment], steps[segment] :]
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


@kernel(allocates=False)
def _add_rows(
    fields: NDArray[np.int32], maps: tuple[int, int], window: Sliding, frame: tuple[int, int], counts: IntArray
) -> None:
    """Add the windows of each output row of some maps to `counts` [field, map, output row]."""
    size = frame[0] * frame[1]
    for field in range(counts.shape[0]):
        for m in range(maps[0], maps[1]):
            for oy in range(window.out_height):
                first = (m - maps[0]) * size + oy * window.stride[0] * frame[1]
                total = 0
                if window.stride[1] == 1:  # neighbours are added up several at once
                    for ox in range(window.out_width):
                        total += fields[field, first + ox]
                else:
                    for ox in range(window.out_width):
                        total += fields[field, first + ox * window.stride[1]]
                counts[field, m, oy] += total
