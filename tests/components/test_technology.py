from __future__ import annotations

import math

import pytest
from arch.machines import technology
from pydantic import ValidationError

from hwsim.components import Price, Technology
from hwsim.components.pricing.technology import NODES_NM, area_factor, energy_factor
from hwsim.errors import ArchitectureError
from hwsim.units import cycles_from_ns, pj_from_power


@pytest.mark.parametrize(
    ("node_nm", "vdd_v", "factor"),
    [(45, 0.9, 1.0), (65, 1.0, 1.91), (32, 0.9, 0.654), (20, 0.9, 0.287), (16, 0.8, 0.172), (7, 0.7, 0.068)],
)
def test_energy_follows_the_published_polynomials(node_nm, vdd_v, factor):
    assert technology(node_nm, vdd_v).energy_factor == pytest.approx(factor, abs=0.0005 if factor < 1 else 0.005)


def test_energy_at_45_nm_by_hand():
    at_0v9 = 1.018 * 0.81 - 0.3107 * 0.9 + 0.1539
    assert energy_factor(45, 1.0) == pytest.approx((1.018 - 0.3107 + 0.1539) / at_0v9)
    assert energy_factor(14, 0.8) == pytest.approx((0.2363 * 0.64 - 0.09675 * 0.8 + 0.02239) / at_0v9)


@pytest.mark.parametrize(
    ("node_nm", "factor"), [(130, 6.497), (90, 2.859), (65, 1.515), (45, 1.0), (32, 0.46), (20, 0.2116), (16, 0.1883)]
)
def test_area_follows_the_published_chain(node_nm, factor):
    assert area_factor(node_nm) == pytest.approx(factor, abs=0.001)


@pytest.mark.parametrize(("node_nm", "row"), [(130, 6.4), (90, 2.8), (14, 0.17), (10, 0.1), (7, 0.059)])
def test_chained_area_agrees_with_the_papers_direct_column(node_nm, row):
    assert area_factor(node_nm) == pytest.approx(row, rel=0.025)


@pytest.mark.parametrize("factor", [lambda node: energy_factor(node, 0.9), area_factor])
@pytest.mark.parametrize("node_nm", [28, 22])
def test_absent_nodes_lie_on_a_line_in_the_logarithms(factor, node_nm):
    share = math.log(32 / node_nm) / math.log(32 / 20)
    by_hand = math.exp((1 - share) * math.log(factor(32)) + share * math.log(factor(20)))
    assert factor(node_nm) == pytest.approx(by_hand)


@pytest.mark.parametrize("node_nm", NODES_NM)
def test_energy_rises_with_the_supply(node_nm):
    factors = [technology(node_nm, vdd_v / 100).energy_factor for vdd_v in range(40, 131, 5)]
    assert factors == sorted(factors)
    assert factors[0] > 0


def test_area_and_energy_fall_with_the_node():
    for factor in (area_factor, lambda node: energy_factor(node, 0.9)):
        factors = [factor(node) for node in NODES_NM]
        assert factors == sorted(factors, reverse=True)


def test_interpolation_is_said_so():
    assert "interpolated in log" in technology(28).scaling_source
    assert "interpolated in log" in technology(22).scaling_source
    assert "interpolated" not in technology(32).scaling_source


@pytest.mark.parametrize(
    "wrong",
    [
        {"node_nm": 55},
        {"node_nm": 5},
        {"vdd_v": 0.39},
        {"vdd_v": 1.31},
        {"node_nm": 90, "vdd_v": 1.31},
        {"node_nm": 130, "vdd_v": 1.81},
        {"temperature_k": 200},
        {"temperature_k": 401},
        {"corner": "lop"},
        {"sram_cell": "lop"},
        {"logic_leakage_uw_per_um2": 0.001},
    ],
)
def test_outside_the_range_is_refused(wrong):
    with pytest.raises(ValidationError):
        Technology(**{"source": "x", "node_nm": 45, "vdd_v": 0.9, "temperature_k": 300, "corner": "fast", **wrong})


def test_old_transistors_take_more():
    """Stillmaker & Baas' polynomial of 130 nm goes on, to a sixth more than V^2; a higher supply is faster."""
    old, older = (Technology(source="x", node_nm=130, vdd_v=v, temperature_k=300, corner="fast") for v in (1.3, 1.8))
    high, low = (7.171 * v * v - 6.709 * v + 2.904 for v in (1.8, 1.3))
    assert older.energy_factor / old.energy_factor == pytest.approx(high / low, rel=1e-6)
    assert 1 < high / low / (1.8 / 1.3) ** 2 < 7 / 6
    assert older.fo4_ns < old.fo4_ns


def test_logic_leaks_by_area():
    area = Price(1000.0, 500.0, 2000.0, "test")
    leakage = technology().logic_leakage_uw(area)
    density = technology().logic_leakage_uw(Price.exact(1.0, "test"))
    assert leakage.value == pytest.approx(1000 * density.value)
    assert leakage.low == pytest.approx(500 * density.low)
    assert leakage.high == pytest.approx(2000 * density.high)
    assert "CACTI 7" in leakage.source
    assert "our choice" in leakage.source


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("sram_cell", "low_leakage for lstp, standard for lop, fast for hp"),
        ("logic_leakage_uw_per_um2", "corner sets the leakage of logic and memories together"),
    ],
)
def test_keys_of_before_say_what_to_write(key, instead):
    with pytest.raises(ValidationError, match=f"{key} is no key any more: .*{instead}"):
        technology(**{key: "lop"})


# --- prices and units


def test_prices_add_and_scale_exactly():
    a, b = Price(2.0, 1.0, 4.0, "a"), Price(3.0, 3.0, 5.0, "b")
    both = a + b
    assert (both.value, both.low, both.high, both.source) == (5.0, 4.0, 9.0, "a + b")
    double = a.scaled(2, "twice")
    assert (double.value, double.low, double.high, double.source) == (4.0, 2.0, 8.0, "a, twice")
    assert Price.among(2.0, (7.0, 0.5), "x") == Price(2.0, 0.5, 7.0, "x")
    assert Price.exact(2.0, "x") == Price(2.0, 2.0, 2.0, "x")


@pytest.mark.parametrize(
    "numbers", [(1.0, 2.0, 3.0), (1.0, 0.0, 0.5), (1.0, -1.0, 2.0), (math.nan,) * 3, (1.0, 1.0, math.inf)]
)
def test_impossible_prices_are_refused(numbers):
    with pytest.raises(ArchitectureError, match="low <= value <= high"):
        Price(*numbers, "x")


@pytest.mark.parametrize(
    ("time_ns", "clock_mhz", "cycles"),
    [(10, 100, 1), (10.0001, 100, 2), (0, 250, 0), (1 / 3, 3000, 1), (0.7, 10_000, 7), (104, 250, 26), (0.833, 250, 1)],
)
def test_times_become_whole_cycles(time_ns, clock_mhz, cycles):
    assert cycles_from_ns(time_ns, clock_mhz) == cycles
    assert cycles_from_ns(cycles * 1e3 / clock_mhz, clock_mhz) == cycles


def test_a_milliwatt_for_a_nanosecond_is_a_picojoule():
    assert pj_from_power(1000.0, 1.0) == pytest.approx(1.0)
