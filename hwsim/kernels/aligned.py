"""Arrays that begin where lines of a processor's cache do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LINE_BYTES = 64


def aligned(n: int, kind: DTypeLike) -> NDArray[Any]:
    """Zeros whose widest vectors lie in one line each: across two they take twice as long."""
    n_bytes = n * np.dtype(kind).itemsize
    found = np.zeros(n_bytes + _LINE_BYTES, np.uint8)
    first = -found.__array_interface__["data"][0] % _LINE_BYTES
    return found[first : first + n_bytes].view(kind)
