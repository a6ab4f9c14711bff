"""Values of an array, each once, at the price of sorting them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct(values: NDArray[Any], axis: int | None = None) -> NDArray[Any]:
    """The values of an array, or its parts along an axis, in order and each once.

    np.unique without counts imports NumPy's masked arrays, which takes as long as 20 modules of hwsim.
    """
    return np.unique(values, axis=axis, return_counts=True)[0]
