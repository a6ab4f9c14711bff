"""Inner loops over packed words, and over the rows that these drive, that need whole vectors to keep up with memory.

From plain loops with few turns a compiler makes scalar code, or vector code whose preparation takes longer than its
work.  So these are written in LLVM's vectors, which it maps to what the processor has; beside each stands what it
computes, and that is what runs where kernels run as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import vectors
from hwsim.kernels.compiled import Later, intrinsic

if TYPE_CHECKING:
    from llvmlite import ir
else:
    ir = Later("llvmlite.ir")

ACTIVE_BIT = 24
"""Lowest bit of the second field of a weighed sum; the first counts set bits."""
OVER_BIT = 42
"""Lowest bit of the third field."""
AT_ONCE = 8
"""Words that `weigh` takes at once."""

cgutils: Any = Later("numba.core.cgutils")
types: Any = Later("numba.types")

_CHANNELS = 64  # of a word
_REGISTERS = 2048  # bits of sums that fit in registers


def _load_some(builder: Any, pointer: Any, index: Any, n_words: Any) -> Any:
    """The first `n_words` of eight words from `index` on and zeros; nothing beyond is touched."""
    eight = vectors.vector(64, AT_ONCE)
    lanes = ir.Constant(eight, list(range(AT_ONCE)))
    there = builder.icmp_signed("<", lanes, vectors.spread(builder, n_words, AT_ONCE))
    at = builder.bitcast(builder.gep(pointer, [index]), eight.as_pointer())
    arguments = [at, ir.IntType(32)(8), there, vectors.all_lanes(eight, 0)]
    kind = ir.FunctionType(eight, [argument.type for argument in arguments])
    name = f"llvm.masked.load.v{AT_ONCE}i64.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _by_turns(builder: Any, pointer: Any, first: Any, n_words: Any, turn: Callable[[Any, Any], None]) -> None:
    """Do `turn` with offset and words of every eight words from `first` on, the last filled with zeros."""
    whole = builder.and_(n_words, vectors.number(-AT_ONCE))
    with cgutils.for_range(builder, builder.udiv(n_words, vectors.number(AT_ONCE))) as loop:
        offset = builder.mul(loop.index, vectors.number(AT_ONCE))
        turn(offset, vectors.load(builder, pointer, builder.add(first, offset), vectors.vector(64, AT_ONCE)))
    rest = builder.sub(n_words, whole)
    with builder.if_then(builder.icmp_signed(">", rest, vectors.number(0))):
        turn(whole, _load_some(builder, pointer, builder.add(first, whole), rest))


def _weigh_interpreted(
    words: NDArray[np.uint64], start: int, n_words: int, weights: NDArray[np.int32], limit: int
) -> int:
    ones = np.bitwise_count(words[start : start + n_words]).astype(np.int64)
    fields = ones + ((ones > 0).astype(np.int64) << ACTIVE_BIT) + ((ones > limit).astype(np.int64) << OVER_BIT)
    return int((fields * weights[:n_words]).sum())


@intrinsic(interpreted=_weigh_interpreted)
def weigh(_typing_context: Any, words: Any, start: Any, n_words: Any, weights: Any, limit: Any) -> Any:
    """Of `n_words` words from `start`: weights times (set bits, whether any, whether over `limit`), added up.

    The three sums come in one int64, the second and third shifted by `ACTIVE_BIT` and `OVER_BIT`.  `weights` is int32
    [word], not negative, filled up to a multiple of `AT_ONCE`.
    """
    signature = types.int64(words, types.int64, types.int64, weights, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word_at, first, length, weight_at, most = vectors.pointers(context, builder, signature, arguments)
        eight = vectors.vector(64, AT_ONCE)
        none, limits = vectors.all_lanes(eight, 0), vectors.spread(builder, most, AT_ONCE)
        sums = [cgutils.alloca_once_value(builder, none) for _ in range(3)]  # apart, so that none waits for another

        def turn(offset: Any, bits: Any) -> None:
            ones = vectors.call(builder, f"llvm.ctpop.v{AT_ONCE}i64", eight, bits)
            weight = builder.zext(vectors.load(builder, weight_at, offset, vectors.vector(32, AT_ONCE)), eight)
            active = builder.shl(weight, vectors.all_lanes(eight, ACTIVE_BIT))
            over = builder.shl(weight, vectors.all_lanes(eight, OVER_BIT))
            parts = (
                builder.mul(ones, weight),
                builder.select(builder.icmp_unsigned("!=", bits, none), active, none),
                builder.select(builder.icmp_signed(">", ones, limits), over, none),
            )
            for total, part in zip(sums, parts, strict=True):
                builder.store(builder.add(builder.load(total), part), total)

        _by_turns(builder, word_at, first, length, turn)
        return vectors.total(builder, [builder.load(total) for total in sums])

    return signature, codegen


def _flag_interpreted(words: NDArray[np.uint64], start: int, n_words: int) -> np.uint64:
    return np.uint64(sum(1 << i for i in range(n_words) if words[start + i]))


@intrinsic(interpreted=_flag_interpreted)
def flag(_typing_context: Any, words: Any, start: Any, n_words: Any) -> Any:
    """Bit i of the uint64: whether word `start + i` of at most 64 words has a set bit."""
    signature = types.uint64(words, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word_at, first, length = vectors.pointers(context, builder, signature, arguments)
        flags = cgutils.alloca_once_value(builder, vectors.number(0))

        def turn(offset: Any, bits: Any) -> None:
            byte = builder.bitcast(
                builder.icmp_unsigned("!=", bits, vectors.all_lanes(bits.type, 0)), ir.IntType(AT_ONCE)
            )
            builder.store(
                builder.or_(builder.load(flags), builder.shl(builder.zext(byte, vectors.index()), offset)), flags
            )

        _by_turns(builder, word_at, first, length, turn)
        return builder.load(flags)

    return signature, codegen


def _count_channels_interpreted(
    words: NDArray[np.uint64], places: tuple[int, int, int], n_words: int, counts: NDArray[np.uint8], target: int
) -> None:
    first, apart, n_places = places
    counted = words[first + np.arange(n_places)[:, None] * apart + np.arange(n_words)]
    bits = np.unpackbits(counted.view(np.uint8), axis=1, bitorder="little")
    counts[target : target + bits.shape[1]] = bits.sum(axis=0, dtype=np.uint8)


@intrinsic(interpreted=_count_channels_interpreted)
def count_channels(_typing_context: Any, words: Any, places: Any, n_words: Any, counts: Any, target: Any) -> Any:
    """Set bits of each channel over 1 to 255 places of `n_words` words each.

    `places` are where the first begins, the distance to the next, and how many there are.  Counts are uint8, those of
    the first channel at `target`.
    """
    signature = types.void(words, places, types.int64, counts, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word_at, places, n_words, count_at, to = vectors.pointers(context, builder, signature, arguments)
        first, apart, n_places = cgutils.unpack_tuple(builder, places)
        bytes_ = vectors.vector(8, _CHANNELS)
        counts = cgutils.alloca_once(builder, bytes_)

        def flags(at: Any) -> Any:
            return builder.bitcast(builder.load(builder.gep(word_at, [at])), vectors.vector(1, _CHANNELS))

        with cgutils.for_range(builder, n_words) as word:
            at = builder.add(first, word.index)
            builder.store(builder.zext(flags(at), bytes_), counts)
            with cgutils.for_range(builder, builder.sub(n_places, vectors.number(1))) as loop:
                below = builder.add(at, builder.mul(builder.add(loop.index, vectors.number(1)), apart))
                minus_one = builder.sext(flags(below), bytes_)
                builder.store(builder.sub(builder.load(counts), minus_one), counts)
            place = builder.add(to, builder.mul(word.index, vectors.number(_CHANNELS)))
            place = builder.bitcast(builder.gep(count_at, [place]), bytes_.as_pointer())
            builder.store(builder.load(counts), place, align=1)
        return context.get_dummy_value()

    return signature, codegen


def _multiply_counts_interpreted(
    counts: NDArray[np.uint8],
    weights: NDArray[np.int16],
    rows: tuple[int, int, int],
    factor: int,
    sums: NDArray[np.int64],
    to: int,
) -> None:
    first, apart, n_rows = rows
    for row in range(n_rows):
        start = first + row * apart
        found = counts.astype(np.int64) @ weights[start : start + counts.size].astype(np.int64)
        sums[to + row] += factor * int(found)


@intrinsic(interpreted=_multiply_counts_interpreted)
def multiply_counts(_typing_context: Any, counts: Any, weights: Any, rows: Any, factor: Any, sums: Any, to: Any) -> Any:
    """Add `factor` times counts uint8 times weights int16 to `sums` int64 from `to` on, one for each row of weights.

    Counts fill whole words' 64 channels.  `rows` are where the first begins, the distance to the next, and how many
    there are.  Sums are kept in 32 lanes of 32 bits, two channels of every word in each: they must stay below 2**31.
    """
    signature = types.void(counts, weights, rows, types.int64, sums, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count_at, weight_at, rows, factor, sum_at, to = vectors.pointers(context, builder, signature, arguments)
        first, apart, n_rows = cgutils.unpack_tuple(builder, rows)
        size = vectors.indexing.field(context, builder, signature.args[0], arguments[0], "nitems")
        half = _CHANNELS // 2
        shorts, pairs = vectors.vector(16, half), vectors.vector(32, half // 2)

        def multiply(row: Any, several: int) -> None:
            """Rows side by side: of each channel's count, which is widened once for all of them."""
            starts = [
                builder.add(first, builder.mul(builder.add(row, vectors.number(i)), apart)) for i in range(several)
            ]
            none = vectors.all_lanes(pairs, 0)
            totals = [[cgutils.alloca_once_value(builder, none) for _ in range(2)] for _ in starts]
            for total in totals:
                for part in total:
                    builder.store(none, part)
            with cgutils.for_range(builder, builder.udiv(size, vectors.number(_CHANNELS))) as loop:
                for part in range(2):
                    at = builder.add(builder.mul(loop.index, vectors.number(_CHANNELS)), vectors.number(part * half))
                    count = builder.zext(vectors.load(builder, count_at, at, vectors.vector(8, half)), shorts)
                    for start, total in zip(starts, totals, strict=True):
                        weight = vectors.load(builder, weight_at, builder.add(start, at), shorts)
                        found = vectors.pair_products(builder, count, weight)
                        builder.store(builder.add(builder.load(total[part]), found), total[part])
            for i, total in enumerate(totals):
                wide = [builder.sext(builder.load(part), vectors.vector(64, half // 2)) for part in total]
                place = builder.gep(sum_at, [builder.add(builder.add(to, row), vectors.number(i))])
                product = builder.mul(factor, vectors.total(builder, wide))
                builder.store(builder.add(builder.load(place), product), place)

        done = vectors.number(0)
        for several in (3, 2, 1):
            turns = builder.udiv(builder.sub(n_rows, done), vectors.number(several))
            with cgutils.for_range(builder, turns) as loop:
                multiply(builder.add(done, builder.mul(loop.index, vectors.number(several))), several)
            done = builder.add(done, builder.mul(turns, vectors.number(several)))
        return context.get_dummy_value()

    return signature, codegen


def _add_rows_interpreted(
    cells: NDArray[Any], listed: NDArray[np.int64], n_rows: int, shift: int, currents: NDArray[Any], n_columns: int
) -> None:
    currents[:n_columns] += (cells[listed[:n_rows]].sum(axis=0, dtype=np.int64) << shift).astype(currents.dtype)


@intrinsic(interpreted=_add_rows_interpreted)
def add_rows(
    _typing_context: Any, cells: Any, listed: Any, n_rows: Any, shift: Any, currents: Any, n_columns: Any
) -> Any:
    """Add the first `n_rows` listed rows of cells [row, column], times 2**shift, to currents [column], no narrower."""
    signature = types.void(cells, listed, types.int64, types.int64, currents, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell_at, row_at, rows, by, current_at, columns = vectors.pointers(context, builder, signature, arguments)
        narrow, wide = signature.args[0].dtype.bitwidth, signature.args[4].dtype.bitwidth

        def add(column: Any, lanes: int) -> None:
            """Of neighbouring columns, which stay in registers over all rows."""
            vector = vectors.vector(wide, lanes)
            total = cgutils.alloca_once_value(builder, vectors.all_lanes(vector, 0))
            with cgutils.for_range(builder, rows) as loop:
                row = builder.load(builder.gep(row_at, [loop.index]))
                at = builder.add(builder.mul(row, columns), column)
                found = builder.sext(vectors.load(builder, cell_at, at, vectors.vector(narrow, lanes)), vector)
                builder.store(builder.add(builder.load(total), found), total)
            pulses = builder.trunc(by, ir.IntType(wide)) if wide < 64 else by
            added = builder.shl(builder.load(total), vectors.spread(builder, pulses, lanes))
            place = builder.bitcast(builder.gep(current_at, [column]), vector.as_pointer())
            builder.store(builder.add(builder.load(place, align=wide // 8), added), place, align=wide // 8)

        done = vectors.number(0)
        for lanes in (_REGISTERS // wide, _REGISTERS // 4 // wide, 1):
            turns = builder.udiv(builder.sub(columns, done), vectors.number(lanes))
            with cgutils.for_range(builder, turns) as loop:
                add(builder.add(done, builder.mul(loop.index, vectors.number(lanes))), lanes)
            done = builder.add(done, builder.mul(turns, vectors.number(lanes)))
        return context.get_dummy_value()

    return signature, codegen
