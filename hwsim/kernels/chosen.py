"""One of two numbers for every bit of packed maps, by whether it is set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel

IntArray = NDArray[np.int64]
Words = NDArray[np.uint64]
Reals = NDArray[np.float32]


def chosen(planes: Words, part_of: IntArray, off: Reals, on: Reals) -> Reals:
    """`on` where a bit is set and `off` where none is: float32 [plane, sample, time, place, channel].

    `planes` is uint64 [plane, sample, time or 1, place, word]; both numbers are [sample, time, part, place] of the
    part that each channel is of, `part_of` [channel].
    """
    samples, times, _, places = off.shape
    found = np.empty((len(planes), samples, times, places, part_of.size), np.float32)
    _choose(np.ascontiguousarray(planes), part_of, np.ascontiguousarray(off), np.ascontiguousarray(on), found)
    return found


@kernel(allocates=False)
def _choose(planes: Words, part_of: IntArray, off: Reals, on: Reals, found: Reals) -> None:
    for plane in range(found.shape[0]):
        for s in range(found.shape[1]):
            for t in range(found.shape[2]):
                of_time = min(t, planes.shape[2] - 1)
                for place in range(found.shape[3]):
                    for c in range(part_of.size):
                        word = planes[plane, s, of_time, place, c >> 6]
                        part = part_of[c]
                        is_set = word >> np.uint64(c & 63) & np.uint64(1)
                        found[plane, s, t, place, c] = on[s, t, part, place] if is_set else off[s, t, part, place]
