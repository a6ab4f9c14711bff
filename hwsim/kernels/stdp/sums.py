"""Sums of rows of weights, in integers or floats alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel


@kernel(allocates=False)
def add_rows(weights: NDArray[Any], pixels: NDArray[np.int32], sums: NDArray[Any]) -> None:
    """Overwrite `sums` [neuron] with the sum of the weights [pixel, neuron] of some pixels, added in their order."""
    n, at_once = sums.size, pixels.size // 4 * 4
    sums[:] = 0
    for k in range(0, at_once, 4):  # four rows in one pass: a sum is read and written once for them
        first, second, third, fourth = (
            weights[pixels[k]],
            weights[pixels[k + 1]],
            weights[pixels[k + 2]],
            weights[pixels[k + 3]],
        )
        for j in range(n):
            sums[j] = sums[j] + first[j] + second[j] + third[j] + fourth[j]
    for k in range(at_once, pixels.size):
        row = weights[pixels[k]]
        for j in range(n):
            sums[j] += row[j]
