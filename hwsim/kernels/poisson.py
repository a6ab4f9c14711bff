"""Input spikes of a sample drawn by counter, one trial a pixel and step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.counter_bits import random_bits

CHANCE_BITS = 32
"""Probabilities are multiples of 2**-CHANCE_BITS."""


@kernel
def draw_spikes(
    key: np.uint64, chances: NDArray[np.int64], steps: int, starts: NDArray[np.int64], spikes: NDArray[np.int32]
) -> int:
    """Write the pixels that fire at each of `steps` steps, ascending, and return how many there are.

    Pixel i fires at step t if the highest 32 bits of word t * pixels + i of stream `key` are below chances[i], which is
    int64 [pixel], 0 to 2**32.  `starts` int64 [all steps + 1] says where the spikes of each step begin in `spikes`
    int32 [steps * pixels]; steps from `steps` on have none.
    """
    bright = np.nonzero(chances)[0].astype(np.int32)
    limits, fires, count = chances[bright], np.empty(bright.size, np.bool_), 0
    for t in range(starts.size):
        starts[t] = count
        if t < steps:
            first = t * chances.size
            for k in range(bright.size):
                fires[k] = random_bits(key, first + bright[k], CHANCE_BITS) < limits[k]
            for k in range(bright.size):  # no branch: whether a pixel fires cannot be predicted
                spikes[count] = bright[k]
                count += fires[k]
    return count
