"""Memories that the CACTI table has no rows for: derived by the laws, marked, and monotone."""

from __future__ import annotations

import itertools
import math
from itertools import pairwise

import pytest
from arch.machines import technology

from hwsim.components import Sram
from hwsim.components.pricing.devices import device, fo4_ns
from hwsim.components.pricing.scaling import NODES_NM, area_factor, energy_factor


def sram(there, capacity_kib=8.0, port_bits=64, ports="1rw"):
    return Sram(source="t", law="cacti", capacity_kib=capacity_kib, port_bits=port_bits, ports=ports).priced(there)


def at(node, volts=0.9, corner="low_leakage", kelvin=300):
    return technology(node, volts, corner=corner, temperature_k=kelvin)


def test_energy_follows_the_square_of_the_supply_and_times_the_corner():
    full, half = sram(at(45, 1.1)), sram(at(45, 0.55))
    for action in ("read", "write"):
        assert half.actions[action].value == pytest.approx(full.actions[action].value / 4)
    slower = fo4_ns("low_leakage", 45, 0.55) / fo4_ns("low_leakage", 45, 1.1)
    for time in ("access", "cycle"):
        assert half.times_ns[time] == pytest.approx(full.times_ns[time] * slower)
    assert half.area_um2.value == full.area_um2.value
    assert "V^2 from 1.1 to 0.55 V" in half.actions["read"].source


def test_warm_cells_leak_what_the_row_of_360_k_says():
    warm = sram(technology(45, 1.1, corner="low_leakage", temperature_k=360)).leakage_uw
    cold = sram(technology(45, 1.1, corner="low_leakage")).leakage_uw
    assert warm.value / cold.value == pytest.approx(12.87, rel=0.05)  # as every row of lstp at 45 nm
    assert warm.low < 12.87 * cold.value < warm.high


@pytest.mark.parametrize(("node", "base"), [(130, 65), (90, 65), (20, 22), (14, 22), (10, 22), (7, 22)])
def test_nodes_without_rows_are_scaled_from_the_nearest(node, base):
    full_v = device("standard", base).vdd_v
    there, here = sram(at(base, full_v, "standard")), sram(at(node, full_v, "standard"))
    assert here.area_um2.value == pytest.approx(there.area_um2.value * area_factor(node) / area_factor(base))
    energy = energy_factor(node, full_v) / energy_factor(base, full_v)
    assert here.actions["read"].value == pytest.approx(there.actions["read"].value * energy)
    assert here.actions["read"].high >= 1.29 * here.actions["read"].value
    assert f"derived for {node} nm" in here.actions["read"].source
    assert f"{base} nm lop" in here.actions["read"].source


def test_40_nm_lies_between_45_and_32_nm():
    share = math.log(45 / 40) / math.log(45 / 32)
    ends, middles = [], []
    for kib, bits in ((1.0, 8), (8.0, 64), (32.0, 32), (512.0, 128)):
        large, middle, small = (sram(at(node), kib, bits) for node in (45, 40, 32))
        price = middle.actions["read"]
        line = large.actions["read"].value ** (1 - share) * small.actions["read"].value ** share
        assert price.low <= line <= price.high
        ends.append(large.area_um2.value ** (1 - share) * small.area_um2.value**share)
        middles.append(middle.area_um2.value)
    assert middles == pytest.approx(ends, rel=0.1)
    assert "mean trend of rows from 45 to 32 nm" in middle.area_um2.source


def test_fast_cells_come_from_the_nodes_that_have_them():
    assert "32 nm hp 360 K 1r1w" in sram(at(28, corner="fast")).area_um2.source
    assert "1rw derived from 1r1w" in sram(at(32, corner="fast")).area_um2.source
    assert "derived" not in sram(at(32, corner="fast"), ports="1r1w").area_um2.source
    assert "1r1w derived from 1rw" in sram(at(32), ports="1r1w").area_um2.source


def test_two_ports_are_derived_as_the_table_has_them():
    one, two = sram(at(32, 0.6, "standard")), sram(at(32, 0.6, "standard"), ports="1r1w")
    plain, derived = sram(at(32)), sram(at(32), ports="1r1w")
    there = two.actions["read"].value / one.actions["read"].value
    price = derived.actions["read"]
    assert price.low <= plain.actions["read"].value * there <= price.high


# Where CACTI's optimum of energy and delay is another organisation a smaller node costs up to so much more.
EXCEPTIONS = {"read": 1.25, "write": 1.05, "area": 1.01, "cycle": 1.75}


@pytest.mark.parametrize("corner", ["low_leakage", "standard", "fast"])
@pytest.mark.parametrize("ports", ["1rw", "1r1w"])
def test_smaller_nodes_have_smaller_memories_of_less_energy(corner, ports):
    """Over all sizes of the table; a few of some 1,100 pairs are exceptions, and no larger than named."""
    pairs, more = 0, []
    for kib, bits in itertools.product((1.0, 4.0, 8.0, 32.0, 128.0, 512.0), (8, 32, 64, 128)):
        memories = [sram(at(node, corner=corner), kib, bits, ports) for node in NODES_NM]
        for larger, smaller in pairwise(memories):
            for what, price in (
                ("read", lambda priced: priced.actions["read"].value),
                ("write", lambda priced: priced.actions["write"].value),
                ("area", lambda priced: priced.area_um2.value),
                ("cycle", lambda priced: priced.times_ns["cycle"]),
            ):
                pairs += 1
                if (ratio := price(smaller) / price(larger)) > 1 + 1e-9:
                    more.append(what)
                    assert ratio <= EXCEPTIONS[what], (what, kib, bits, ratio)
    assert pairs == 24 * 12 * 4
    assert len(more) <= 12, more
