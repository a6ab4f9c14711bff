"""What crossbars give, as `reads` has it, with sums of driven rows looked up: read by read for many positions at once.

The rows that a read drives at a position are one word, or a few, in the order of the crossbar's rows, wherever the
bits of the window lie.  Tables of the sums of four rows (`subset_sums`) are made of one read's cells and some of its
columns, used for all positions at once, and forgotten.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.codes import convert
from hwsim.kernels.crossbar.read_noise import noise
from hwsim.kernels.crossbar.reads import NOISE_BITS, Conversion, code_range
from hwsim.kernels.crossbar.rows import IntArray, Sliding
from hwsim.kernels.crossbar.subset_sums import SUBSETS, TABLES, WORD_ROWS, Sums, add_driven, look_up, sum_subsets

Words = NDArray[np.uint64]

_SUMS = TABLES * SUBSETS  # of a word, in each lane
_MANY = 48
"""Positions from which on a table is made, which takes as long as adding the rows of about as many; measured."""


class ReadRows(NamedTuple):
    """Which bits of a window each read takes its rows from, and in which order."""

    start: IntArray  # [read + 1] first segment: neighbouring bits of a word, which drive neighbouring rows
    away: IntArray  # [segment] words from the first place of a window to its own, in a map with its margins
    low: IntArray  # [segment] its lowest bit
    mask: Words  # [segment] as many bits as it has
    row: IntArray  # [segment] the row of the read that its lowest bit drives
    first: IntArray  # [read] its first row among all cells
    per_group: int  # reads of one group of channels
    dac_bits: int  # neighbouring planes of one digit
    words: int  # that hold the rows of a read
    height: int  # of a map with its margins
    width: int
    n_words: int  # of a place


class Blocks(NamedTuple):
    """Cells of rows in the order of reads, columns in blocks of neighbours that are looked up together."""

    cells: NDArray[np.int16]  # [block, row, lane], flattened
    n_rows: int  # of those, a word's more than there are
    factors: IntArray  # [block] what a level of its columns is worth
    targets: IntArray  # [block] where that is added up among the blocks of `Room.sums`
    columns: IntArray  # [block] number of its first column
    filled: IntArray  # [block] columns that are there, the rest being empty
    reference: IntArray  # [output] place of its reference in `Room.sums` of a position; -1 where there is none
    offset: int  # subtracted for every driven unit pulse
    factor: int  # what a level of all columns of an output is worth, together
    n_columns: int


class Room(NamedTuple):
    """Room for `excess.size` positions."""

    words: Words  # [plane, word of a read, position], flattened
    places: IntArray  # [position] first word under its window
    driven: IntArray  # [digit, position] unit pulses, flattened
    most: IntArray  # [digit] the most of a position
    excess: IntArray  # [position] what makes its sums too large
    tables: Sums  # [word of a read, table, subset, lane], flattened
    currents: Sums  # [position, lane], flattened
    sums: NDArray[np.int32]  # [block, position, lane], flattened
    lanes: int
    counts: IntArray  # [2] conversions, conversions that clipped; added to


@kernel(allocates=False)
def read_looked_up(
    planes: Words,
    window: Sliding,
    rows: ReadRows,
    blocks: Blocks,
    conversion: Conversion | None,
    first_position: int,
    room: Room,
    passed: NDArray[np.int32],
) -> None:
    """Fill `passed` int32 [position, output], positions those of one sample after another, from `planes`.

    These are uint64 [plane, word]: maps with all that any window covers, as `padded` says.  Without a conversion every
    sum is passed on as it is, and what is lost on the way to a code is not compiled.  `first_position` is the number of
    the first, on which noise depends.
    """
    n_positions, at_once = passed.shape[0], room.excess.size
    width = window.out_width
    for first in range(0, n_positions, at_once):
        n = min(at_once, n_positions - first)
        for p in range(n):
            sample, line = divmod((first + p) // width, window.out_height)
            row, column = line * window.stride[0], (first + p) % width * window.stride[1]
            room.places[p] = ((sample * rows.height + row) * rows.width + column) * rows.n_words
        for start in range(0, rows.first.size, rows.per_group):
            room.sums[: (blocks.targets[blocks.targets.size - 1] + 1) * at_once * room.lanes] = 0
            room.excess[:] = 0
            for read in range(start, start + rows.per_group):
                _gather(planes, read, n, rows, room)
                _count_pulses(planes.shape[0], n, rows, blocks, conversion, room)
                _add_read(planes.shape[0], read, n, first_position + first, rows, blocks, conversion, room)
            _pass_on(first, n, start // rows.per_group, blocks.reference, room, passed)


@kernel(allocates=False, inlined=True)
def _gather(planes: Words, read: int, n: int, rows: ReadRows, room: Room) -> None:
    """Fill `Room.words` with the rows that each plane drives at `n` positions."""
    words, places, at_once = room.words, room.places, room.excess.size
    words[:] = np.uint64(0)
    for i in range(rows.start[read], rows.start[read + 1]):
        low, shift = np.uint64(rows.low[i]), np.uint64(rows.row[i] % WORD_ROWS)
        mask, away = rows.mask[i], rows.away[i]
        crosses = mask << shift >> shift != mask
        for plane in range(planes.shape[0]):
            seen = planes[plane]
            at = (plane * rows.words + rows.row[i] // WORD_ROWS) * at_once
            for p in range(n):
                words[at + p] |= (seen[places[p] + away] >> low & mask) << shift
            if crosses:
                for p in range(n):
                    word = seen[places[p] + away] >> low & mask
                    words[at + at_once + p] |= word >> (np.uint64(WORD_ROWS) - shift)


@kernel(allocates=False, inlined=True)
def _count_pulses(
    n_planes: int, n: int, rows: ReadRows, blocks: Blocks, conversion: Conversion | None, room: Room
) -> None:
    """Fill `Room.driven` with the unit pulses of each digit of a read, count its conversions and what they add."""
    at_once, converted = room.excess.size, 0
    for low in range(0, n_planes, rows.dac_bits):
        first, most = low // rows.dac_bits * at_once, 0
        for p in range(n):
            pulses = 0
            for plane in range(low, min(low + rows.dac_bits, n_planes)):
                for k in range(rows.words):
                    pulses += popcount(room.words[(plane * rows.words + k) * at_once + p]) << (plane - low)
            room.driven[first + p] = pulses
            most = max(most, pulses)
            converted += pulses > 0
            if conversion is not None:
                half = (1 << conversion.fraction_bits) >> 1
                subtracted = (pulses * conversion.off_current + half) >> conversion.fraction_bits
                room.excess[p] += (blocks.offset * pulses + blocks.factor * subtracted) << low
        room.most[low // rows.dac_bits] = most
        if conversion is not None and conversion.reads_silence:
            converted += n
            for p in range(n):
                converted -= room.driven[first + p] > 0
    room.counts[0] += converted * blocks.n_columns


@kernel(allocates=False, inlined=True)
def _add_read(
    n_planes: int,
    read: int,
    n: int,
    number: int,
    rows: ReadRows,
    blocks: Blocks,
    conversion: Conversion | None,
    room: Room,
) -> None:
    """Add what the words of a read give to `Room.sums`; `number` is that of its first position, among all positions."""
    at_once, dac_bits = room.excess.size, rows.dac_bits
    for block in range(blocks.factors.size):
        target = blocks.targets[block] * at_once * room.lanes
        first_cell = (block * blocks.n_rows + rows.first[read]) * room.lanes
        if n >= _MANY:
            for k in range(rows.words):
                sum_subsets(blocks.cells, first_cell + k * WORD_ROWS * room.lanes, room.tables, k * _SUMS * room.lanes)
        for low in range(0, n_planes, dac_bits):
            high = min(low + dac_bits, n_planes)
            if conversion is None:
                _add_digit(low, high, 0, n, rows.words, first_cell, blocks.cells, room, room.sums, target)
                continue
            room.currents[: n * room.lanes] = 0
            _add_digit(low, high, low, n, rows.words, first_cell, blocks.cells, room, room.currents, 0)
            if conversion.noise_scale:
                digit = (low // dac_bits, -(-n_planes // dac_bits))
                _add_noise(block, digit, read, n, number, rows, blocks, conversion, room)
            shift, bottom, top = code_range(conversion)
            most = room.most[low // dac_bits]
            safe = most * conversion.largest <= top and most * conversion.smallest >= bottom
            bounds, bits = (bottom, top, conversion.lowest), (shift, conversion.step_bits)
            safe, factor = safe and conversion.noise_scale == 0, blocks.factors[block] << low
            room.counts[1] += convert(room.currents, n * room.lanes, bounds, bits, safe, factor, room.sums, target)


@kernel(allocates=False, inlined=True)
def _add_digit(
    low: int,
    high: int,
    lowest: int,
    n: int,
    n_words: int,
    first_cell: int,
    cells: NDArray[np.int16],
    room: Room,
    sums: Sums,
    to: int,
) -> None:
    """Add what the rows that some planes drive give to `sums` from `to` on, a plane counting twice the one below.

    Plane `lowest` counts once.
    """
    at_once, lanes = room.excess.size, room.lanes
    for plane in range(low, high):
        for k in range(n_words):
            words = (plane * n_words + k) * at_once
            if n < _MANY:
                cell = first_cell + k * WORD_ROWS * lanes
                add_driven(room.words, words, n, cells, cell, room.tables, sums, to, plane - lowest)
            else:
                look_up(room.words, words, n, room.tables, k * _SUMS * lanes, sums, to, plane - lowest)


@kernel(allocates=False, inlined=True)
def _add_noise(
    block: int,
    digit: tuple[int, int],
    read: int,
    n: int,
    number: int,
    rows: ReadRows,
    blocks: Blocks,
    conversion: Conversion,
    room: Room,
) -> None:
    """Add to currents the noise of their conversions; `digit` is its number and that of all.

    Conversions are numbered as `CrossbarLayer.read` says.
    """
    filled = blocks.filled[block]
    for p in range(n):
        if room.driven[digit[0] * room.excess.size + p] or conversion.reads_silence:
            of_read = ((number + p) * rows.first.size + read) * digit[1] + digit[0]
            first = of_read * blocks.n_columns + blocks.columns[block]
            currents = room.currents[p * room.lanes : p * room.lanes + filled]
            for c in range(currents.size):
                currents[c] += noise(conversion.noise_key, first + c) * conversion.noise_scale >> NOISE_BITS


@kernel(allocates=False, inlined=True)
def _pass_on(first: int, n: int, group: int, reference: IntArray, room: Room, passed: NDArray[np.int32]) -> None:
    """Write the outputs of a group at `n` positions."""
    at_once, lanes, n_outputs = room.excess.size, room.lanes, reference.size
    for p in range(n):
        for low in range(0, n_outputs, lanes):
            own = room.sums[(low // lanes * at_once + p) * lanes :]
            given = passed[first + p, group * n_outputs + low : group * n_outputs + min(low + lanes, n_outputs)]
            for o in range(given.size):
                given[o] = own[o] - room.excess[p]
        if reference[0] >= 0:
            for o in range(n_outputs):
                passed[first + p, group * n_outputs + o] -= room.sums[reference[o] + p * lanes]
