"""A layer's cells as `hwsim.kernels.crossbar.looked_up` takes them: rows in the order of reads, columns in blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hwsim.accelerators.imc.functional.cells import Cells
from hwsim.contract.arrays import IntArray
from hwsim.kernels.aligned import aligned
from hwsim.kernels.crossbar.looked_up import Blocks, ReadRows, Room
from hwsim.kernels.crossbar.read_rows import Reads
from hwsim.kernels.crossbar.rows import Sliding, padded
from hwsim.kernels.crossbar.subset_sums import SUBSETS, TABLES, WORD_ROWS, n_lanes
from hwsim.traces.planes import Words

_NARROW = 15  # bits of a cell, and of the sums in a table of 16-bit integers
_POSITIONS = 256
"""Read before the next cells are looked at: sums of as many stay in a processor's caches; measured, our choice."""


class Lookup(NamedTuple):
    """A layer's reads, its cells, and room for some positions."""

    rows: ReadRows
    blocks: Blocks
    room: Room

    def with_margins(self, planes: Words, window: Sliding) -> Words:
        """`planes` [plane, sample, position, word] with all that windows cover beside the map: [plane, word]."""
        n_planes, n_samples, _, n_words = planes.shape
        top, left = window.padding
        held = np.zeros((n_planes, n_samples, self.rows.height, self.rows.width, n_words), np.uint64)
        inside = held[:, :, top : top + window.height, left : left + window.width]
        inside[:] = planes.reshape(inside.shape)
        return held.reshape(n_planes, -1)


def worth_of(cells: Cells, outputs: int) -> Cells:
    """One column an output, of what its rows add to it where nothing is lost on the way: whole levels, weighed."""
    groups, rows, _ = cells.currents.shape
    n_parts = cells.factors.size
    levels = cells.currents.astype(np.int64)
    parts = levels[:, :, : n_parts * outputs].reshape(groups, rows, n_parts, outputs)
    worth = np.einsum("grpo,p->gro", parts, cells.factors) - cells.offset
    if cells.references.size:
        worth -= levels[:, :, cells.references] * cells.reference_factor
    return replace(
        cells,
        currents=worth.astype(np.int32),
        factors=np.ones(1, np.int64),
        references=np.empty(0, np.int64),
        offset=0,
    )


def lookup_of(
    cells: Cells,
    bound: int,
    columns: int,
    outputs: int,
    reads: Reads,
    window: Sliding,
    planes: tuple[int, int],
    counts: IntArray,
) -> Lookup | None:
    """A layer's cells in blocks, and where its reads find them; None where a cell takes more than 16 bits.

    Each read converts so many `columns` of a group's `outputs`, and adds to `counts`; `planes` are how many there are,
    and the words of a place in them.  Currents and what has a code stay below `bound`.
    """
    n_planes, n_words = planes
    largest = int(np.abs(cells.currents).max())
    if largest >> _NARROW:
        return None
    kind = np.dtype(np.int32 if max(largest * WORD_ROWS, bound) >> _NARROW else np.int16)
    rows, order = _rows(reads, window, n_words)
    blocks = _blocks(cells, columns, outputs, order, rows.words, n_lanes(kind))
    n_digits = -(-n_planes // reads.dac_bits)
    sums = (int(blocks.targets.max()) + 1) * _POSITIONS * n_lanes(kind)
    room = Room(
        words=np.zeros(n_planes * rows.words * _POSITIONS, np.uint64),
        places=np.zeros(_POSITIONS, np.int64),
        driven=np.zeros(n_digits * _POSITIONS, np.int64),
        most=np.zeros(n_digits, np.int64),
        excess=np.zeros(_POSITIONS, np.int64),
        tables=aligned(rows.words * TABLES * SUBSETS * n_lanes(kind), kind),
        currents=aligned(_POSITIONS * n_lanes(kind), kind),
        sums=aligned(sums, np.int32),
        lanes=n_lanes(kind),
        counts=counts,
    )
    return Lookup(rows, blocks, room)


def _rows(reads: Reads, window: Sliding, n_words: int) -> tuple[ReadRows, IntArray]:
    """Where the rows of each read are, and all cell rows in that order: int64 [row].

    What a read takes from a word are neighbouring channels, so neighbouring bits (`placement.segments_of`).
    """
    segments, (height, width) = reads.segments, padded(window)
    sizes = np.bitwise_count(segments.mask).astype(np.int64)
    low = np.bitwise_count((segments.mask & -segments.mask) - np.uint64(1)).astype(np.int64)
    begin = np.cumsum(sizes) - sizes
    first = np.append(begin, sizes.sum())[segments.start]
    read = np.repeat(np.arange(first.size - 1), np.diff(segments.start))
    order = np.repeat(reads.first_row + low - begin, sizes) + np.arange(sizes.sum())
    away = segments.row * window.dilation[0] * width + segments.column * window.dilation[1]
    found = ReadRows(
        start=segments.start,
        away=away * n_words + segments.word,
        low=low,
        mask=segments.mask >> low.astype(np.uint64),
        row=begin - first[read],
        first=first[:-1].copy(),
        per_group=reads.per_group,
        dac_bits=reads.dac_bits,
        words=-(-int(np.diff(first).max()) // WORD_ROWS),
        height=height,
        width=width,
        n_words=n_words,
    )
    return found, order


def _blocks(cells: Cells, columns: int, outputs: int, order: IntArray, words: int, lanes: int) -> Blocks:
    """The columns of each part and those of references, each filled up to whole blocks; rows to whole words."""
    n_parts, per_part = cells.factors.size, -(-outputs // lanes)
    flat = cells.currents.reshape(-1, cells.currents.shape[2])[order]
    runs = [(part * outputs, outputs) for part in range(n_parts)]
    n_references = flat.shape[1] - n_parts * outputs
    runs += [(n_parts * outputs, n_references)] if n_references else []
    first = [(begin + low, min(lanes, n - low)) for begin, n in runs for low in range(0, n, lanes)]
    held = np.zeros((len(first), len(order) + WORD_ROWS * words, lanes), np.int16)
    for block, (column, filled) in enumerate(first):
        held[block, : len(order), :filled] = flat[:, column : column + filled]
    own = n_parts * per_part
    number = np.arange(len(first))
    references = cells.references - n_parts * outputs
    place = (per_part + references // lanes) * _POSITIONS * lanes + references % lanes
    return Blocks(
        cells=held.reshape(-1),
        n_rows=held.shape[1],
        factors=np.append(np.repeat(cells.factors, per_part), np.full(len(first) - own, cells.reference_factor)),
        targets=np.where(number < own, number % per_part, number - own + per_part),
        columns=np.array([column for column, _ in first], np.int64),
        filled=np.array([filled for _, filled in first], np.int64),
        reference=place if n_references else np.full(outputs, -1, np.int64),
        offset=cells.offset,
        factor=int(cells.factors.sum()) - (cells.reference_factor if n_references else 0),
        n_columns=columns,
    )
