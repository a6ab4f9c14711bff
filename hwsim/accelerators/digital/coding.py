"""How many bits values take when zeros are left out, record by record.

A record is a run of values that can be decoded by itself.  With n values, k of which are not zero, of v bits each (0
for binary spikes, of which it is enough where they are):

    bitmask     n + k v                     a bit a value says which are there
    pairs       c + e (r + v)               a count of entries of c = bit length of n, then e pairs of run and value

A run of r bits counts the zeros before a value.  Where there are more, an entry stands for 2^r zeros by themselves, a
run of 2^r - 1 and the value 0, or without values for 2^r - 1, so that e = k + the sum of such entries.  Zeros after the
last value that is not zero take nothing: the count says that no more comes.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray

Scheme = Literal["bitmask", "pairs"]


class Code(NamedTuple):
    """How values of some width are written."""

    scheme: Scheme
    run_bits: int
    value_bits: int  # 0 where all that are not zero are alike

    @property
    def escape(self) -> int:
        """Zeros that an entry without a value stands for."""
        return (1 << self.run_bits) - (self.value_bits == 0)


def record_bits(nonzero: NDArray[np.bool_], cuts: IntArray, code: Code) -> IntArray:
    """Bits of each record of values: bool [..., value] cut at `cuts` [record + 1] to int64 [..., record]."""
    sizes, first = np.diff(cuts), cuts[:-1]
    entries: IntArray = np.add.reduceat(nonzero, first, axis=-1, dtype=np.int64)
    if code.scheme == "bitmask":
        return sizes + entries * code.value_bits
    if sizes.max() > code.escape:
        entries = entries + np.add.reduceat(_runs(nonzero, cuts) // code.escape, first, axis=-1)
    return _count_bits(sizes) + entries * (code.run_bits + code.value_bits)


def expected_bits(share: float, cuts: IntArray, code: Code) -> NDArray[np.float64]:
    """The same where each value is not zero with probability `share`, whatever the others are: float64 [record].

    A value at place i has at least m zeros before it with probability (1 - share)^m if m <= i, so that entries without
    a value are share x the sum over j >= 1 of (n - j m) (1 - share)^(j m), m the zeros that one stands for.
    """
    sizes = np.diff(cuts)
    if code.scheme == "bitmask":
        return np.asarray(sizes + sizes * share * code.value_bits, np.float64)
    runs = np.arange(code.escape, int(sizes.max()) + 1, code.escape, dtype=np.float64)
    alone = share * (np.maximum(sizes[:, None] - runs, 0) * (1 - share) ** runs).sum(axis=1)
    entries = sizes * share + alone
    return np.asarray(_count_bits(sizes) + entries * (code.run_bits + code.value_bits), np.float64)


def _runs(nonzero: NDArray[np.bool_], cuts: IntArray) -> IntArray:
    """Zeros of its record between each value that is not zero and the last before it, else 0: int64 [..., value]."""
    place = np.arange(nonzero.shape[-1], dtype=np.int64)
    until = np.maximum.accumulate(np.where(nonzero, place + 1, 0), axis=-1)
    before = np.zeros_like(until)
    before[..., 1:] = until[..., :-1]
    start = np.repeat(cuts[:-1], np.diff(cuts))
    return np.where(nonzero, place - np.maximum(before, start), 0)


def _count_bits(sizes: IntArray) -> IntArray:
    """Bits that count up to so many entries; as many entries as values at the most."""
    found: IntArray = np.frexp(sizes.astype(np.float64))[1].astype(np.int64)
    return found
