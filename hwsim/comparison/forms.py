"""Energies and areas of reports as sums of factors times prices, and ratios over the prices that two share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwsim import units
from hwsim.components.pricing.price import Price
from hwsim.report.intervals import ratio_interval
from hwsim.report.price import LEAKAGE
from hwsim.report.report import Report, Row, Run

_SAME = 1e-9
Key = tuple[str, str]
"""Component and action; of an area the action is empty."""


@dataclass(frozen=True, slots=True)
class Form:
    """A sum of factors that are never negative times prices."""

    factors: Mapping[Key, float]
    prices: Mapping[Key, Price]

    def value(self) -> float:
        """At the middle of the prices."""
        return math.fsum(factor * self.prices[key].value for key, factor in self.factors.items())


def energy_form(report: Report, run: Run) -> Form:
    """Mean energy of an inference in pJ: counts times pJ, and of leakage instances and time times uW."""
    together: dict[Key, list[Row]] = {}
    for row in run.rows:
        together.setdefault((row.component, row.action), []).append(row)
    leaks = {row.component: row.leakage_uw / row.instances for row in report.area if row.instances}
    on_ns = _on_ns(run.rows, leaks)
    factors, prices = {}, {}
    for key, rows in together.items():
        count = math.fsum(row.count for row in rows)
        if key[1] == LEAKAGE and on_ns is not None:
            count = units.pj_from_power(count, on_ns)
        if count:
            factors[key] = count
            prices[key] = _price(
                *(
                    math.fsum(getattr(row, field) for row in rows) / count
                    for field in ("energy_pj", "low_pj", "high_pj")
                )
            )
    return Form(factors, prices)


def _on_ns(rows: Iterable[Row], leaks: Mapping[str, float]) -> float | None:
    """How long an inference leaks: what energy leakage takes over its power; None where nothing leaks."""
    for row in rows:
        if row.action == LEAKAGE and row.energy_pj and leaks.get(row.component):
            return row.energy_pj / units.pj_from_power(row.count * leaks[row.component], 1.0)
    return None


def area_form(report: Report) -> Form:
    """Area of everything in um2: instances times the area of one."""
    rows = [row for row in report.area if row.instances]
    return Form(
        {(row.component, ""): float(row.instances) for row in rows},
        {
            (row.component, ""): _price(*(each / row.instances for each in (row.area_um2, row.low_um2, row.high_um2)))
            for row in rows
        },
    )


def _price(value: float, low: float, high: float) -> Price:
    """Bounds that divisions have moved beyond the value are put back."""
    return Price(value, min(low, value), max(high, value), "")


def shared_keys(above: Form, below: Form) -> set[Key]:
    """Keys with the same price and bounds on both sides, but for what is rounded."""
    return {
        key
        for key in above.prices.keys() & below.prices.keys()
        if all(
            math.isclose(getattr(above.prices[key], bound), getattr(below.prices[key], bound), rel_tol=_SAME)
            for bound in ("value", "low", "high")
        )
    }


def ratio(above: Form, below: Form) -> tuple[float, float, float] | None:
    """Value, smallest and largest ratio where shared prices are one and all others go by themselves.

    None where what is below is nothing, or may be at the lowest of prices.
    """
    if not math.fsum(factor * below.prices[key].low for key, factor in below.factors.items()):
        return None
    common = shared_keys(above, below)
    factors: list[dict[tuple[str, ...], float]] = []
    prices: dict[tuple[str, ...], Price] = {}
    for side, form in enumerate((above, below)):
        names = {key: ("both" if key in common else f"side {side}", *key) for key in form.factors}
        factors.append({names[key]: factor for key, factor in form.factors.items()})
        for key, name in names.items():
            prices.setdefault(name, form.prices[key])
    middle = math.fsum(n * prices[key].value for key, n in factors[0].items()) / math.fsum(
        n * prices[key].value for key, n in factors[1].items()
    )
    low, high = ratio_interval(factors[0], factors[1], prices)
    return middle, min(low, middle), max(high, middle)


def shared_share(above: Form, below: Form) -> float:
    """Of both sums together, what is of shared prices."""
    common = shared_keys(above, below)
    total = above.value() + below.value()
    parts = [
        form.factors[key] * form.prices[key].value for form in (above, below) for key in form.factors if key in common
    ]
    return math.fsum(parts) / total if total else 1.0
