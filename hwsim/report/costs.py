"""What samples cost that leave in some way: mean and spread of energy, latency and EDP; it multiplies no price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.report.price import BOUNDS, Bound, PricedRun, figure
from hwsim.report.report import CurveRun, Figure, Percentiles
from hwsim.report.statistics import Estimate, Leaving

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CostArrays:
    """What each sample costs if it leaves after each timestep: [sample, timestep], by bound of prices."""

    name: str
    energy_pj: Mapping[Bound, Floats]
    latency_ns: Floats
    edp_pj_ns: Mapping[Bound, Floats]
    speculative_pj: Mapping[Bound, Floats]

    @classmethod
    def of(cls, run: PricedRun) -> CostArrays:
        """Those of a priced run."""
        return cls(
            name=run.name,
            energy_pj=run.totals,
            latency_ns=run.latency_ns,
            edp_pj_ns={bound: run.totals[bound] * run.latency_ns for bound in BOUNDS},
            speculative_pj={bound: run.speculative(bound) for bound in BOUNDS},
        )


def costs(leaving: Leaving, arrays: CostArrays) -> CurveRun:
    """Figures of samples that leave in some way."""
    energy, latency = figure(leaving, arrays.energy_pj), point(leaving.estimate(arrays.latency_ns))
    means = leaving.product(arrays.energy_pj["value"], arrays.latency_ns)
    return CurveRun(
        name=arrays.name,
        energy_pj=energy,
        latency_ns=latency,
        edp_pj_ns=figure(leaving, arrays.edp_pj_ns),
        edp_of_means_pj_ns=Figure(
            means.value, means.standard_error, energy.low * latency.value, energy.high * latency.value
        ),
        energy_percentiles_pj=_percentiles(leaving, arrays.energy_pj["value"]),
        latency_percentiles_ns=_percentiles(leaving, arrays.latency_ns),
        speculative_pj=figure(leaving, arrays.speculative_pj),
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
