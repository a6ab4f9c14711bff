"""Means and standard errors of figures that depend on when each sample leaves.

A figure x[i, t] is known for every recorded sample i and every timestep t at which it could leave.  Weights say when
samples do leave: each recorded sample at its own timestep, or all of them by the exit histogram of a larger test set,
so that
    mean = (1/n) sum_i sum_t w[i, t] x[i, t].
The variance adds what the recorded samples and what the histogram contribute (two independent samples):
    var = Var_i(sum_t w[i, t] x[i, t]) / n  +  Var_t~histogram(mean_i x[i, t]) / N.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import Keeps

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its standard error, None where there is but one sample to tell it by."""

    value: float
    standard_error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Leaving(Keeps):
    """When samples leave: weights [sample, timestep] whose rows sum to 1, and the size of the histogram behind them."""

    weights: Floats
    histogram_size: int  # 0 when each recorded sample leaves at its own timestep

    @classmethod
    def after(cls, timestep: NDArray[np.int64], timesteps: int) -> Leaving:
        """Each recorded sample leaves after its own timestep (1, 2, ...): int64 [sample]."""
        return cls((timestep[:, None] == np.arange(1, timesteps + 1)).astype(np.float64), 0)

    @classmethod
    def by_histogram(cls, histogram: NDArray[np.int64], n_samples: int) -> Leaving:
        """All recorded samples leave as a larger set did: int64 [timestep] samples leaving after each."""
        size = int(histogram.sum())
        return cls(np.tile(histogram / size, (n_samples, 1)), size)

    def survival(self) -> Floats:
        """Weight with which each timestep is run at all: [sample, timestep]."""
        return np.cumsum(self.weights[:, ::-1], axis=1)[:, ::-1]

    def mean(self, figure: Floats) -> float:
        """Mean over samples of a figure [sample, timestep]."""
        return float(_mean(self._each(figure)))

    def means(self, figures: Floats) -> list[float]:
        """Means of several figures [figure, sample, timestep]."""
        means: list[float] = _mean(self._each(figures)).tolist()
        return means

    def estimate(self, figure: Floats) -> Estimate:
        """Mean and standard error of a figure [sample, timestep]."""
        estimate, _ = self.bounded(figure[None])
        return estimate

    def bounded(self, figures: Floats) -> tuple[Estimate, list[float]]:
        """Mean and standard error of the first of several figures [figure, sample, timestep], means of the others."""
        each = self._each(figures)
        mean, *others = _mean(each).tolist()
        return Estimate(mean, self._error_of(figures[0], each[0])), others

    def product(self, first: Floats, second: Floats) -> Estimate:
        """Product of two means, its error to first order."""
        a, b = self.mean(first), self.mean(second)
        return Estimate(a * b, self._error(first * b + second * a))

    def ratio(self, figure: Floats, reference: Floats) -> Estimate:
        """Ratio of a mean to that of a reference on the same samples, its error to first order.

        The reference is [sample], or [sample, timestep] where its samples leave as these do.
        """
        base = self._mean_of_reference(reference)
        ratio = self.mean(figure) / base
        return Estimate(ratio, self._error(figure / base - ratio * _columns(reference) / base))

    def product_ratio(self, first: Floats, second: Floats, base_first: Floats, base_second: Floats) -> Estimate:
        """Ratio of a product of two means to that of two references, as for `ratio`, its error to first order."""
        a, b = self.mean(first), self.mean(second)
        c, d = self._mean_of_reference(base_first), self._mean_of_reference(base_second)
        ratio = a * b / (c * d)
        relative = first / a + second / b - _columns(base_first) / c - _columns(base_second) / d
        return Estimate(ratio, self._error(ratio * relative))

    def quantiles(self, figure: Floats, shares: Sequence[float]) -> list[float]:
        """The least values of a figure [sample, timestep] that at least these shares of samples do not exceed."""
        order = np.argsort(figure, axis=None)
        covered = np.cumsum(self.weights.ravel()[order])
        # Weights of a histogram do not add up to shares exactly; a sample's own weight is far above this slack.
        wanted = np.asarray(shares) * covered[-1] * (1 - 1e-12)
        return [float(value) for value in figure.ravel()[order[np.searchsorted(covered, wanted)]]]

    def _mean_of_reference(self, reference: Floats) -> float:
        return self.mean(reference) if reference.ndim == 2 else float(reference.mean())

    def _each(self, figure: Floats) -> Floats:
        """A figure [..., sample, timestep] of every sample, as it leaves: [..., sample]."""
        each: Floats = np.add.reduce(self.weights * figure, axis=-1)
        return each

    def _error(self, figure: Floats) -> float | None:
        """Standard error of the mean of a figure [sample, timestep]."""
        return self._error_of(figure, self._each(figure))

    def _error_of(self, figure: Floats, each: Floats) -> float | None:
        """The same, with what each sample has of it: what samples differ by cannot be told from one of them."""
        n = len(figure)
        if n == 1:
            return None
        apart = each - _mean(each)
        variance = float(np.add.reduce(apart * apart)) / (n - 1) / n
        if self.histogram_size:
            shares, by_timestep = self.weights[0], np.add.reduce(figure, axis=0) / n
            mean = float(shares @ by_timestep)
            variance += float(shares @ (by_timestep - mean) ** 2) / self.histogram_size
        return math.sqrt(variance)


def _mean(each: Floats) -> Floats:
    """Mean of figures [..., sample]; of few samples numpy.mean takes several times as long."""
    mean: Floats = np.add.reduce(each, axis=-1) / each.shape[-1]
    return mean


def _columns(reference: Floats) -> Floats:
    """A reference as [sample, timestep], one column where it does not depend on when a sample leaves."""
    return reference if reference.ndim == 2 else reference[:, None]
