"""Arrays of counts, cycles and numbers of jobs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
