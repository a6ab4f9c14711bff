"""Noise by counter, in integers: the same on every machine and in any order; it knows no currents.

The words are those of `counter_rng`, one at a time for kernels that need no array of them.
"""

from __future__ import annotations

import numpy as np
from numba import config, njit

_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GAMMA_WORD, _FIRST_WORD, _SECOND_WORD = np.uint64(_GAMMA), np.uint64(_FIRST), np.uint64(_SECOND)
_LOW_16 = np.uint64(0xFFFF)


@njit(cache=True)
def _noise(key: np.uint64, counter: int) -> int:
    word = np.uint64(counter) * _GAMMA_WORD + key
    word = (word ^ (word >> np.uint64(30))) * _FIRST_WORD
    word = (word ^ (word >> np.uint64(27))) * _SECOND_WORD
    word ^= word >> np.uint64(31)
    total = (word & _LOW_16) + (word >> np.uint64(16) & _LOW_16)
    total += (word >> np.uint64(32) & _LOW_16) + (word >> np.uint64(48))
    return np.int64(total) - 131070  # type: ignore[return-value]


def _noise_interpreted(key: np.uint64, counter: int) -> int:
    word = (int(counter) * _GAMMA + int(key)) & _MASK
    word = (word ^ (word >> 30)) * _FIRST & _MASK
    word = (word ^ (word >> 27)) * _SECOND & _MASK
    word ^= word >> 31
    return sum(word >> shift & 0xFFFF for shift in (0, 16, 32, 48)) - 131070


# Unsigned words that wrap are what compiled code does and what NumPy scalars warn of.
noise = _noise_interpreted if config.DISABLE_JIT else _noise  # type: ignore[attr-defined]
"""Sum of the four 16-bit parts of a random word less its mean: sigma 2**16 / sqrt(3), normal to within 3.4 sigma."""
