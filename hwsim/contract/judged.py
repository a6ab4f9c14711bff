"""How often a network is right in a machine's own arithmetic, beside the exact network on the same samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.accuracy import fraction_error

SAMPLES = 128
OPERATIONS = 8_000_000_000
"""Raw inputs, and weights times timesteps over all of them, that are run for an accuracy unless a number is asked for.

Bounds of work, not of time, so that the same call gives the same report on every machine; our choice.
"""


def samples_to_judge(wanted: int | None, there: int, operations_each: int) -> int:
    """How many raw inputs to run: as many as are asked for, or as few as the bounds allow, perhaps none."""
    if wanted is not None:
        return min(wanted, there)
    return min(SAMPLES, there, OPERATIONS // max(1, operations_each))


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
        return fraction_error(self.accuracy, self.n_samples)

    @property
    def exact_accuracy(self) -> float:
        """Fraction right of the exact network."""
        return float(self.exact.mean())

    @property
    def difference(self) -> float:
        """Accuracy of this hardware less that of the exact network."""
        return (int(self.here.sum()) - int(self.exact.sum())) / self.n_samples

    @property
    def difference_standard_error(self) -> float | None:
        """Of the difference, samples paired: far below that of either accuracy; None of one sample.

        Agresti and Min (Statistics in Medicine 24, 2005): half a sample more in each cell of the table of pairs, so
        that samples which all agree do not make it certain.
        """
        n = self.n_samples
        if n < 2:
            return None
        gained, lost = (
            (int(more.sum()) + 0.5) / (n + 2) for more in (self.here & ~self.exact, self.exact & ~self.here)
        )
        return math.sqrt((gained + lost - (gained - lost) ** 2) / (n + 2))
