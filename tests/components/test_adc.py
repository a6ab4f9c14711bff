from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
from arch.machines import technology
from converter_table import CHIPS, law, table
from pydantic import ValidationError

import hwsim
from hwsim.components import Adc
from hwsim.errors import ArchitectureError

AT_32 = technology(32, 0.9)
PAGE = Path(hwsim.__file__).resolve().parent.parent / "docs" / "decisions" / "0017-converters.md"


def adc(bits, law, **more):
    return Adc(**{"source": "t", "columns_per_adc": 8, **more}, bits=bits, law=law)


def convert(bits, law, there=AT_32, **more):
    return adc(bits, law, **more).priced(there).actions["convert"]


def by_hand(bits, rate_mhz, node_nm, volts):
    """The median converter and the noise that the best ones are limited by."""
    figure_of_merit_db = min(180.14, 302.739 - 6.4608 * math.log(rate_mhz * 1e6))
    noise_pj = 0.5e12 * 10 ** ((6.0206 * bits + 1.761 - figure_of_merit_db) / 10)
    median_pj = 4.11 * (rate_mhz / 1200) ** 0.232 * (node_nm / 32) ** 0.632 * math.exp(0.2715 * (bits - 8))
    return median_pj * volts**2 + noise_pj


@pytest.mark.parametrize("bits", range(4, 11))
@pytest.mark.parametrize(("node_nm", "volts", "rate_mhz"), [(32, 0.9, 1200.0), (65, 1.2, 1.5), (22, 0.7, 200.0)])
def test_sar_is_a_median_converter_and_noise(bits, node_nm, volts, rate_mhz):
    priced = adc(bits, "sar", sample_rate_mhz=rate_mhz).priced(technology(node_nm, volts))
    assert priced.actions["convert"].value == pytest.approx(by_hand(bits, rate_mhz, node_nm, volts))
    assert priced.times_ns["convert"] == pytest.approx(1e3 / rate_mhz)


@pytest.mark.parametrize(("bits", "ratio"), [(4, 361), (5, 477), (6, 627), (7, 845), (8, 1200), (9, 1828), (10, 3002)])
def test_area_of_sar_is_kulls_with_the_ratios_of_saberi(bits, ratio):
    assert adc(bits, "sar").priced(AT_32).area_um2.value == pytest.approx(1500 * ratio / 1200)
    at_65 = adc(bits, "sar").priced(technology(65, 0.9)).area_um2.value
    assert at_65 == pytest.approx(1500 * ratio / 1200 * (65 / 32) ** 0.797)


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: f"{chip.name} {chip.vdd_v:g} V")
def test_published_converters_are_within_the_bounds(chip):
    energy, area = law(chip)
    assert energy.low <= chip.pj <= energy.high
    assert chip.pj / 2.5 < energy.value < 2.5 * chip.pj
    assert area.low <= chip.um2 <= area.high


@pytest.mark.skipif(not PAGE.is_file(), reason="not a source checkout")
def test_the_page_on_converters_has_the_table_of_today():
    assert table() in PAGE.read_text(encoding="utf-8")


def test_the_chips_are_those_that_were_read():
    read = {(chip.name.split(",")[0], chip.bits, chip.node_nm, chip.vdd_v): chip.pj for chip in CHIPS}
    assert read == {
        ("Kull", 8, 32, 1.0): 2.58,
        ("Ramkaj", 7, 28, 1.0): 2.85,
        ("Jia", 8, 65, 0.85): 1.79,
        ("Jia", 8, 65, 1.2): 3.56,
        ("Wang", 8, 22, 1.0): 2.66,
    }
    assert [round(chip.sample_rate_mhz, 2) for chip in CHIPS] == [1200, 1250, 0.74, 1.85, 214.56]


def test_a_slower_sar_takes_longer_and_costs_less():
    rates = [0.001, 0.02, 1.0, 20.0, 174.0, 250.0, 600.0, 1250.0]
    found = [adc(8, "sar", sample_rate_mhz=rate).priced(AT_32) for rate in rates]
    energies = [priced.actions["convert"].value for priced in found]
    assert [priced.times_ns["convert"] for priced in found] == pytest.approx([1e3 / rate for rate in rates])
    assert energies[0] == energies[1]  # slower than any converter of the fit: no cheaper than the slowest
    assert all(a < b for a, b in pairwise(energies[1:]))


def test_noise_limits_sar_above_8_bits():
    ratios = [convert(bits + 1, "sar").value / convert(bits, "sar").value for bits in range(4, 10)]
    assert ratios == sorted(ratios)
    assert ratios[0] < 1.35 and ratios[-1] > 2.3
    noise = convert(10, "bound", sample_rate_mhz=1200.0).value / convert(9, "bound", sample_rate_mhz=1200.0).value
    assert noise == pytest.approx(4, rel=1e-5)
    assert convert(10, "bound", sample_rate_mhz=1200.0).value > convert(10, "sar").value / 2  # most of it is noise


@pytest.mark.parametrize("law_of", ["sar", "flash"])
@pytest.mark.parametrize("bits", range(6, 11))
@pytest.mark.parametrize("rate_mhz", [0.001, 1.0, 250.0, 1000.0])
@pytest.mark.parametrize("volts", [0.6, 0.9, 1.2])
def test_no_design_is_below_the_best_case(law_of, bits, rate_mhz, volts):
    for node_nm in (65, 45, 32, 28, 22, 16):
        found = convert(bits, law_of, technology(node_nm, volts), sample_rate_mhz=rate_mhz)
        floor = convert(bits, "bound", technology(node_nm, volts), sample_rate_mhz=rate_mhz).value
        assert found.value >= found.low >= floor * (1 - 1e-12)


def test_a_flash_below_the_best_case_is_raised_and_says_so():
    raised = convert(10, "flash", sample_rate_mhz=1000.0)
    assert raised.value == pytest.approx(convert(10, "bound", sample_rate_mhz=1000.0).value)
    assert raised.source.startswith("flash: 10 b, k (2^b - 1) V^2 x 1 ns, NeuroSim V1.3 low power, raised from 3.16 pJ")
    assert "raised" not in convert(4, "flash").source


def test_energy_and_area_of_sar_grow_with_node_and_supply():
    nodes = (7, 14, 16, 20, 22, 28, 32, 45, 65)
    for bits in range(4, 11):
        for rate_mhz in (0.1, 250.0, 1200.0):
            found = [adc(bits, "sar", sample_rate_mhz=rate_mhz).priced(technology(node, 0.9)) for node in nodes]
            for numbers in ([p.actions["convert"].value for p in found], [p.area_um2.value for p in found]):
                assert all(a < b for a, b in pairwise(numbers))
            supplies = [
                convert(bits, "sar", technology(32, v), sample_rate_mhz=rate_mhz).value for v in (0.6, 0.9, 1.2)
            ]
            assert all(a < b for a, b in pairwise(supplies))


def test_halving_the_supply_quarters_what_is_not_noise():
    for law_of, bits in (("sar", 8), ("flash", 4)):
        full, half = (convert(bits, law_of, technology(32, v), sample_rate_mhz=250.0).value for v in (1.2, 0.6))
        noise = convert(8, "bound", sample_rate_mhz=250.0).value if law_of == "sar" else 0.0
        assert full - noise == pytest.approx(4 * (half - noise))


def test_an_adc_leaks_what_the_slowest_converter_takes_by_area_and_at_most_as_logic():
    priced = adc(8, "sar").priced(AT_32)
    slowest_uw = 1.05e-12 * 20e3 * 1e6  # 1.05 pJ at 20 kS/s on 9,750 um2
    logic = AT_32.logic_leakage_uw(priced.area_um2)
    um2 = priced.area_um2
    assert priced.leakage_uw.low == 0
    assert priced.leakage_uw.value == pytest.approx(min(slowest_uw / 9750 * um2.value, logic.value))
    assert priced.leakage_uw.high == pytest.approx(logic.high * um2.value / um2.high)


@pytest.mark.parametrize(("node_nm", "k_uw"), [(65, 8.41), (45, 6.32), (32, 3.09), (22, 1.70), (14, 1.0)])
@pytest.mark.parametrize("bits", [1, 4, 5])
def test_flash_is_k_times_its_comparators_for_a_nanosecond(node_nm, k_uw, bits):
    nominal_v = {65: 1.1, 45: 1.0, 32: 0.9, 22: 0.85, 14: 0.8}[node_nm]
    priced = adc(bits, "flash").priced(technology(node_nm, nominal_v))
    assert priced.actions["convert"].value == pytest.approx(k_uw * (2**bits - 1) / 1000)
    assert priced.times_ns["convert"] == 1.0


def test_flash_at_absent_nodes_is_interpolated():
    at_28 = convert(4, "flash", technology(28, 0.9))
    share = math.log(32 / 28) / math.log(32 / 22)
    nominal_v = 0.9 ** (1 - share) * 0.85**share
    assert at_28.value == pytest.approx(15e-3 * 3.09 ** (1 - share) * 1.70**share * (0.9 / nominal_v) ** 2)
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


def test_bounds_of_sar_are_the_spread_of_converters_above_the_best_case():
    fast = convert(4, "sar")
    assert (fast.low, fast.high) == (pytest.approx(0.21 * fast.value), pytest.approx(2.56 * fast.value))
    noisy = convert(10, "sar")
    assert noisy.low == convert(10, "bound", sample_rate_mhz=1200.0).value > 0.21 * noisy.value


def test_the_other_laws_are_the_bounds_of_flash_and_bound():
    flash = convert(4, "flash")
    assert (flash.low, flash.high) == (pytest.approx(0.04635), pytest.approx(by_hand(4, 1000, 32, 0.9)))
    floor = convert(8, "bound", sample_rate_mhz=250.0)
    assert floor.low == floor.value
    assert floor.high == pytest.approx(by_hand(8, 250, 32, 0.9))
    assert "bounds: sar, flash" in floor.source
    assert convert(2, "flash").low == convert(2, "flash").high


@pytest.mark.parametrize("law_of", ["sar", "flash", "bound"])
def test_more_bits_cost_more(law_of):
    numbers = [convert(bits, law_of, sample_rate_mhz=500.0).value for bits in range(6, 11)]
    assert all(a < b for a, b in pairwise(numbers))


@pytest.mark.parametrize(
    ("bits", "law", "node_nm", "rate_mhz", "message"),
    [
        (3, "sar", 32, None, "covers 4 to 10 bits, got 3"),
        (11, "sar", 32, None, "covers 4 to 10 bits, got 11"),
        (8, "sar", 32, 2000.0, "reaches 1250 MHz, got sample_rate_mhz = 2000"),
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
    assert adc(6, "sar", given=SPIKESIM).priced(AT_32).actions["convert"].value == convert(6, "sar").value
