from __future__ import annotations

import math
from itertools import pairwise

import pytest
from arch.machines import technology
from pydantic import ValidationError

from hwsim.components import Adc
from hwsim.errors import ArchitectureError

AT_32 = technology(32, 0.9)


def adc(bits, law, **more):
    return Adc(**{"source": "t", "columns_per_adc": 8, **more}, bits=bits, law=law)


def convert(bits, law, there=AT_32, **more):
    return adc(bits, law, **more).priced(there).actions["convert"]


@pytest.mark.parametrize(
    ("bits", "pj", "um2"),
    [
        (4, 0.79, 361),
        (5, 0.99, 477),
        (6, 1.20, 627),
        (7, 1.42, 845),
        (8, 1.67, 1200),
        (9, 1.97, 1828),
        (10, 2.38, 3002),
    ],
)
def test_sar_is_the_table_at_32_nm(bits, pj, um2):
    priced = adc(bits, "sar").priced(AT_32)
    assert priced.actions["convert"].value == pytest.approx(pj)
    assert priced.area_um2.value == pytest.approx(um2)
    assert priced.times_ns["convert"] == pytest.approx(1 / 1.2)
    assert "as if all logic" not in priced.actions["convert"].source


def test_sar_scales_as_logic_elsewhere():
    priced = adc(8, "sar").priced(technology(45, 0.9))
    assert priced.actions["convert"].value == pytest.approx(1.67 / 0.654, rel=1e-3)
    assert priced.area_um2.value == pytest.approx(1200 / 0.46)
    assert "as if all logic" in priced.actions["convert"].source


def test_a_slower_sar_takes_longer_at_the_same_energy():
    slow = adc(6, "sar", sample_rate_mhz=100.0).priced(AT_32)
    assert slow.times_ns["convert"] == pytest.approx(10)
    assert slow.actions["convert"].value == pytest.approx(1.20)


@pytest.mark.parametrize(("node_nm", "k_uw"), [(65, 8.41), (45, 6.32), (32, 3.09), (22, 1.70), (14, 1.0)])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_flash_is_k_times_its_comparators_for_a_nanosecond(node_nm, k_uw, bits):
    priced = adc(bits, "flash").priced(technology(node_nm, 0.9))
    assert priced.actions["convert"].value == pytest.approx(k_uw * (2**bits - 1) / 1000)
    assert priced.times_ns["convert"] == 1.0


def test_flash_at_absent_nodes_is_interpolated():
    at_28 = convert(4, "flash", technology(28, 0.9))
    share = math.log(32 / 28) / math.log(32 / 22)
    assert at_28.value == pytest.approx(15e-3 * 3.09 ** (1 - share) * 1.70**share)
    assert "interpolated" in at_28.source


@pytest.mark.parametrize(("rate_mhz", "pj"), [(250.0, 0.081), (1200.0, 0.84)])
def test_bound_at_8_bits(rate_mhz, pj):
    assert convert(8, "bound", sample_rate_mhz=rate_mhz).value == pytest.approx(pj, rel=0.01)


def test_bound_at_low_rates_is_limited_by_noise():
    by_hand = 0.5 * 10 ** ((6.0206 * 10 + 1.761 - 180.14) / 10) * 1e12
    assert convert(10, "bound", sample_rate_mhz=1.0).value == pytest.approx(by_hand)


def test_area_of_the_bound_by_hand():
    priced = adc(8, "bound", sample_rate_mhz=250.0).priced(AT_32)
    pj = priced.actions["convert"].value
    exponent = 4.851 + 0.0667 * math.log(250e6) + 0.797 * math.log(32) - 0.134 * 8 + 0.424 * math.log(pj)
    assert priced.area_um2.value == pytest.approx(math.exp(exponent))


def test_the_other_laws_are_the_bounds():
    at_4 = convert(4, "sar")
    assert (at_4.low, at_4.value, at_4.high) == (pytest.approx(0.04635), 0.79, 0.79)
    same = convert(4, "flash")
    assert (same.low, same.high) == (at_4.low, at_4.high)
    at_8 = convert(8, "sar", sample_rate_mhz=250.0)
    assert at_8.low == pytest.approx(0.0815, rel=0.01)
    assert "bounds: flash, bound" in at_8.source
    assert convert(2, "flash").low == convert(2, "flash").high


@pytest.mark.parametrize("law", ["sar", "flash", "bound"])
def test_more_bits_cost_more(law):
    numbers = [convert(bits, law, sample_rate_mhz=500.0).value for bits in range(6, 11)]
    assert all(a < b for a, b in pairwise(numbers))


@pytest.mark.parametrize(
    ("bits", "law", "node_nm", "rate_mhz", "message"),
    [
        (3, "sar", 32, None, "covers 4 to 10 bits, got 3"),
        (11, "sar", 32, None, "covers 4 to 10 bits, got 11"),
        (8, "sar", 32, 2000.0, "reaches 1200 MHz, got sample_rate_mhz = 2000"),
        (8, "flash", 7, None, "covers 14 to 65 nm, got 7 nm"),
        (11, "flash", 32, None, "covers up to 10 bits, got 11"),
        (4, "flash", 32, 1500.0, "reaches 1000 MHz"),
        (5, "bound", 32, 250.0, "covers 6 to 16 bits, got 5"),
        (8, "bound", 32, None, "needs sample_rate_mhz"),
    ],
)
def test_a_law_refuses_what_it_does_not_reach(bits, law, node_nm, rate_mhz, message):
    with pytest.raises(ArchitectureError, match=message):
        adc(bits, law, sample_rate_mhz=rate_mhz).priced(technology(node_nm, 0.9))


SPIKESIM = {
    "at": {"node_nm": 65, "vdd_v": 1.0, "bits": 4},
    "convert_pj": 2.03084,
    "convert_ns": 4.0,
    "area_um2": 693.633,
    "leakage_uw": 0.0,
}


def test_given_prices_are_taken_as_they_are():
    priced = adc(4, "given", given=SPIKESIM).priced(technology(65, 1.0))
    assert priced.actions["convert"].value == 2.03084
    assert priced.area_um2.value == 693.633
    assert priced.times_ns == {"convert": 4.0}
    assert priced.actions["convert"].source == "t"
    bounded = adc(4, "given", given=SPIKESIM | {"convert_pj": {"value": 2.03, "low": 1.4, "high": 3.1}})
    assert bounded.priced(technology(65, 1.0)).actions["convert"].high == 3.1


def test_given_prices_do_not_survive_another_geometry_or_technology():
    with pytest.raises(ValidationError, match="bits is 6, but the given prices are for 4: restate them"):
        adc(6, "given", given=SPIKESIM)
    with pytest.raises(ArchitectureError, match="technology's node_nm is 32, but the given prices are for 65"):
        adc(4, "given", given=SPIKESIM).priced(technology(32, 1.0))
    with pytest.raises(ArchitectureError, match=r"vdd_v is 0\.9"):
        adc(4, "given", given=SPIKESIM).priced(technology(65, 0.9))
    with pytest.raises(ValidationError, match="law 'given' needs the prices"):
        adc(4, "given")
    assert adc(6, "sar", given=SPIKESIM).priced(AT_32).actions["convert"].value == pytest.approx(1.20)
