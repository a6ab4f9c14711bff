"""Maps of spikes with channels before places, as tensors of a training loop have them, to packed words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel


@kernel(allocates=False)
def pack_maps(values: NDArray[Any], words: NDArray[np.uint64]) -> bool:
    """Set the bit of every value [sample, channel, place] that is not 0 in zeroed `words` [sample, place, word].

    Returns whether all values are 0 or 1.
    """
    wrong = False
    for s in range(values.shape[0]):
        for c in range(values.shape[1]):
            w, bit = c // 64, np.uint64(c % 64)
            for p in range(values.shape[2]):
                value = values[s, c, p]
                fires = value != 0
                words[s, p, w] |= np.uint64(fires) << bit
                wrong |= fires & (value != 1)
    return not wrong
