"""What samples cost that leave in some way: mean and spread of energy, latency and EDP."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import kept_with
from hwsim.report.later import later
from hwsim.report.price import PricedRun, figure
from hwsim.report.report import Costs, Figure, Percentiles
from hwsim.report.statistics import Estimate, Leaving

Floats = NDArray[np.float64]


def costs(leaving: Leaving, run: PricedRun) -> Costs:
    """Figures of a run whose samples leave in some way."""
    energy = figure(leaving, run.totals)
    known = _times(leaving, run, energy) if run.workload.timed else _Times(None, None, None, None)
    return Costs(
        name=run.name,
        energy_pj=energy,
        latency_ns=known.latency,
        edp_pj_ns=known.edp,
        edp_of_means_pj_ns=known.edp_of_means,
        energy_percentiles_pj=later(lambda: _percentiles(leaving, run.totals["value"])),
        latency_percentiles_ns=known.percentiles,
        speculative_pj=_speculative(leaving, run),
    )


def _speculative(leaving: Leaving, run: PricedRun) -> Figure:
    if run.tally.speculation is None:
        return Figure(0.0, None if run.n_samples == 1 else 0.0, 0.0, 0.0)
    return figure(leaving, run.speculative)


class _Times(NamedTuple):
    latency: Figure | None
    edp: Figure | None
    edp_of_means: Figure | None
    percentiles: Percentiles | None


def _times(leaving: Leaving, run: PricedRun, energy: Figure) -> _Times:
    latency = point(leaving.estimate(run.latency_ns))

    def of_means() -> Figure:
        means = leaving.product(run.totals["value"], run.latency_ns)
        return Figure(means.value, means.standard_error, energy.low * latency.value, energy.high * latency.value)

    percentiles = later(lambda: _percentiles(leaving, run.latency_ns))
    return _Times(latency, figure(leaving, run.edp_pj_ns), later(of_means), percentiles)


def _percentiles(leaving: Leaving, values: Floats) -> Percentiles:
    return Percentiles(*leaving.quantiles(values, (0.5, 0.9, 0.99)))


def steps(leaving: Leaving) -> Floats:
    """Timesteps run by a sample that leaves after each: [sample, timestep]."""
    n, timesteps = leaving.weights.shape
    found = np.empty((n, timesteps))
    found[:] = np.arange(1.0, timesteps + 1)
    return found


def mean_timesteps(leaving: Leaving) -> Figure:
    """Timesteps run."""
    return kept_with(leaving).once("timesteps", lambda: point(leaving.estimate(steps(leaving))))


def point(estimate: Estimate) -> Figure:
    """A figure that does not depend on prices."""
    return Figure(estimate.value, estimate.standard_error, estimate.value, estimate.value)
