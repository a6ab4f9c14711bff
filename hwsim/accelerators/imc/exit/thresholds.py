"""What every threshold would do to a set of samples: how many leave after each timestep, how many are right.

Easier thresholds let a sample leave no later, so the samples that have left by a timestep only grow in number.  Sorting
each timestep's samples by the threshold that lets them go answers all thresholds at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.exit.uncertainty import Metric, Uncertainty, ease
from hwsim.contract.arrays import IntArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Samples under many thresholds: int64 [threshold, timestep] leaving after each, [threshold] classified right."""

    histogram: IntArray
    n_right: IntArray

    @property
    def accuracy(self) -> Floats:
        """Fraction right under each threshold: [threshold]."""
        return np.asarray(self.n_right / self.histogram[0].sum(), dtype=np.float64)

    @property
    def timesteps(self) -> IntArray:
        """Timesteps run by all samples together under each threshold: int64 [threshold]."""
        return np.asarray((self.histogram * np.arange(1, self.histogram.shape[1] + 1)).sum(axis=1))


def sweep(known: Uncertainty, metric: Metric, right: NDArray[np.bool_], thresholds: Floats) -> Sweep:
    """Let samples leave under each threshold; `right` [sample, timestep] says who is classified right when."""
    gone = _gone(known, metric)
    asked = ease(metric, thresholds)
    timesteps = gone.shape[1]
    left = np.zeros((asked.size, timesteps + 1), np.int64)  # by the end of each timestep, none before the first
    n_right = np.zeros(asked.size, np.int64)
    for t in range(timesteps):
        order = np.argsort(gone[:, t], kind="stable")
        left[:, t + 1] = np.searchsorted(gone[order, t], asked, side="right")
        n_right += _prefix_sums(right[order, t])[left[:, t + 1]]
        if t + 1 < timesteps:  # who has left by now is not read out again
            n_right -= _prefix_sums(right[order, t + 1])[left[:, t + 1]]
    return Sweep(np.diff(left, axis=1), n_right)


def timesteps_run(known: Uncertainty, metric: Metric, thresholds: Floats) -> IntArray:
    """Timesteps of each sample under each threshold: int64 [threshold, sample]."""
    gone = _gone(known, metric)
    stays = ease(metric, thresholds)[:, None, None] < gone[None, :, :]
    return np.asarray(1 + stays.sum(axis=2, dtype=np.int64))


def _gone(known: Uncertainty, metric: Metric) -> IntArray:
    """The ease from which each sample has left by the end of each timestep: int64 [sample, timestep]."""
    gone = np.minimum.accumulate(known.easiest(metric), axis=1)
    gone[:, -1] = np.iinfo(np.int64).min
    return gone


def _prefix_sums(values: NDArray[np.bool_]) -> IntArray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)])
