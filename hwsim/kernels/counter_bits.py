"""The words of `counter_rng` one at a time, for kernels that need no array of them."""

from __future__ import annotations

import numpy as np
from numba import config, njit

_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GAMMA_WORD, _FIRST_WORD, _SECOND_WORD = np.uint64(_GAMMA), np.uint64(_FIRST), np.uint64(_SECOND)


@njit(cache=True)
def _random_word(key: np.uint64, counter: int) -> np.uint64:
    word = np.uint64(counter) * _GAMMA_WORD + key
    word = (word ^ (word >> np.uint64(30))) * _FIRST_WORD
    word = (word ^ (word >> np.uint64(27))) * _SECOND_WORD
    return word ^ (word >> np.uint64(31))


def _random_word_interpreted(key: np.uint64, counter: int) -> np.uint64:
    word = (int(counter) * _GAMMA + int(key)) & _MASK
    word = (word ^ (word >> 30)) * _FIRST & _MASK
    word = (word ^ (word >> 27)) * _SECOND & _MASK
    return np.uint64(word ^ (word >> 31))


# Unsigned words that wrap are what compiled code does and what NumPy scalars warn of.
random_word = _random_word_interpreted if config.DISABLE_JIT else _random_word  # type: ignore[attr-defined]
"""Word `counter` of stream `key`."""


@njit(cache=True)
def random_bits(key: np.uint64, counter: int, bits: int) -> int:
    """Give the highest `bits` (1 to 63) bits of word `counter` of stream `key`, as int64."""
    return np.int64(random_word(key, counter) >> np.uint64(64 - bits))  # type: ignore[return-value]
