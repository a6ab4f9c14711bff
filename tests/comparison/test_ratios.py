"""Ratios over shared prices: against every corner of the box, and against those of one report's runs."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

import hwsim
from hwsim.comparison.forms import Form, area_form, energy_form, ratio, shared_keys, shared_share
from hwsim.comparison.spread import Sampled, relative_error
from hwsim.components.pricing.price import Price


def drawn(seed):
    """Two sums with some prices that both have, some of the same name with others, and some of one alone."""
    rng = random.Random(seed)

    def price():
        low = rng.uniform(0, 2)
        value = low + rng.uniform(0, 1)
        return Price(value, low, value + rng.uniform(0, 3), "")

    common = {("both", str(i)): price() for i in range(rng.randint(0, 2))}
    forms = []
    for _ in range(2):
        prices = {**common, **{("other", str(i)): price() for i in range(2)}, ("own", str(len(forms))): price()}
        kept = {key: price for key, price in prices.items() if rng.random() < 0.8} or prices
        forms.append(Form({key: rng.uniform(0.1, 5) for key in kept}, kept))
    return forms


def corners(above, below):
    """The ratio at every corner of the box, where a price that both have is one."""
    names = {}
    for side, form in enumerate((above, below)):
        for key, price in form.prices.items():
            other = (below, above)[side].prices.get(key)
            names[side, key] = ("shared", key) if other == price else (side, key)
    variables = {names[side, key]: form.prices[key] for side, form in enumerate((above, below)) for key in form.prices}
    for chosen in itertools.product(("low", "high"), repeat=len(variables)):
        at = {name: getattr(price, end) for (name, price), end in zip(variables.items(), chosen, strict=True)}
        sums = [
            math.fsum(form.factors[key] * at[names[side, key]] for key in form.factors)
            for side, form in enumerate((above, below))
        ]
        yield sums[0] / sums[1]


def test_intervals_are_those_of_all_corners():
    widths = set()
    for seed in range(120):
        above, below = drawn(seed)
        value, low, high = ratio(above, below)
        found = list(corners(above, below))
        assert low == pytest.approx(min(found), rel=1e-12)
        assert high == pytest.approx(max(found), rel=1e-12)
        assert value == pytest.approx(above.value() / below.value(), rel=1e-12)
        assert low <= value <= high
        widths.add(len(shared_keys(above, below)))
    assert widths == {0, 1, 2}


def test_a_sum_over_itself_is_1_without_width():
    for seed in range(20):
        above, _ = drawn(seed)
        assert ratio(above, above) == (1.0, 1.0, 1.0)
        assert shared_share(above, above) == 1.0


def test_nothing_below_is_no_ratio():
    above, _ = drawn(1)
    assert ratio(above, Form({}, {})) is None


@pytest.fixture(scope="module")
def report():
    return hwsim.simulate("imc", "example", accuracy_samples=0)


def test_energies_of_a_report_are_their_sums(report):
    for run in report.runs:
        form = energy_form(report, run)
        for bound in ("value", "low", "high"):
            total = math.fsum(n * getattr(form.prices[key], bound) for key, n in form.factors.items())
            assert total == pytest.approx(getattr(run.energy_pj, bound), rel=1e-9)
    area = area_form(report)
    assert area.value() / 1e6 == pytest.approx(report.area_mm2.value, rel=1e-12)


def test_leakage_is_a_price_for_a_time(report):
    """So that two designs of the same part share it though their inferences take differently long."""
    static, early = (energy_form(report, report.run(name)) for name in ("static", "early exit"))
    leaking = {key for key in static.factors if key[1] == "leakage"}
    assert leaking
    assert leaking <= shared_keys(static, early)
    rows = {row.component: row for row in report.area}
    for component, _ in leaking:
        each = rows[component].leakage_uw / rows[component].instances
        assert static.prices[component, "leakage"].value == pytest.approx(each, rel=1e-9)


def test_ratios_of_two_runs_are_those_that_their_report_has(report):
    """It has them from counts of every sample and the prices themselves, and errors by its own way."""
    (known,) = report.comparisons
    early, static = report.run("early exit"), report.run("static")
    value, low, high = ratio(energy_form(report, early), energy_form(report, static))
    assert (value, low, high) == pytest.approx((known.energy.value, known.energy.low, known.energy.high), rel=1e-9)
    for field, figure in (("energy_pj", known.energy), ("latency_ns", known.latency)):
        sides = [Sampled.of(report, run, field) for run in (early, static)]
        assert relative_error(*sides, paired=True) * figure.value == pytest.approx(figure.standard_error, rel=1e-6)


def test_errors_of_different_samples_add_as_squares(report):
    one, other = (Sampled.of(report, report.run(name), "energy_pj") for name in ("early exit", "static"))
    alone = [each.leaving.estimate(each.figure / each.mean).standard_error for each in (one, other)]
    assert relative_error(one, other, paired=False) == pytest.approx(math.hypot(*alone), rel=1e-12)
    assert relative_error(one, one, paired=True) == 0.0


def test_one_sample_tells_no_error(report):
    single = hwsim.simulate("imc", "example", samples=1, accuracy_samples=0)
    sides = [Sampled.of(each, each.run("static"), "energy_pj") for each in (single, report)]
    assert relative_error(*sides, paired=False) is None
    assert np.isclose(sides[0].mean, single.run("static").energy_pj.value)
