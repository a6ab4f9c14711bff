"""How often a network is right in a machine's own arithmetic, beside the exact network on the same samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether each of some samples is decided rightly: bool [sample]."""

    here: NDArray[np.bool_]
    exact: NDArray[np.bool_]

    @property
    def n_samples(self) -> int:
        """How many there are."""
        return self.here.size

    @property
    def accuracy(self) -> float:
        """Fraction right on this hardware."""
        return float(self.here.mean())

    @property
    def standard_error(self) -> float:
        """Of that fraction, as one of independent samples."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / self.n_samples)

    @property
    def exact_accuracy(self) -> float:
        """Fraction right of the exact network."""
        return float(self.exact.mean())
