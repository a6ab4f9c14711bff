"""Noise by counter, in integers: the same on every machine and in any order."""

from __future__ import annotations

import numpy as np

from hwsim.kernels.compiled import kernel
from hwsim.kernels.counter_bits import random_word

TERM_BITS = 17
"""A term of noise lies between plus and minus 2**TERM_BITS."""
_LOW_16 = np.uint64(0xFFFF)


@kernel
def noise(key: np.uint64, counter: int) -> int:
    """Sum of the four 16-bit parts of a random word less its mean, as int64.

    It has sigma 2**16 / sqrt(3) and is normal to within 3.4 sigma.
    """
    word = random_word(key, counter)
    total = (word & _LOW_16) + (word >> np.uint64(16) & _LOW_16)
    total += (word >> np.uint64(32) & _LOW_16) + (word >> np.uint64(48))
    return np.int64(total) - 131070  # type: ignore[return-value]
