"""Random words by counter, the same on every machine and in any order.

The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) read at counters instead of stepped: word i of a stream is
the finaliser applied to key + i * golden gamma.  Array arithmetic wraps modulo 2**64, as the generator wants it to.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

RATE_BITS = 16
"""Bernoulli probabilities are multiples of 2**-RATE_BITS; a Bernoulli word uses this many counters."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FINALISER = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


def stream_key(seed: int, *labels: str) -> int:
    """Key of an independent stream: the first 8 bytes, little-endian, of SHA-256 of 'seed/label/label'."""
    text = "/".join([str(seed), *labels])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def random_words(key: int, counters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The words of stream `key` at `counters`: uint64 of the same shape (at least one axis)."""
    words = counters * _GAMMA
    words += np.uint64(key)
    for shift, factor in _FINALISER:
        words ^= words >> np.uint64(shift)
        words *= factor
    words ^= words >> np.uint64(31)
    return words


def bernoulli_words(key: int, counters: NDArray[np.uint64], rate_units: int) -> NDArray[np.uint64]:
    """Words of which each bit is set with probability rate_units / 2**16, exactly: uint64 of the shape of `counters`.

    The word at counter i reads the stream at 16 i .. 16 i + 15.  From the lowest bit of the probability upwards, a fair
    word is or-ed (bit 1: p = (1 + p) / 2) or and-ed (bit 0: p = p / 2) to the result.
    """
    if rate_units >> RATE_BITS:
        return np.full_like(counters, ~np.uint64(0))
    result = np.zeros_like(counters)
    lowest = (rate_units & -rate_units).bit_length() - 1 if rate_units else RATE_BITS
    for bit in range(lowest, RATE_BITS):
        fair = random_words(key, counters * np.uint64(RATE_BITS) + np.uint64(bit))
        result = result | fair if rate_units >> bit & 1 else result & fair
    return result
