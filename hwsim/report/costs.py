"""What samples cost that leave in some way: mean and spread of energy, latency and EDP."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hwsim.report.price import PricedRun, figure
from hwsim.report.report import Costs, Figure, Percentiles
from hwsim.report.statistics import Estimate, Leaving

Floats = NDArray[np.float64]


def costs(leaving: Leaving, run: PricedRun) -> Costs:
    """Figures of a run whose samples leave in some way."""
    energy, latency = figure(leaving, run.totals), point(leaving.estimate(run.latency_ns))
    means = leaving.product(run.totals["value"], run.latency_ns)
    return Costs(
        name=run.name,
        energy_pj=energy,
        latency_ns=latency,
        edp_pj_ns=figure(leaving, run.edp_pj_ns),
        edp_of_means_pj_ns=Figure(
            means.value, means.standard_error, energy.low * latency.value, energy.high * latency.value
        ),
        energy_percentiles_pj=_percentiles(leaving, run.totals["value"]),
        latency_percentiles_ns=_percentiles(leaving, run.latency_ns),
        speculative_pj=figure(leaving, run.speculative),
    )


def _percentiles(leaving: Leaving, values: Floats) -> Percentiles:
    return Percentiles(*leaving.quantiles(values, (0.5, 0.9, 0.99)))


def steps(leaving: Leaving) -> Floats:
    """Timesteps run by a sample that leaves after each: [sample, timestep]."""
    return np.tile(np.arange(1.0, leaving.weights.shape[1] + 1), (leaving.weights.shape[0], 1))


def mean_timesteps(leaving: Leaving) -> Figure:
    """Timesteps run."""
    return point(leaving.estimate(steps(leaving)))


def point(estimate: Estimate) -> Figure:
    """A figure that does not depend on prices."""
    return Figure(estimate.value, estimate.standard_error, estimate.value, estimate.value)


def accuracy_error(accuracy: float, n_samples: int) -> float:
    """Standard error of a fraction right."""
    return math.sqrt(accuracy * (1 - accuracy) / n_samples)
