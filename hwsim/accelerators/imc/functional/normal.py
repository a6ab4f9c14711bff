"""Normal numbers by counter, in integers: the same on every machine and in any order.

A number is the sum of twelve 16-bit uniform numbers less its mean, in units of 2**-UNIT_BITS: sigma 1 to 1e-9, not
beyond 6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray
from hwsim.kernels.counter_rng import random_words

UNIT_BITS = 16
WORDS = 3
"""Random words that a number takes."""


def centred(words: NDArray[np.uint64]) -> IntArray:
    """2**UNIT_BITS times the numbers that words uint64 [number, WORDS] make: int64 [number]."""
    parts = np.ascontiguousarray(words).astype("<u8", copy=False).view("<u2")
    found: IntArray = parts.sum(axis=1, dtype=np.int64) - 12 * 65535 // 2
    return found


def normals(key: int, first: int, n: int) -> IntArray:
    """Numbers `first` to `first + n` of stream `key`, times 2**UNIT_BITS: int64 [n].

    Number i takes words 3 i to 3 i + 2.
    """
    counters = np.arange(first * WORDS, (first + n) * WORDS, dtype=np.uint64)
    return centred(random_words(key, counters).reshape(-1, WORDS))
