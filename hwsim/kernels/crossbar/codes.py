"""Conversion of many currents at once, in LLVM's vectors; beside it stands what runs where kernels are plain Python."""

from __future__ import annotations

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

_LANES = 32
"""Currents come in multiples of this."""

Currents = NDArray[np.int16] | NDArray[np.int32]


def _convert_interpreted(
    currents: Currents,
    n: int,
    bounds: tuple[int, int, int],
    bits: tuple[int, int],
    safe: bool,
    factor: int,
    sums: NDArray[np.int32],
    to: int,
) -> int:
    (bottom, top, lowest), (shift, step_bits) = bounds, bits
    own = currents[:n].astype(np.int64)
    clipped = 0 if safe else int(np.count_nonzero((own > top) | (own < bottom)))
    raised = np.clip(own, bottom, top) + ((1 << shift) >> 1)
    code = raised >> shift
    if step_bits:
        code -= (raised & ((1 << shift) - 1) == 0) & code & 1
    sums[to : to + n] += ((np.maximum(code, lowest) << step_bits) * factor).astype(np.int32)
    return clipped


@intrinsic(interpreted=_convert_interpreted)
def convert(
    _typing_context: Any, currents: Any, n: Any, bounds: Any, bits: Any, safe: Any, factor: Any, sums: Any, to: Any
) -> Any:
    """Add the levels of the first `n` currents, times a factor, to `sums` from `to` on; the number that clipped.

    `bounds` are the lowest and highest current of codes in range and the lowest code, `bits` those by which a code is
    above a current, and of a code above a level.  Half a step goes to the even code, half a level up.  With `safe` none
    is out of range.
    """
    signature = types.int64(currents, types.int64, bounds, bits, types.boolean, types.int64, sums, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        current_at, n, bounds, bits, safe, factor, sum_at, to = vectors.pointers(context, builder, signature, arguments)
        bounds, bits = cgutils.unpack_tuple(builder, bounds), cgutils.unpack_tuple(builder, bits)
        rule = _Rule(builder, signature.args[0].dtype.bitwidth, bounds, bits)
        wide = vectors.vector(32, _LANES)
        times = vectors.spread(builder, builder.trunc(factor, wide.element), _LANES)

        def convert_all(clips: bool, steps: bool) -> None:
            with cgutils.for_range(builder, builder.udiv(n, vectors.number(_LANES))) as loop:
                at = builder.mul(loop.index, vectors.number(_LANES))
                level = rule.level(vectors.load(builder, current_at, at, rule.kind), clips, steps)
                found = builder.mul(vectors.widened(builder, level, wide), times)
                place = builder.add(to, at)
                vectors.store(builder, builder.add(vectors.load(builder, sum_at, place, wide), found), sum_at, place)

        # What every conversion would do without need is left out of whole loops.
        whole_levels = builder.icmp_signed("==", bits[1], vectors.number(0))
        with builder.if_else(builder.trunc(safe, ir.IntType(1))) as (all_safe, some_clip):
            for clips, part in ((False, all_safe), (True, some_clip)):
                with part, builder.if_else(whole_levels) as (plain, stepped):
                    with plain:
                        convert_all(clips, steps=False)
                    with stepped:
                        convert_all(clips, steps=True)
        lanes = builder.sext(builder.load(rule.clipped), vectors.vector(64, _LANES))
        return vectors.total(builder, [lanes])

    return signature, codegen


class _Rule:
    """An ADC's rule in vectors of currents."""

    def __init__(self, builder: Any, width: int, bounds: Any, bits: Any) -> None:
        def same(number: Any) -> Any:
            return vectors.spread(builder, builder.trunc(number, self.kind.element), _LANES)

        self.kind = vectors.vector(width, _LANES)
        self._builder = builder
        self._bottom, self._top, self._lowest = map(same, bounds)
        self._shift, self._step = map(same, bits)
        one = vectors.all_lanes(self.kind, 1)
        unit = builder.shl(one, self._shift)
        self._half, self._below = builder.ashr(unit, one), builder.sub(unit, one)
        self.clipped = cgutils.alloca_once_value(builder, vectors.all_lanes(self.kind, 0))

    def level(self, current: Any, clips: bool, steps: bool) -> Any:
        """The level of each code, those that clip counted where some may."""
        builder, nothing = self._builder, vectors.all_lanes(self.kind, 0)
        if clips:
            held = self._within(current)
            clipped = builder.sext(builder.icmp_signed("!=", current, held), self.kind)
            builder.store(builder.sub(builder.load(self.clipped), clipped), self.clipped)
            current = held
        raised = builder.add(current, self._half)
        code = builder.ashr(raised, self._shift)
        if not steps:
            return code
        tie = builder.icmp_signed("==", builder.and_(raised, self._below), nothing)
        odd = builder.and_(code, vectors.all_lanes(self.kind, 1))
        code = builder.sub(code, builder.select(tie, odd, nothing))
        least = builder.icmp_signed("<", code, self._lowest)
        return builder.shl(builder.select(least, self._lowest, code), self._step)

    def _within(self, values: Any) -> Any:
        """Those in range, and its ends for those beyond."""
        builder = self._builder
        raised = builder.select(builder.icmp_signed("<", values, self._bottom), self._bottom, values)
        return builder.select(builder.icmp_signed(">", raised, self._top), self._top, raised)
