"""How sure a fraction of samples is."""

from __future__ import annotations

import math


def fraction_error(fraction: float, n_samples: int) -> float:
    """Standard error of a fraction of independent samples: half of Wilson's score interval at one deviation.

    (1927) sqrt(p (1 - p) / n + 1 / 4 n^2) / (1 + 1 / n), which is not zero where all samples are right.
    """
    n = n_samples
    return math.sqrt(fraction * (1 - fraction) / n + 1 / (4 * n * n)) / (1 + 1 / n)
