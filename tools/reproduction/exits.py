"""Histograms of exits of which only the mean is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def exits_of_mean(mean: float, timesteps: int) -> Floats:
    """Shares of samples leaving after 1, 2, ... timesteps: of all with this mean the one of largest entropy.

    They are proportional to q**t; q is found by bisection.
    """
    t = np.arange(1, timesteps + 1)
    low, high = 1e-9, 1e9
    for _ in range(200):
        q = (low * high) ** 0.5
        shares = q ** (t - t.mean())
        low, high = (q, high) if (shares * t).sum() / shares.sum() < mean else (low, q)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def bounds_of_mean(values: Floats, mean: float) -> tuple[float, float]:
    """Least and largest mean of `values` [timesteps - 1] over all histograms of exits with this mean of timesteps.

    Two constraints leave two timesteps at a corner: one not above the mean and one above it.
    """
    found = [
        values[early - 1] + (values[late - 1] - values[early - 1]) * (mean - early) / (late - early)
        for early in range(1, int(mean) + 1)
        for late in range(int(mean) + 1, len(values) + 1)
    ]
    return float(min(found)), float(max(found))
