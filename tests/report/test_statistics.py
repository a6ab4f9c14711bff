"""Means, standard errors and intervals against hand computations, a bootstrap and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.components.pricing.price import Price
from hwsim.report.intervals import ratio_interval
from hwsim.report.statistics import Leaving

FIGURE = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0], [2.0, 8.0, 8.0], [1.0, 1.0, 7.0]])
OTHER = np.array([[2.0, 4.0, 5.0], [1.0, 3.0, 4.0], [2.0, 2.0, 6.0], [3.0, 6.0, 9.0]])


def test_each_sample_counts_where_it_leaves():
    estimate = Leaving.after(np.array([1, 3, 2, 3]), 3).estimate(FIGURE)
    # 1, 9, 8, 7: mean 25 / 4, squared deviations 27.5625 + 7.5625 + 3.0625 + 0.5625 = 38.75 over 3, over 4 samples
    assert estimate.value == 6.25
    assert estimate.standard_error == pytest.approx(math.sqrt(38.75 / 3 / 4), rel=1e-14)


def test_a_histogram_of_a_larger_set_weighs_all_samples_alike():
    estimate = Leaving.by_histogram(np.array([5, 3, 2]), 4).estimate(FIGURE)
    # Columns have means 1.75, 4, 7, so 0.5 * 1.75 + 0.3 * 4 + 0.2 * 7 = 3.475; rows 1.9, 4.8, 5.0, 2.2.
    across_timesteps = 0.5 * (1.75 - 3.475) ** 2 + 0.3 * (4 - 3.475) ** 2 + 0.2 * (7 - 3.475) ** 2
    across_samples = sum((row - 3.475) ** 2 for row in (1.9, 4.8, 5.0, 2.2)) / 3
    assert estimate.value == pytest.approx(3.475, rel=1e-14)
    assert estimate.standard_error == pytest.approx(math.sqrt(across_samples / 4 + across_timesteps / 10), rel=1e-13)


def test_one_sample_tells_no_error():
    estimate = Leaving.after(np.array([2]), 3).estimate(FIGURE[:1])
    assert (estimate.value, estimate.standard_error) == (2.0, None)


def test_survival_is_the_weight_of_timesteps_run():
    assert Leaving.after(np.array([1, 3]), 3).survival().tolist() == [[1, 0, 0], [1, 1, 1]]
    assert Leaving.by_histogram(np.array([5, 3, 2]), 1).survival() == pytest.approx(np.array([[1.0, 0.5, 0.2]]))


def test_ratios_are_of_means_on_the_same_samples():
    leaving, base = Leaving.after(np.array([1, 3, 2, 3]), 3), FIGURE[:, -1]
    assert leaving.ratio(FIGURE, base).value == pytest.approx(6.25 / 7, rel=1e-15)
    assert leaving.product(FIGURE, OTHER).value == 6.25 * (2 + 4 + 2 + 9) / 4
    both = leaving.product_ratio(FIGURE, OTHER, base, OTHER[:, -1])
    assert both.value == pytest.approx(6.25 * 4.25 / (7 * 6), rel=1e-15)


@pytest.mark.parametrize(
    "leaving", [Leaving.after(np.array([1, 3, 2, 3]), 3), Leaving.by_histogram(np.array([5, 3, 2]), 4)]
)
def test_a_reference_is_read_where_its_samples_leave(leaving):
    same, again = leaving.ratio(OTHER, OTHER), leaving.product_ratio(FIGURE, OTHER, FIGURE, OTHER)
    assert (same.value, again.value) == (1.0, 1.0)
    assert [same.standard_error, again.standard_error] == pytest.approx([0.0, 0.0], abs=1e-15)
    base = FIGURE[:, -1]
    alike = leaving.ratio(OTHER, np.tile(base[:, None], 3))
    assert alike.value == pytest.approx(leaving.ratio(OTHER, base).value, rel=1e-14)
    assert alike.standard_error == pytest.approx(leaving.ratio(OTHER, base).standard_error, rel=1e-12)
    assert leaving.ratio(OTHER, FIGURE).value == pytest.approx(leaving.mean(OTHER) / leaving.mean(FIGURE), rel=1e-14)


def test_a_run_that_never_leaves_early_has_the_ratio_one_without_error():
    estimate = Leaving.after(np.full(4, 3), 3).ratio(FIGURE, FIGURE[:, -1])
    assert estimate.value == 1.0
    assert estimate.standard_error == pytest.approx(0.0, abs=1e-15)


def population(n, seed):
    """Correlated figures that grow with time, and when each sample leaves."""
    rng = np.random.default_rng(seed)
    scale = rng.lognormal(0, 0.3, (n, 1))
    first = np.cumsum(scale * rng.lognormal(0, 0.2, (n, 4)), axis=1)
    second = np.cumsum(scale**0.5 * rng.lognormal(0, 0.1, (n, 4)), axis=1)
    left = rng.choice([1, 2, 3, 4], n, p=[0.5, 0.25, 0.15, 0.1])
    return first, second, left, rng


def answers(leaving, first, second):
    ends = first[:, -1], second[:, -1]
    return [
        leaving.estimate(first),
        leaving.product(first, second),
        leaving.ratio(first, ends[0]),
        leaving.product_ratio(first, second, *ends),
    ]


@pytest.mark.parametrize("by_histogram", [False, True])
def test_standard_errors_are_what_a_bootstrap_finds(by_histogram):
    """Samples and, apart from them, exits of a larger set are drawn again; 1000 draws know an error to 2.2 %."""
    n, larger = 300, 500
    first, second, left, rng = population(n, seed=5)
    histogram = np.array([250, 130, 70, 50])

    def leaving_of(chosen):
        if not by_histogram:
            return Leaving.after(left[chosen], 4)
        return Leaving.by_histogram(rng.multinomial(larger, histogram / larger), n)

    everyone = np.arange(n)
    whole = Leaving.by_histogram(histogram, n) if by_histogram else leaving_of(everyone)
    drawn = []
    for _ in range(1000):
        chosen = rng.integers(0, n, n)
        drawn.append([e.value for e in answers(leaving_of(chosen), first[chosen], second[chosen])])
    for estimate, spread in zip(answers(whole, first, second), np.std(drawn, axis=0), strict=True):
        assert estimate.standard_error == pytest.approx(spread, rel=0.08)


@st.composite
def linear_forms(draw):
    """Two forms over up to six prices; some prices in one form only."""
    n = draw(st.integers(1, 6))
    number = st.floats(0.01, 100)
    prices, above, below = {}, {}, {}
    for k in range(n):
        low, value, high = sorted(draw(st.tuples(number, number, number)))
        prices[k] = Price(value, low, high, "drawn")
        if k == 0 or draw(st.booleans()):
            below[k] = draw(number)
        if draw(st.booleans()):
            above[k] = draw(number)
    return above, below, prices


def ratio(above, below, chosen):
    return sum(n * chosen[k] for k, n in above.items()) / sum(n * chosen[k] for k, n in below.items())


@given(linear_forms())
def test_the_interval_of_a_ratio_is_that_of_the_best_and_worst_corner_of_the_box(forms):
    above, below, prices = forms
    corners = itertools.product(*((price.low, price.high) for price in prices.values()))
    ratios = [ratio(above, below, dict(zip(prices, corner, strict=True))) for corner in corners]
    low, high = ratio_interval(above, below, prices)
    assert low == pytest.approx(min(ratios), rel=1e-12)
    assert high == pytest.approx(max(ratios), rel=1e-12)


@given(linear_forms(), st.integers(0, 999))
def test_no_prices_inside_their_bounds_give_a_ratio_outside_the_interval(forms, seed):
    above, below, prices = forms
    low, high = ratio_interval(above, below, prices)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        inside = {key: rng.uniform(price.low, price.high) for key, price in prices.items()}
        assert low * (1 - 1e-12) <= ratio(above, below, inside) <= high * (1 + 1e-12)


def test_prices_that_both_sides_share_cancel():
    prices = {"a": Price(1.0, 0.1, 10.0, ""), "b": Price(2.0, 2.0, 2.0, "")}
    assert ratio_interval({"a": 3.0}, {"a": 4.0}, prices) == pytest.approx((0.75, 0.75), rel=1e-15)
    low, high = ratio_interval({"a": 3.0, "b": 1.0}, {"a": 4.0, "b": 1.0}, prices)
    assert (low, high) == pytest.approx((32 / 42, 2.3 / 2.4), rel=1e-15)  # a = 10 and a = 0.1
