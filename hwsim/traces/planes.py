"""Arithmetic on bit planes: integers kept as packed words, one word array per binary digit.

Planes are uint64 [plane, ...]: digit p of every integer is a bit of plane p, 64 integers a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_FEW_CHANNELS = 4


def pack_channels(bits: NDArray[np.uint8] | NDArray[np.bool_]) -> Words:
    """Pack 0/1 [..., channel] into uint64 [..., word]: channel c is bit c % 64 of word c // 64, the rest is zero."""
    if bits.shape[-1] % 8:
        packed = np.packbits(bits, axis=-1, bitorder="little")
    else:  # many short rows take several times as long as one
        packed = np.packbits(bits.reshape(-1), bitorder="little").reshape(*bits.shape[:-1], bits.shape[-1] // 8)
    n_bytes = packed.shape[-1]
    words = np.zeros((*bits.shape[:-1], -(-n_bytes // 8)), "<u8")
    words.view(np.uint8)[..., :n_bytes] = packed
    return words


def unpack_channels(words: Words, channels: int) -> NDArray[np.uint8]:
    """The inverse of `pack_channels`: 0/1 as uint8 [..., channel]."""
    as_bytes = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, count=channels, bitorder="little")


def pack_integers(values: NDArray[np.integer[Any]], n_planes: int) -> Words:
    """Bit planes of integers [..., channel], in two's complement where they are signed: uint64 [plane, ..., word]."""
    channels = values.shape[-1]
    if channels <= _FEW_CHANNELS:  # nearly all of a word is padding
        words = np.zeros((n_planes, *values.shape[:-1], 1), np.uint64)
        for plane in range(n_planes):
            digits = _digits(values, plane).astype(np.uint64)
            for channel in range(channels):
                words[plane, ..., 0] |= digits[..., channel] << np.uint64(channel)
        return words
    return np.stack([pack_channels(_digits(values, plane)) for plane in range(n_planes)])


def _digits(values: NDArray[np.integer[Any]], plane: int) -> NDArray[np.uint8]:
    one, shift = values.dtype.type(1), values.dtype.type(plane)
    return (values >> shift & one).astype(np.uint8, copy=False)


def widened(planes: Words, n_planes: int) -> Words:
    """Integers in two's complement with more planes, all as the highest that is there."""
    missing = n_planes - len(planes)
    return np.concatenate([planes, np.repeat(planes[-1:], missing, axis=0)]) if missing else planes


def by_sign(planes: Words) -> Words:
    """Of signed spikes, -1, 0 and 1 in two planes: those that are 1 and those that are -1, uint64 [2, ...]."""
    fired, negative = planes
    return np.stack([fired & ~negative, negative])


def magnitudes(planes: Words) -> Words:
    """The magnitudes of integers in two's complement, in as many planes: uint64 [plane, ...]."""
    sign = planes[-1]
    found, carry = np.empty_like(planes), sign
    for plane, digit in enumerate(planes):  # all digits turned where it is negative, and one more
        turned = digit ^ sign
        found[plane] = turned ^ carry
        carry = carry & turned
    return found


def sum_planes(terms: Sequence[Words], gains: Sequence[int], n_planes: int) -> Words:
    """sum(gains[i] * terms[i]) for gains >= 1, in `n_planes` planes, which must hold the largest sum.

    Terms are [plane, ...] of shapes that broadcast beyond the first axis.  Each set bit of a gain adds a shifted copy
    through a ripple-carry adder of n_planes steps.
    """
    shape = np.broadcast_shapes(*(term.shape[1:] for term in terms))
    total = np.zeros((n_planes, *shape), dtype=np.uint64)
    for term, gain in zip(terms, gains, strict=True):
        for shift in range(gain.bit_length()):
            if gain >> shift & 1:
                _add_shifted(total, term, shift)
    return total


def _add_shifted(total: Words, term: Words, shift: int) -> None:
    """Add term << shift to total, in place."""
    carry = np.zeros(total.shape[1:], dtype=np.uint64)
    for plane in range(shift, len(total)):
        digit = term[plane - shift] if plane - shift < len(term) else np.uint64(0)
        half = total[plane] ^ digit
        # The carry out reads the digit before the sum replaces it.
        carry_out = (total[plane] & digit) | (half & carry)
        total[plane] = half ^ carry
        carry = carry_out


def max_planes(terms: Sequence[Words], signed: bool = False) -> Words:
    """The elementwise maximum of integers in equally many planes, in two's complement if signed; of spikes their OR."""
    if signed:  # which are in order when their signs are turned
        return _turned(max_planes([_turned(term) for term in terms]))
    best = terms[0]
    for term in terms[1:]:
        above = np.zeros_like(best[0])
        equal = ~above
        for plane in range(len(best) - 1, -1, -1):
            above |= equal & term[plane] & ~best[plane]
            equal &= ~(term[plane] ^ best[plane])
        best = (term & above) | (best & ~above)
    return best


def _turned(planes: Words) -> Words:
    """The same with the other sign."""
    return np.concatenate([planes[:-1], ~planes[-1:]])
