"""A spiking network beside the same network without spikes on the same machine.

Both energies are linear in the prices, most of which the two share, so the interval of their ratio is found over the
box of all prices (`intervals`).  A price that differs between the two, as that of a narrower multiplier, is a price of
its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hwsim.components.pricing.price import Price
from hwsim.contract.run import RunName
from hwsim.report.intervals import ratio_interval
from hwsim.report.price import LEAKAGE, PricedRun
from hwsim.report.report import BaselineRatio, Figure
from hwsim.report.statistics import Estimate

Key = tuple[str, str]
Form = Mapping[Key, float]


def baseline_ratios(
    runs: Sequence[PricedRun], baselines: Mapping[RunName, PricedRun], arithmetic: Collection[str]
) -> list[BaselineRatio]:
    """What each run saves against each baseline; `arithmetic` names the components that multiply and add."""
    return [
        BaselineRatio(
            run=run.name,
            baseline=name,
            energy=_energy_ratio(run, baseline, None),
            compute_energy=_energy_ratio(run, baseline, arithmetic) if arithmetic else None,
            latency=_latency_ratio(run, baseline) if run.workload.timed else None,
            edp=_edp_ratio(run, baseline) if run.workload.timed else None,
        )
        for name, baseline in baselines.items()
        for run in runs
    ]


def _energy_ratio(run: PricedRun, baseline: PricedRun, only: Collection[str] | None) -> Figure:
    """Baseline over run: of all energy, or of what the named components do."""
    above, below, prices = _forms(_kept(baseline.coefficients(), only), _kept(run.coefficients(), only), baseline, run)
    spent = run.totals["value"] if only is None else run.dynamic_of(only)
    base = baseline.totals["value"] if only is None else baseline.dynamic_of(only)
    return _inverse(run.leaving.ratio(spent, base[:, -1]), ratio_interval(above, below, prices))


def _latency_ratio(run: PricedRun, baseline: PricedRun) -> Figure:
    return _inverse(run.leaving.ratio(run.latency_ns, baseline.latency_ns[:, -1]))


def _edp_ratio(run: PricedRun, baseline: PricedRun) -> Figure:
    products, base = run.totals["value"] * run.latency_ns, baseline.totals["value"] * baseline.latency_ns
    forms = _forms(baseline.coefficients(baseline.latency_ns), run.coefficients(run.latency_ns), baseline, run)
    return _inverse(run.leaving.ratio(products, base[:, -1]), ratio_interval(*forms))


def _kept(form: Form, only: Collection[str] | None) -> Form:
    """A linear form in the prices; with `only`, of what those components do without leaking."""
    if only is None:
        return form
    return {(name, action): factor for (name, action), factor in form.items() if name in only and action != LEAKAGE}


def _forms(above: Form, below: Form, baseline: PricedRun, run: PricedRun) -> tuple[Form, Form, Mapping[Key, Price]]:
    """Both forms over one set of prices."""
    prices, own = dict(run.prices()), {}
    for key, factor in above.items():
        price = baseline.prices()[key]
        known = prices.setdefault(key, price)
        same = (known.value, known.low, known.high) == (price.value, price.low, price.high)
        own[key if same else (f"{key[0]} of {baseline.name}", key[1])] = factor
        if not same:
            prices[f"{key[0]} of {baseline.name}", key[1]] = price
    return own, below, prices


def _inverse(estimate: Estimate, interval: tuple[float, float] | None = None) -> Figure:
    """One over an estimate, its error to first order."""
    value = 1 / estimate.value
    low, high = (value, value) if interval is None else interval
    error = estimate.standard_error
    return Figure(value, None if error is None else error * value * value, low, high)
