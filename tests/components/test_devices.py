"""Leakage and delay of transistors, against the laws written out and CACTI's own tables."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from arch.machines import technology

from hwsim.components import Price
from hwsim.components.pricing.devices import device, fo4_ns, leakage_factor, slowdown
from hwsim.components.pricing.scaling import NODES_NM, energy_bounds, energy_factor

CORNERS = ("low_leakage", "standard", "fast")
# I_off_n at 360 K over that at 300 K, CACTI 7 tech_params.
CACTI_360_K = {
    ("low_leakage", 65): 115 / 9.12,
    ("low_leakage", 45): 130 / 10.1,
    ("low_leakage", 32): 240 / 20.6,
    ("standard", 65): 20.9 / 4.9,
    ("standard", 45): 12.7 / 4.03,
    ("standard", 32): 165 / 59.4,
    ("fast", 65): 445 / 196,
    ("fast", 45): 642 / 280,
    ("fast", 32): 532 / 152,
}


@pytest.mark.parametrize(("corner", "node"), CACTI_360_K)
def test_warmth_brackets_the_tables_rows(corner, node):
    full_v = device(corner, node).vdd_v
    at = {kelvin: leakage_factor(corner, node, full_v, kelvin) for kelvin in (300, 360)}
    assert at[300] == (1.0, 1.0, 1.0)
    assert at[360].low <= CACTI_360_K[corner, node] <= at[360].high
    assert at[360].value == pytest.approx(CACTI_360_K[corner, node], rel=0.5)


def test_leakage_by_hand():
    """T^2 exp(-q Vth / n k T), V, and 0.1 V of threshold a volt: low_leakage at 45 nm, 1.1 V 300 K to 0.6 V 330 K."""
    kt = {kelvin: 1.5 * 8.617333e-5 * kelvin for kelvin in (300, 330)}
    warmer = (330 / 300) ** 2 * math.exp(0.50245 / kt[300] - 0.50245 / kt[330])
    lower = 0.6 / 1.1 * math.exp(0.1 * (0.6 - 1.1) / kt[330])
    assert leakage_factor("low_leakage", 45, 0.6, 330).value == pytest.approx(warmer * lower)


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("node", NODES_NM)
def test_leakage_rises_with_supply_and_temperature(corner, node):
    volts = [leakage_factor(corner, node, v / 100, 300).value for v in range(40, 131, 5)]
    kelvins = [leakage_factor(corner, node, 0.8, k).value for k in range(250, 401, 10)]
    assert all(a < b for numbers in (volts, kelvins) for a, b in pairwise(numbers))
    assert leakage_factor(corner, node, 0.8, 350, from_k=360).value == pytest.approx(
        leakage_factor(corner, node, 0.8, 350).value
        / leakage_factor(corner, node, 0.8, 360).value
        * leakage_factor(corner, node, 0.8, 360, from_k=360).value
    )


@pytest.mark.parametrize("node", NODES_NM)
def test_corners_are_ordered_in_speed(node):
    for volts in (0.5, 0.7, 0.9, 1.1):
        slow, middle, quick = (fo4_ns(corner, node, volts) for corner in CORNERS)
        assert slow > middle > quick


def test_corners_are_ordered_in_leakage_but_for_the_standard_cells_of_32_nm():
    area = Price.exact(1.0, "a square micrometre")
    for node in NODES_NM:
        low, middle, high = (
            technology(node, device(corner, node).vdd_v, corner=corner).logic_leakage_uw(area).value
            for corner in CORNERS
        )
        assert 10 * low < middle < high


def test_leakage_of_published_units_and_cores_lies_within_the_bounds():
    def density(node, volts, corner):
        return technology(node, volts, corner=corner).logic_leakage_uw(Price.exact(1e3, "in nW"))

    for published, there in (
        (2.4e3 / 278, density(40, 0.9, "standard")),  # Aladdin's adder
        (14.353185 / 0.532, density(45, 1.1, "fast")),  # NanGate's INV_X1, typical
    ):
        assert there.low < published < there.high
    assert density(28, 0.5, "low_leakage").high < 150e3 / 0.45e6  # ReckOn in all
    assert density(65, 0.75, "low_leakage").high < 1.24e6 / 0.93e6  # Chipmunk in all


@pytest.mark.parametrize("corner", CORNERS)
def test_delay_falls_with_the_supply(corner):
    for node in NODES_NM:
        delays = [fo4_ns(corner, node, v / 100) for v in range(40, 131, 5)]
        assert all(slow > quick for slow, quick in pairwise(delays))


@pytest.mark.parametrize("corner", CORNERS)
def test_delay_falls_with_the_node(corner):
    """But for low_leakage near its threshold, which CACTI has higher at 65 nm than at 90 nm."""
    for volts in (0.4, 0.5, 0.6, 0.7, 0.9, 1.1):
        for larger, smaller in pairwise(NODES_NM):
            exempt = corner == "low_leakage" and volts <= 0.6 and smaller == 65
            assert exempt or fo4_ns(corner, larger, volts) >= fo4_ns(corner, smaller, volts), (larger, smaller, volts)


def test_delay_by_hand():
    """The polynomial of 45 nm at 1.0 V, and the alpha-power law far above the threshold."""
    assert fo4_ns("fast", 45, 1.0) == pytest.approx((-501.6 + 1567 - 1619 + 566.1) * 1e-3)
    assert fo4_ns("low_leakage", 45, 1.1) == pytest.approx(3.1 * fo4_ns("fast", 45, 1.0))
    law = (1.3 / 1.0) * ((1.0 - 0.18035) / (1.3 - 0.18035)) ** 1.3
    assert slowdown("fast", 45, 1.3) == pytest.approx(law, rel=0.001)


def test_delay_below_the_threshold_is_exponential():
    """A step of n kT ln 10 is a decade of current, deep below the threshold of 0.52 V."""
    decade = 1.5 * 8.617333e-5 * 300 * math.log(10)
    ratio = slowdown("low_leakage", 65, 0.3) / slowdown("low_leakage", 65, 0.3 - decade)
    assert ratio == pytest.approx(0.1 * 0.3 / (0.3 - decade), rel=0.02)


def test_energy_below_the_polynomials_is_v_squared_within_bounds():
    for node in NODES_NM:
        assert energy_factor(node, 0.4) == pytest.approx(energy_factor(node, 0.6) * (0.4 / 0.6) ** 2)
        assert energy_bounds(node, 0.6) == (1.0, 1.0)
        low, high = energy_bounds(node, 0.45)
        assert low <= 1 < high
        assert high == pytest.approx(0.6 / 0.45)
