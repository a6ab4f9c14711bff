from __future__ import annotations

import pytest
from arch.machines import technology
from pydantic import ValidationError

from hwsim.components import HTree, RramCrossbar, Sram, Wire
from hwsim.errors import ArchitectureError

AT_32 = technology(32, 0.9)


def crossbar(**more):
    electric = {
        "r_on_ohm": 20e3,
        "r_off_ohm": 200e3,
        "read_v": 0.1,
        "read_supply_v": 0.1,
        "read_ns": 10.0,
        "driver_v": 1.1,
    }
    shape = {"rows": 64, "columns": 64, "cell_bits": 4, "cell_width_f": 12.0, "cell_height_f": 4.0}
    return RramCrossbar(**{"source": "t", "device": "rram", "law": "ohmic", **electric, **shape, **more})


def on_cell_fj(spec):
    actions = spec.priced(AT_32).actions
    return 1e3 * (actions["read_cell"].value + (spec.levels - 1) * actions["read_level"].value)


@pytest.mark.parametrize(
    ("numbers", "fj"),
    [
        ({"r_on_ohm": 20e3, "read_v": 0.1, "read_supply_v": 0.1}, 5.0),  # 0.1^2 / 20e3 * 10e-9
        ({"r_on_ohm": 20e3, "read_v": 0.1, "read_supply_v": 0.9}, 45.0),
        ({"r_on_ohm": 6e3, "read_v": 0.5, "read_supply_v": 0.5, "r_off_ohm": 900e3}, 416.67),
    ],
)
def test_heat_of_one_on_cell(numbers, fj):
    assert on_cell_fj(crossbar(**numbers)) == pytest.approx(fj, rel=1e-4)


@pytest.mark.parametrize("cell_bits", [1, 2, 4])
def test_levels_are_equally_spaced_conductances(cell_bits):
    spec = crossbar(cell_bits=cell_bits)
    actions = spec.priced(AT_32).actions
    off, step, mean = (actions[name].value for name in ("read_cell", "read_level", "read_mean"))
    assert spec.levels == 2**cell_bits
    assert off == pytest.approx(0.5e-3)
    assert off + (spec.levels - 1) * step == pytest.approx(5e-3)
    assert mean == pytest.approx(2.75e-3)
    assert mean == pytest.approx(sum(off + level * step for level in range(spec.levels)) / spec.levels)


def test_a_row_of_64_cells_costs_about_20_fj():
    assert crossbar().priced(AT_32).actions["drive_row"].value == pytest.approx(0.020, rel=0.02)
    wire_only = crossbar(access_gate_ff=0.0).priced(AT_32).actions["drive_row"].value
    assert wire_only == pytest.approx(64 * 12 * 0.032 * 0.2 * 1.1**2 * 1e-3)


def test_a_bit_line_by_hand():
    priced = crossbar(read_v=0.5, read_supply_v=0.9, rows=128).priced(AT_32)
    assert priced.actions["precharge_column"].value == pytest.approx(128 * 4 * 0.032 * 0.2 * 0.45 * 1e-3)


def test_area_is_that_of_the_cells():
    assert crossbar().priced(AT_32).area_um2.value == pytest.approx(64 * 64 * 48 * 0.032**2)
    spikesim = crossbar(cell_width_f=2.0, cell_height_f=2.0, feature_nm=40.0).priced(AT_32)
    assert spikesim.area_um2.value == pytest.approx(26.2144)
    assert spikesim.leakage_uw.value == 0


def test_read_time_is_passed_on():
    assert crossbar(read_ns=7.5).priced(AT_32).times_ns == {"read": 7.5}


@pytest.mark.parametrize(
    "wrong",
    [{"r_off_ohm": 20e3}, {"read_supply_v": 0.05}, {"rows": 0}, {"device": "sram"}, {"cell_bits": 0}, {"read_ns": 0.0}],
)
def test_impossible_crossbars_are_refused(wrong):
    with pytest.raises(ValidationError):
        crossbar(**wrong)


# --- wires


def wire(**more):
    return Wire(**{"source": "t", "law": "wire", **more})


def test_a_wire_at_45_nm():
    price = wire().priced(technology(45, 0.9)).actions["bit_mm"]
    assert price.low * 1e3 == pytest.approx(70, rel=0.05)
    assert price.value * 1e3 == pytest.approx(120, rel=0.05)
    assert "recalled" in price.source


def test_capacitance_is_exact_at_the_tables_nodes_and_falls_with_the_node():
    numbers = [
        wire(repeaters=0.0).priced(technology(node, 1.0)).actions["bit_mm"].value for node in (65, 45, 32, 28, 22, 20)
    ]
    assert numbers == sorted(numbers, reverse=True)
    assert 0.25 * 0.266 < numbers[-1] < numbers[0] < 0.25 * 0.367


def test_a_low_swing_costs_in_proportion():
    full, low = (wire(swing_v=volts).priced(AT_32).actions["bit_mm"].value for volts in (0.9, 0.3))
    assert low == pytest.approx(full / 3)
    assert wire(activity=0.5).priced(AT_32).actions["bit_mm"].value == pytest.approx(2 * full)


def test_wires_outside_the_table_have_the_capacitance_of_its_ends():
    for inside, outside in ((18, (16, 14, 10, 7)), (70, (90, 130))):
        pf_per_mm = {18: 0.266, 70: 0.367}[inside]
        for node in outside:
            price = wire(repeaters=0.0).priced(technology(node, 1.0)).actions["bit_mm"]
            assert price.value == pytest.approx(0.25 * pf_per_mm)


@pytest.mark.parametrize(("leaves", "share"), [(1, 0.0), (4, 0.5), (16, 0.75), (64, 0.875)])
def test_a_tree_by_hand(leaves, share):
    tree = HTree(source="t", bits=32, leaves=leaves, wire=wire(), law="wire").over(4e6)
    bit_mm = wire().priced(AT_32).actions["bit_mm"].value
    assert tree.priced(AT_32).actions["transfer"].value == pytest.approx(32 * 2.0 * share * bit_mm)


def test_the_files_area_counts_before_the_machines():
    tree = HTree(source="t", bits=1, leaves=4, wire=wire(), law="wire", area_um2=1e6)
    assert tree.over(4e6).area_um2 == 1e6
    with pytest.raises(ArchitectureError, match="area_um2 is missing"):
        HTree(source="t", bits=1, leaves=4, wire=wire(), law="wire").priced(AT_32)
    with pytest.raises(ValidationError, match="needs the mapping 'wire'"):
        HTree(source="t", bits=1, leaves=4, law="wire")


def test_given_prices_of_parts_that_take_the_technologys_cell():
    given = {
        "at": {
            "node_nm": 32,
            "vdd_v": 0.9,
            "temperature_k": 300,
            "corner": "standard",
            "capacity_kib": 2.0,
            "port_bits": 8,
            "ports": "1rw",
        },
        "read_pj": 1.0,
        "write_pj": {"value": 2.0, "low": 1.0, "high": 3.0},
        "access_ns": 1.0,
        "cycle_ns": 1.0,
        "area_um2": 5.0,
        "leakage_uw": 0.5,
    }
    memory = Sram(source="t", capacity_kib=2.0, port_bits=8, ports="1rw", law="given", given=given)
    assert memory.priced(AT_32).actions["write"].high == 3.0
    with pytest.raises(ArchitectureError, match="technology's corner is low_leakage"):
        memory.priced(technology(32, 0.9, corner="low_leakage"))
    with pytest.raises(ArchitectureError, match="technology's temperature_k is 360"):
        memory.priced(technology(32, 0.9, temperature_k=360))
    with pytest.raises(ValidationError, match="temperature_k is no key any more: all parts have"):
        Sram(source="t", capacity_kib=2.0, port_bits=8, ports="1rw", temperature_k=360, law="given", given=given)
