"""Runs against each other on the same samples."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.report.costs import point, steps
from hwsim.report.intervals import ratio_interval
from hwsim.report.price import PricedRun
from hwsim.report.report import Comparison, Figure
from hwsim.report.statistics import Estimate


def compare(run: PricedRun, reference: PricedRun) -> Comparison:
    """Ratios of one run to a reference whose samples leave as those of the run do, or take all timesteps."""
    energy, latency = run.totals["value"], run.latency_ns
    taken = steps(run.leaving)
    base_energy, base_latency, base_taken = (
        figure if reference.leaves_early else figure[:, -1]
        for figure in (reference.totals["value"], reference.latency_ns, taken)
    )
    latency_ratio = run.leaving.ratio(latency, base_latency)
    of_means = run.leaving.product_ratio(energy, latency, base_energy, base_latency)
    energy_box = ratio_interval(run.coefficients(), reference.coefficients(), run.prices())
    edp_box = ratio_interval(run.coefficients(latency), reference.coefficients(reference.latency_ns), run.prices())
    return Comparison(
        run=run.name,
        reference=reference.name,
        timesteps=point(run.leaving.ratio(taken, base_taken)),
        energy=_between(run.leaving.ratio(energy, base_energy), *energy_box),
        latency=point(latency_ratio),
        edp=_between(run.leaving.ratio(energy * latency, base_energy * base_latency), *edp_box),
        edp_of_means=_between(of_means, *(bound * latency_ratio.value for bound in energy_box)),
    )


def comparisons(runs: Sequence[PricedRun]) -> list[Comparison]:
    """Each run against the first, in which all take all timesteps; then early exit with overlap against without.

    Learning and inference are not compared: their samples are not the same.
    """
    early = [run for run in runs if run.leaves_early]
    pairs = [(run, runs[0]) for run in runs[1:] if not run.name.is_phase] + [(run, early[0]) for run in early[1:]]
    return [compare(run, reference) for run, reference in pairs]


def _between(estimate: Estimate, low: float, high: float) -> Figure:
    return Figure(estimate.value, estimate.standard_error, low, high)
