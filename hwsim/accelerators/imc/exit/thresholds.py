"""What every threshold would do to a set of samples: how many leave after each timestep, how many are right.

Easier thresholds let a sample leave no later.  So it leaves after a timestep with those from the first, in their order,
that lets it go by then to the one before the first that did so earlier: what all thresholds do is two places in that
order for each sample and timestep, and sums along it.
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
    asked = ease(metric, thresholds)
    order = np.argsort(asked, kind="stable")
    gone = _gone(known, metric)
    # The first threshold in order with which each has left: by the end of each timestep, and by its beginning.
    first = np.searchsorted(asked[order], gone, side="left")
    before = np.full_like(first, asked.size)  # of the first timestep: with none
    before[:, 1:] = first[:, :-1]
    n, timesteps = asked.size + 1, gone.shape[1]
    by_timestep = np.bincount((first * timesteps + np.arange(timesteps)).ravel(), minlength=n * timesteps)
    left, n_right = np.empty((asked.size, timesteps), np.int64), np.empty(asked.size, np.int64)
    left[order] = np.add.accumulate(by_timestep.reshape(n, timesteps)[:-1], axis=0)
    added = np.bincount(first[right], minlength=n) - np.bincount(before[right], minlength=n)
    n_right[order] = np.add.accumulate(added[:-1])
    histogram = left.copy()
    histogram[:, 1:] -= left[:, :-1]
    return Sweep(histogram, n_right)


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
