"""The words of `counter_rng` one at a time, for kernels that need no array of them."""

from __future__ import annotations

import numpy as np

from hwsim.kernels.compiled import kernel

_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GAMMA_WORD, _FIRST_WORD, _SECOND_WORD = np.uint64(_GAMMA), np.uint64(_FIRST), np.uint64(_SECOND)


def _random_word_interpreted(key: np.uint64, counter: int) -> np.uint64:
    word = (int(counter) * _GAMMA + int(key)) & _MASK
    word = (word ^ (word >> 30)) * _FIRST & _MASK
    word = (word ^ (word >> 27)) * _SECOND & _MASK
    return np.uint64(word ^ (word >> 31))


# Unsigned words that wrap are what compiled code does and what NumPy scalars warn of.
@kernel(interpreted=_random_word_interpreted)
def random_word(key: np.uint64, counter: int) -> np.uint64:
    """Word `counter` of stream `key`."""
    word = np.uint64(counter) * _GAMMA_WORD + key
    word = (word ^ (word >> np.uint64(30))) * _FIRST_WORD
    word = (word ^ (word >> np.uint64(27))) * _SECOND_WORD
    return word ^ (word >> np.uint64(31))


@kernel
def random_bits(key: np.uint64, counter: int, bits: int) -> int:
    """Give the highest `bits` (1 to 63) bits of word `counter` of stream `key`, as int64."""
    return np.int64(random_word(key, counter) >> np.uint64(64 - bits))  # type: ignore[return-value]
