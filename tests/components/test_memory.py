from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path

import pytest
from arch.machines import technology
from pydantic import ValidationError

import hwsim.components.pricing
from hwsim.components import Sram
from hwsim.components.pricing.cacti import INTERPOLATION_ERROR, Row

TABLE = Path(hwsim.components.pricing.__file__).with_name("data") / "sram_cacti.csv"
ALL = list(csv.DictReader(TABLE.read_text().splitlines()))
ROWS = [row for row in ALL if row["cell"] != "hp"]


def sram(capacity_kib=8.0, port_bits=64, ports="1rw", **more):
    return Sram(**{"source": "t", "law": "cacti", **more}, capacity_kib=capacity_kib, port_bits=port_bits, ports=ports)


# CACTI's names of the corners, and the supplies that its memories of these nodes have.
CORNERS = {"lstp": "low_leakage", "lop": "standard", "hp": "fast"}
SUPPLY_V = {
    "lstp": {65: 1.2, 45: 1.1, 32: 1.0, 28: 0.92, 22: 0.8},
    "lop": {65: 0.8, 45: 0.7, 32: 0.6, 28: 0.6, 22: 0.6},
    "hp": {65: 1.1, 45: 1.0, 32: 0.9},
}


def at(node_nm=32, cell="lop", temperature_k=300):
    """The technology that CACTI priced: at the supply of its cells."""
    return technology(node_nm, SUPPLY_V[cell][node_nm], corner=CORNERS[cell], temperature_k=temperature_k)


def test_every_row_of_the_table_is_reproduced_exactly():
    """But for lstp at 360 K, derived from 300 K, where rows differ in leakage alone, and hp of 65 nm to 8 KiB."""
    derived = {("lstp", "360", node) for node in ("65", "45", "32", "28", "22")} | {("hp", "360", "65")}
    rows = [row for row in ALL if (row["cell"], row["temperature_k"], row["node_nm"]) not in derived]
    assert len(rows) == 408
    for row in rows:
        there = at(int(row["node_nm"]), row["cell"], int(row["temperature_k"]))
        priced = sram(int(row["capacity_bytes"]) / 1024, int(row["port_bits"]), row["ports"]).priced(there)
        for price, number in (
            (priced.actions["read"], float(row["read_pj"])),
            (priced.actions["write"], float(row["write_pj"])),
            (priced.area_um2, float(row["area_mm2"]) * 1e6),
        ):
            assert price.value == pytest.approx(number, rel=1e-12)
            assert price.low == pytest.approx(price.value)
            assert price.high == pytest.approx(price.value)
        assert priced.leakage_uw.value == pytest.approx(float(row["leakage_mw"]) * 1e3, rel=1e-12)
        assert priced.leakage_uw.low < priced.leakage_uw.value < priced.leakage_uw.high  # what a corner spans
        times = {"access": float(row["access_ns"]), "cycle": float(row["cycle_ns"])}
        assert priced.times_ns == pytest.approx(times, rel=1e-12)
        assert priced.delay_ns == priced.times_ns["cycle"]


def test_a_row_by_hand():
    # 32 nm lop 360 K 1r1w, 8 KB x 64 b: 2.17 / 1.61 pJ
    priced = sram(8.0, 64, "1r1w").priced(at(32, "lop", 360))
    assert priced.actions["read"].value == pytest.approx(2.17, abs=0.005)
    assert priced.actions["write"].value == pytest.approx(1.61, abs=0.005)


@pytest.mark.parametrize(
    ("node_nm", "cell", "temperature_k", "ports", "uw"),
    [
        (28, "lop", 360, "1r1w", 18_200),
        (28, "lstp", 300, "1rw", 1.5),
        (45, "lop", 360, "1r1w", 1040),
        (45, "lstp", 300, "1rw", 1.3),
    ],
)
def test_leakage_of_64_kib_between_rows(node_nm, cell, temperature_k, ports, uw):
    leakage = sram(64.0, 64, ports).priced(at(node_nm, cell, temperature_k)).leakage_uw
    assert leakage.value == pytest.approx(uw, rel=0.06)
    assert leakage.low < leakage.value < leakage.high
    assert "interpolated in log" in leakage.source


def test_halfway_in_the_logarithm_is_the_geometric_mean():
    for between, ends in ((("capacity_kib", 16.0), (8.0, 32.0)), (("capacity_kib", 2.0), (1.0, 4.0))):
        name, middle = between
        prices = [sram(**{name: x}).priced(at()).actions["read"].value for x in (*ends, middle)]
        assert prices[2] == pytest.approx(math.sqrt(prices[0] * prices[1]))
    narrow, wide, middle = (sram(port_bits=bits).priced(at()).area_um2.value for bits in (8, 32, 16))
    assert middle == pytest.approx(math.sqrt(narrow * wide))


def test_interpolated_prices_carry_bounds_that_cover_a_row_left_out():
    # the row at 8 KiB, were it missing, would be interpolated between 4 and 32 KiB
    share = math.log(2) / math.log(8)
    four, eight, wide = (sram(kib).priced(at()).actions["read"].value for kib in (4.0, 8.0, 32.0))
    guess = four ** (1 - share) * wide**share
    bounds = sram(12.0).priced(at()).actions["read"]
    assert guess * bounds.low / bounds.value <= eight <= guess * bounds.high / bounds.value


@pytest.mark.parametrize("name", Row._fields)
def test_the_stated_interpolation_error_is_the_measured_one(name):
    """Nine of ten rows, interpolated from their two neighbours along either axis, lie within the stated factor."""
    kinds = {}
    for row in ROWS:
        kind = tuple(row[key] for key in ("node_nm", "cell", "temperature_k", "ports"))
        kinds.setdefault(kind, {})[int(row["capacity_bytes"]), int(row["port_bits"])] = float(row[name])
    for axis in (0, 1):
        errors = []
        for cells in kinds.values():
            points = sorted({key[axis] for key in cells})
            for other in sorted({key[1 - axis] for key in cells}):
                line = [cells[(point, other) if axis == 0 else (other, point)] for point in points]
                for left, here, right in zip(range(len(line)), range(1, len(line)), range(2, len(line)), strict=False):
                    share = math.log(points[here] / points[left]) / math.log(points[right] / points[left])
                    guess = line[left] ** (1 - share) * line[right] ** share
                    errors.append(abs(math.log(guess / line[here])))
        stated = math.log(getattr(INTERPOLATION_ERROR, name))
        assert sum(error <= stated for error in errors) >= 0.9 * len(errors)


def test_beyond_the_largest_row_come_banks():
    largest, four = sram(512.0).priced(at()), sram(2048.0).priced(at())
    assert four.actions["read"].value == largest.actions["read"].value
    assert four.leakage_uw.value == pytest.approx(4 * largest.leakage_uw.value)
    assert four.area_um2.value == pytest.approx(4 * largest.area_um2.value)
    assert "4 banks of 512 KiB" in four.actions["read"].source
    assert sram(600.0).priced(at()).area_um2.value == pytest.approx(largest.area_um2.value * 600 / 512)


def test_below_the_smallest_row_the_price_is_an_upper_bound():
    smallest, tiny = sram(1.0, 8).priced(at()), sram(0.125, 4).priced(at())
    for price, bound in ((tiny.actions["read"], smallest.actions["read"]), (tiny.leakage_uw, smallest.leakage_uw)):
        assert price.value == pytest.approx(bound.value)
        assert price.high == pytest.approx(bound.high)
        assert price.low < price.value
    assert tiny.leakage_uw.low == pytest.approx(smallest.leakage_uw.low / 8)
    assert "an upper bound" in tiny.actions["read"].source


def test_a_wide_port_is_macros_side_by_side():
    half, whole = sram(16.0, 128).priced(at()), sram(32.0, 256).priced(at())
    assert whole.actions["write"].value == pytest.approx(2 * half.actions["write"].value)
    assert whole.area_um2.value == pytest.approx(2 * half.area_um2.value)
    assert whole.times_ns == half.times_ns


@pytest.mark.parametrize("cell", ["lop", "lstp"])
def test_larger_memories_cost_more(cell):
    sizes = [2 ** (step / 2) for step in range(-4, 24)]
    for read in (
        lambda priced: priced.actions["read"].value,
        lambda priced: priced.area_um2.value,
        lambda priced: priced.leakage_uw.value,
    ):
        numbers = [read(sram(size).priced(at(32, cell))) for size in sizes]
        assert all(a <= b * (1 + 1e-12) for a, b in pairwise(numbers))


def test_cells_of_a_corner_of_their_own_in_a_chip_of_another():
    explicit = sram(corner="low_leakage").priced(technology(32, 0.9, corner="fast"))
    assert explicit == sram().priced(technology(32, 0.9, corner="low_leakage"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity_kib": 0.0},
        {"port_bits": 0},
        {"ports": "2rw"},
        {"corner": "hp"},
        {"cell": "lop"},
        {"temperature_k": 300},
        {"capacity_kib": "8"},
    ],
)
def test_impossible_memories_are_refused(wrong):
    with pytest.raises(ValidationError):
        sram(**wrong)


def test_capacity_in_bits():
    assert sram(1.5).capacity_bits == 12288
