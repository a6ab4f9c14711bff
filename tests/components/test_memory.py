from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from arch.machines import technology
from pydantic import ValidationError

import hwsim.components.pricing
from hwsim.components import Sram
from hwsim.components.banks import MACRO_BYTES
from hwsim.components.pricing.cacti import INTERPOLATION_ERROR, Row
from hwsim.components.pricing.monotone import monotone

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


def of_row(row):
    """The memory of a row, and how the table's quantities are called there and in prices."""
    there = at(int(row["node_nm"]), row["cell"], int(row["temperature_k"]))
    priced = sram(int(row["capacity_bytes"]) / 1024, int(row["port_bits"]), row["ports"]).priced(there)
    numbers = {name: float(row[name]) for name in Row._fields}
    prices = {"read_pj": priced.actions["read"], "write_pj": priced.actions["write"]}
    units = {"area_mm2": (priced.area_um2, 1e6), "leakage_mw": (priced.leakage_uw, 1e3)}
    numbers |= {name: numbers[name] * unit for name, (_, unit) in units.items()}
    return numbers, prices | {name: price for name, (price, _) in units.items()}, priced.times_ns


# Of lstp the rows at 360 K are derived from those at 300 K, from which they differ in leakage alone.
DERIVED = {("lstp", "360")}
MACROS = [
    row
    for row in ROWS
    if int(row["capacity_bytes"]) <= MACRO_BYTES and (row["cell"], row["temperature_k"]) not in DERIVED
]


def test_rows_of_macros_are_exact_where_the_table_rises_and_bounds_reach_to_the_others():
    exact, moved = Counter(), {}
    for row in MACROS:
        numbers, prices, times_ns = of_row(row)
        for name, price in prices.items():
            assert price.low * (1 - 1e-12) <= numbers[name] <= price.high * (1 + 1e-12)
            is_exact = price.value == pytest.approx(numbers[name], rel=1e-12)
            exact[name] += is_exact and (
                name == "leakage_mw" or price.high / price.low < 1 + 1e-12
            )  # corners span more
        values = {name: price.value for name, price in prices.items()}
        values |= {f"{name}_ns": times_ns[name] for name in ("access", "cycle")}
        for name, value in values.items():
            moved[name] = max(moved.get(name, 1.0), value / numbers[name], numbers[name] / value)
    assert len(MACROS) == 240
    assert exact["leakage_mw"] == 240
    assert exact["read_pj"] > 195
    assert exact["write_pj"] > 205
    assert exact["area_mm2"] > 60
    most = {"read_pj": 1.08, "write_pj": 1.02, "area_mm2": 1.16, "leakage_mw": 1.0, "access_ns": 1.15, "cycle_ns": 1.31}
    assert all(moved[name] <= most[name] * (1 + 1e-12) for name in most), moved


def test_the_order_of_numbers_is_the_mean_of_the_envelopes_found_by_looking_at_all():
    rng = np.random.default_rng(3)
    for _ in range(20):
        places = [(i, j, k) for i in range(3) for j in range(4) for k in range(3)]
        values = {place: float(value) for place, value in zip(places, rng.lognormal(size=len(places)), strict=True)}
        for axes in ((0, 1, 2), (1,), (0, 2)):
            found = monotone(values, axes)

            def before(a, b, axes=axes):
                return all(a[axis] <= b[axis] if axis in axes else a[axis] == b[axis] for axis in range(3))

            for place in places:
                most = max(values[other] for other in places if before(other, place))
                least = min(values[other] for other in places if before(place, other))
                assert found[place] == pytest.approx(math.sqrt(most * least))
                assert all(found[other] <= found[place] * (1 + 1e-12) for other in places if before(other, place))


def test_numbers_that_rise_stay_as_they_are():
    values = {(i, j): 0.1 + i + 3 * j for i in range(4) for j in range(4)}
    assert monotone(values, (0, 1)) == values


def test_a_row_by_hand():
    # 45 nm lstp 300 K 1rw, 8 KB x 64 b: 7.069 / 9.028 pJ
    priced = sram(8.0, 64).priced(at(45, "lstp"))
    assert priced.actions["read"].value == pytest.approx(7.069, abs=0.0005)
    assert priced.actions["write"].value == pytest.approx(9.028, abs=0.0005)
    assert priced.times_ns["access"] == pytest.approx(1.074, abs=0.0005)


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
    assert leakage.value == pytest.approx(uw, rel=0.12)
    assert leakage.low < leakage.high
    assert "2 of 32 KiB" in leakage.source


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


def test_a_wide_port_is_macros_side_by_side():
    half, whole = sram(16.0, 128).priced(at()), sram(32.0, 256).priced(at())
    assert whole.actions["write"].value == pytest.approx(2 * half.actions["write"].value)
    assert whole.area_um2.value == pytest.approx(2 * half.area_um2.value)
    assert whole.times_ns == half.times_ns


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
