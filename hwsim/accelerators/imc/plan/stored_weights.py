"""What cells hold for a weight, and what that is worth.

    offset         weight = stored - 2**(bits - 1), of 1 bit, which are -1 and 1, 2 stored - 1
    differential   weight = stored in one column - stored in another: max(weight, 0) and max(-weight, 0)

Stored integers are cut into slices of `cell_bits`, the lowest first.  A reference column holds the offset in its cells:
the level that the highest slice has for it, or 1 where that is worth more than the offset.
"""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.traces.network.layers import Integers

_NARROW_BITS = 8  # of weights that fit 16 bits with their offset


def offset_of(spec: ImcSpec, bits: int) -> int:
    """What is taken off for each weight; nothing of pairs."""
    return 0 if spec.signs.encoding == "differential" else 1 << (bits - 1)


def unit_of(spec: ImcSpec, bits: int) -> int:
    """What 1 of a stored integer is worth."""
    return 2 if bits == 1 and spec.signs.encoding == "offset" else 1


def slices_of(spec: ImcSpec, bits: int) -> range:
    """The lowest bit of each slice of a stored integer."""
    return range(0, bits, spec.crossbar.cell_bits)


def reference_level(spec: ImcSpec, bits: int) -> int:
    """The level of a cell that stands for the offset."""
    return max(1, offset_of(spec, bits) >> slices_of(spec, bits)[-1])


def stored_integers(spec: ImcSpec, weights: Integers, bits: int) -> tuple[Integers, ...]:
    """What is stored for weights, an array of their shape, int16 or int32; of pairs two."""
    wide: Integers = weights.astype(np.int16 if bits <= _NARROW_BITS else np.int32)
    if spec.signs.encoding == "differential":
        return np.maximum(wide, 0), np.maximum(-wide, 0)
    stored = wide + wide.dtype.type(offset_of(spec, bits))
    return (stored >> 1 if unit_of(spec, bits) == 2 else stored,)


def stored_together(spec: ImcSpec, weights: Integers, bits: int) -> Integers:
    """What is stored for weights, in one column or, as one of a pair is zero, in either."""
    one, *other = stored_integers(spec, weights, bits)
    return one + other[0] if other else one
