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
    pixels, count = chances.size, 0
    for t in range(starts.size):
        starts[t] = count
        if t < steps:
            for i in range(pixels):
                if chances[i] > 0 and random_bits(key, t * pixels + i, CHANCE_BITS) < chances[i]:
                    spikes[count] = i
                    count += 1
    return count
