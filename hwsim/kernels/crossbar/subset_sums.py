"""Sums of the cells that a word of spikes drives, four rows at once: looked up among those of all sixteen subsets.

Sixteen lookups add 64 rows, whichever of them are driven.  A table holds sums of `n_lanes` neighbouring columns, which
make two of a processor's widest vectors.  Written in LLVM's vectors; beside each function stands what it computes, and
that is what runs where kernels run as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import vectors
from hwsim.kernels.compiled import Later, intrinsic

if TYPE_CHECKING:
    from llvmlite import ir
else:
    ir = Later("llvmlite.ir")

cgutils: Any = Later("numba.core.cgutils")
types: Any = Later("numba.types")

ROWS = 4  # of which all subsets are summed
SUBSETS = 1 << ROWS
WORD_ROWS = 64
TABLES = WORD_ROWS // ROWS  # of a word
_LANE_BYTES = 128

Sums = NDArray[np.int16] | NDArray[np.int32]
OfWord = Callable[[Any], Iterator[Any]]


def n_lanes(kind: np.dtype[Any]) -> int:
    """Columns whose sums of some kind of integer one table holds."""
    return _LANE_BYTES // kind.itemsize


def _sum_subsets_interpreted(cells: NDArray[np.int16], first: int, tables: Sums, to: int) -> None:
    lanes = n_lanes(tables.dtype)
    rows = cells[first : first + WORD_ROWS * lanes].reshape(TABLES, ROWS, lanes)
    chosen = np.arange(SUBSETS)[:, None] >> np.arange(ROWS) & 1
    sums = np.einsum("er,trl->tel", chosen, rows.astype(np.int64))
    tables[to : to + sums.size] = sums.reshape(-1).astype(tables.dtype)


@intrinsic(interpreted=_sum_subsets_interpreted)
def sum_subsets(_typing_context: Any, cells: Any, first: Any, tables: Any, to: Any) -> Any:
    """Write the tables of 64 rows of lanes, int16 `cells` from `first` on, to `tables` from `to` on.

    Subset s of table t, which has the rows of the bits of s, goes to [to + (16 t + s) lanes] and on.
    """
    signature = types.void(cells, types.int64, tables, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell_at, first, table_at, to = vectors.pointers(context, builder, signature, arguments)
        kind = _lanes(signature.args[2])
        with cgutils.for_range(builder, vectors.number(TABLES)) as loop:
            row = builder.add(first, builder.mul(loop.index, vectors.number(ROWS * kind.count)))
            target = builder.add(to, builder.mul(loop.index, vectors.number(SUBSETS * kind.count)))
            sums = [vectors.all_lanes(kind, 0)]
            for bit in range(ROWS):
                place = builder.add(row, vectors.number(bit * kind.count))
                found = vectors.load(builder, cell_at, place, vectors.vector(16, kind.count))
                own = vectors.widened(builder, found, kind)
                sums += [builder.add(total, own) for total in sums]
            for subset, total in enumerate(sums):
                vectors.store(builder, total, table_at, builder.add(target, vectors.number(subset * kind.count)))
        return context.get_dummy_value()

    return signature, codegen


def _look_up_interpreted(
    words: NDArray[np.uint64],
    first: int,
    n_words: int,
    tables: Sums,
    at: int,
    sums: Sums,
    to: int,
    shift: int,
) -> None:
    lanes = n_lanes(tables.dtype)
    found = np.zeros((n_words, lanes), np.int64)
    for table in range(TABLES):
        subset = (words[first : first + n_words] >> np.uint64(ROWS * table) & np.uint64(SUBSETS - 1)).astype(np.int64)
        entry = at + (table * SUBSETS + subset) * lanes
        found += tables[entry[:, None] + np.arange(lanes)]
    sums[to : to + found.size] += (found.reshape(-1) << shift).astype(sums.dtype)


@intrinsic(interpreted=_look_up_interpreted)
def look_up(
    _typing_context: Any,
    words: Any,
    first: Any,
    n_words: Any,
    tables: Any,
    at: Any,
    sums: Any,
    to: Any,
    shift: Any,
) -> Any:
    """Add what the rows of words give, times 2**shift: those of word `first` + i to sums [to + i lanes] and on.

    Sums are int32, or as wide as those of the tables.  Rows are looked up in `tables` from `at` on, and only where one
    of four is driven: half of them for a sixth of the rows.
    """
    signature = types.void(words, types.int64, types.int64, tables, types.int64, sums, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word_at, first, n_words, table_at, at, sum_at, to, shift = vectors.pointers(
            context, builder, signature, arguments
        )
        kind = _lanes(signature.args[3])

        def of_word(word: Any) -> Iterator[Any]:
            with _each_bit(builder, _driven(builder, word)) as bit:
                subset = builder.and_(builder.lshr(word, bit), vectors.number(SUBSETS - 1))
                entry = builder.add(builder.mul(bit, vectors.number(SUBSETS // ROWS)), subset)
                place = builder.add(at, builder.mul(entry, vectors.number(kind.count)))
                yield vectors.load(builder, table_at, place, kind)

        _add_words(builder, (word_at, first, n_words), kind, of_word, (sum_at, to, shift))
        return context.get_dummy_value()

    return signature, codegen


def _add_driven_interpreted(
    words: NDArray[np.uint64],
    first: int,
    n_words: int,
    cells: NDArray[np.int16],
    at: int,
    tables: Sums,
    sums: Sums,
    to: int,
    shift: int,
) -> None:
    lanes = n_lanes(tables.dtype)
    chosen = words[first : first + n_words, None] >> np.arange(WORD_ROWS, dtype=np.uint64) & np.uint64(1)
    rows = cells[at : at + WORD_ROWS * lanes].reshape(WORD_ROWS, lanes).astype(np.int64)
    sums[to : to + n_words * lanes] += ((chosen.astype(np.int64) @ rows).reshape(-1) << shift).astype(sums.dtype)


@intrinsic(interpreted=_add_driven_interpreted)
def add_driven(
    _typing_context: Any,
    words: Any,
    first: Any,
    n_words: Any,
    cells: Any,
    at: Any,
    tables: Any,
    sums: Any,
    to: Any,
    shift: Any,
) -> Any:
    """Add the same without tables, row by row from `cells`, for too few words to make any.

    Nothing is read of `tables`, but lanes are as theirs would be.
    """
    signature = types.void(words, types.int64, types.int64, cells, types.int64, tables, sums, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word_at, first, n_words, cell_at, at, _, sum_at, to, shift = vectors.pointers(
            context, builder, signature, arguments
        )
        kind = _lanes(signature.args[5])

        def of_word(word: Any) -> Iterator[Any]:
            with _each_bit(builder, word) as bit:
                place = builder.add(at, builder.mul(bit, vectors.number(kind.count)))
                yield vectors.widened(
                    builder, vectors.load(builder, cell_at, place, vectors.vector(16, kind.count)), kind
                )

        _add_words(builder, (word_at, first, n_words), kind, of_word, (sum_at, to, shift))
        return context.get_dummy_value()

    return signature, codegen


def _add_words(
    builder: Any, words: tuple[Any, Any, Any], kind: ir.VectorType, of_word: OfWord, sums: tuple[Any, Any, Any]
) -> None:
    """Add up what each word has of rows, in vectors of a kind, and all that to the sums of the word.

    `words` are pointer, first and number, `sums` pointer, first, and by how much what is added is shifted.
    """
    (word_at, first, n_words), (sum_at, to, shift) = words, sums
    wide = vectors.vector(sum_at.type.pointee.width, kind.count)
    by = vectors.spread(builder, builder.trunc(shift, wide.element), kind.count)
    total = cgutils.alloca_once(builder, kind)
    with cgutils.for_range(builder, n_words) as loop:
        word = builder.load(builder.gep(word_at, [builder.add(first, loop.index)]))
        with builder.if_then(builder.icmp_unsigned("!=", word, vectors.number(0))):
            builder.store(vectors.all_lanes(kind, 0), total)
            for found in of_word(word):
                builder.store(builder.add(builder.load(total), found), total)
            found = builder.shl(vectors.widened(builder, builder.load(total), wide), by)
            target = builder.add(to, builder.mul(loop.index, vectors.number(kind.count)))
            before = vectors.load(builder, sum_at, target, wide)
            vectors.store(builder, builder.add(before, found), sum_at, target)


def _driven(builder: Any, word: Any) -> Any:
    """The lowest bit of every four rows of which one is driven."""
    for by in (1, ROWS // 2):
        word = builder.or_(word, builder.lshr(word, vectors.number(by)))
    return builder.and_(word, vectors.number(sum(1 << bit for bit in range(0, WORD_ROWS, ROWS))))


@contextmanager
def _each_bit(builder: Any, bits: Any) -> Iterator[Any]:
    """The number of each bit that is set, from the lowest on, a turn each."""
    rest = cgutils.alloca_once(builder, bits.type)
    builder.store(bits, rest)
    begin, turn, end = (builder.append_basic_block(name) for name in ("begin", "turn", "end"))
    builder.branch(begin)
    builder.position_at_end(begin)
    left = builder.load(rest)
    builder.cbranch(builder.icmp_unsigned("!=", left, vectors.number(0)), turn, end)
    builder.position_at_end(turn)
    yield builder.cttz(left, cgutils.true_bit)
    builder.store(builder.and_(left, builder.sub(left, vectors.number(1))), rest)
    builder.branch(begin)
    builder.position_at_end(end)


def _lanes(tables: Any) -> ir.VectorType:
    """The sums of a table that belong to one subset."""
    width = tables.dtype.bitwidth
    return vectors.vector(width, 8 * _LANE_BYTES // width)
