"""How far samples tell a ratio of two means, of the same samples or of different ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.report.price import leaving
from hwsim.report.report import Report, Run
from hwsim.report.statistics import Leaving

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A figure of every recorded sample if it leaves after each timestep, and when samples leave."""

    figure: Floats  # [sample, timestep]
    leaving: Leaving

    @classmethod
    def of(cls, report: Report, run: Run, field: str) -> Sampled:
        """`energy_pj` or `latency_ns` of a run; raises UsageError where a report of anybody contradicts itself."""
        rows, recorded = getattr(run.samples, field), np.array(run.samples.timesteps, dtype=np.int64)
        timesteps = {len(row) for row in rows}
        if len(rows) != recorded.size or len(timesteps) != 1:
            raise UsageError(f"not a report of hwsim: samples.{field}: wanted as many timesteps of each sample")
        most = timesteps.pop()
        if recorded.min() < 1 or recorded.max() > most:
            raise UsageError(f"not a report of hwsim: samples.timesteps: wanted 1 to {most}")
        early = report.early_exit
        histogram = np.bincount(recorded - 1, minlength=most)
        if early is not None and run.name in early.unit.energy_pj and len(early.histogram) == most:
            histogram = np.array(early.histogram, dtype=np.int64)
        return cls(np.array(rows, dtype=np.float64), leaving(histogram, recorded))

    @property
    def mean(self) -> float:
        """Over samples."""
        return self.leaving.mean(self.figure)

    def relative(self) -> Floats:
        """Each over the mean: [sample, timestep]."""
        return self.figure / (self.mean or 1.0)


def relative_error(one: Sampled, other: Sampled, paired: bool) -> float | None:
    """Standard error of the ratio of their means over that ratio, to first order; None of one sample."""
    if min(len(one.figure), len(other.figure)) == 1:
        return None
    same = paired and len(one.figure) == len(other.figure)
    if same and np.array_equal(one.leaving.weights, other.leaving.weights) and one.figure.shape == other.figure.shape:
        return one.leaving.estimate(one.relative() - other.relative()).standard_error
    if not same:
        errors = [each.leaving.estimate(each.relative()).standard_error or 0.0 for each in (one, other)]
        return math.hypot(*errors)
    # When samples leave differs: they are the same ones, the histograms of two rules are not.
    each = [(side.leaving.weights * side.relative()).sum(axis=1) for side in (one, other)]
    variance = float((each[0] - each[1]).var(ddof=1)) / len(each[0])
    return math.sqrt(variance + sum(map(_of_histogram, (one, other))))


def _of_histogram(side: Sampled) -> float:
    """Variance that the exit histogram of a larger set adds."""
    if not side.leaving.histogram_size:
        return 0.0
    shares, by_timestep = side.leaving.weights[0], side.relative().mean(axis=0)
    return float(shares @ (by_timestep - float(shares @ by_timestep)) ** 2) / side.leaving.histogram_size
