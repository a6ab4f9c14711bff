"""What an oracle answers: figures of every sample of a batch, and their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cost:
    """Figures of a batch: float64 [sample] each, in the units of their names."""

    per_sample: Mapping[str, Floats]
    means: Mapping[str, float]  # as `simulate` reports them
    weights: Mapping[str, float]  # of the objective
    exact: bool = True  # whether these are the machine's costs of these very spikes; else an expectation
    note: str = field(default="", compare=False)  # why they are none, or since when they are

    @property
    def value(self) -> float:
        """The objective: the weighted sum of the means."""
        weighted = [weight * self.means[name] for name, weight in self.weights.items()]
        return weighted[0] if len(weighted) == 1 else sum(weighted)

    @property
    def values(self) -> Floats:
        """The objective of every sample."""
        return np.asarray(sum(weight * self.per_sample[name] for name, weight in self.weights.items()))

    def __getitem__(self, name: str) -> float:
        """The mean of a figure."""
        return self.means[name]
