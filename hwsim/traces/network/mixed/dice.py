"""Numbers drawn one after another from one stream, the same for a seed on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import random_words, stream_key

T = TypeVar("T")


class Dice:
    """Draws from the stream of a seed and labels; every word of it is read once."""

    def __init__(self, seed: int, *labels: str) -> None:
        self._key = stream_key(seed, *labels)
        self._read = 0

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Integers from `low` to `high`, both among them: int64 of `shape`."""
        n = int(np.prod(shape))
        counters = np.arange(self._read, self._read + n, dtype=np.uint64)
        self._read += n
        drawn = random_words(self._key, counters) % np.uint64(high - low + 1)
        return (drawn.astype(np.int64) + low).reshape(shape)

    def whole(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both among them."""
        return int(self.integers(low, high, (1,))[0])

    def once_in(self, n: int) -> bool:
        """True once in `n` times."""
        return self.whole(1, n) == 1

    def one_of(self, options: Sequence[T]) -> T:
        """One of `options`, all alike."""
        return options[self.whole(0, len(options) - 1)]
