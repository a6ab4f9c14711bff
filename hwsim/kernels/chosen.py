"""One of two numbers for every bit of packed maps, by whether it is set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel

IntArray = NDArray[np.int64]
Words = NDArray[np.uint64]
Reals = NDArray[np.float32]


def chosen(planes: Words, parts: IntArray, off: Reals, on: Reals) -> Reals:
    """`on` where a bit is set and `off` where none is: float32 [plane, sample, time, place, channel].

    `planes` is uint64 [plane, sample, time or 1, place, word]; `parts` [part, 2] the first channel of each and one past
    the last, which all channels are in; both numbers are [sample, time, part, place].
    """
    samples, times, _, places = off.shape
    found = np.empty((len(planes), samples, times, places, int(parts.max())), np.float32)
    _choose(np.ascontiguousarray(planes), parts, np.ascontiguousarray(off), np.ascontiguousarray(on), found)
    return found


@kernel(allocates=False)
def _choose(planes: Words, parts: IntArray, off: Reals, on: Reals, found: Reals) -> None:
    for plane in range(found.shape[0]):
        for s in range(found.shape[1]):
            for t in range(found.shape[2]):
                words = planes[plane, s, min(t, planes.shape[2] - 1)]
                for place in range(found.shape[3]):
                    for part in range(parts.shape[0]):
                        one, other = off[s, t, part, place], on[s, t, part, place]
                        first, end = parts[part]
                        for word in range(first >> 6, (end + 63) >> 6):
                            low, high = max(first, 64 * word), min(end, 64 * word + 64)
                            bits = words[place, word] >> np.uint64(low - 64 * word)
                            _choose_word(bits, one, other, found[plane, s, t, place, low:high])


@kernel(allocates=False, inlined=True)
def _choose_word(bits: np.uint64, one: float, other: float, row: Reals) -> None:
    for i in range(row.size):
        row[i] = other if bits >> np.uint64(i) & np.uint64(1) else one
