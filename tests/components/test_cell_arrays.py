"""Crossbars of SRAM cells, prices of whole arrays, and the figures of ISAAC's component models."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from arch.machines import technology
from pydantic import TypeAdapter, ValidationError

import hwsim.components.pricing
from hwsim import api
from hwsim.components import RramCrossbar, SramCrossbar
from hwsim.components.column_mux import ColumnMux
from hwsim.components.crossbar import Crossbar
from hwsim.errors import ArchitectureError

AT_32 = technology(32, 0.9, corner="low_leakage")
SHAPE = {"rows": 64, "columns": 48, "read_ns": 4.0, "driver_v": 0.9, "cell_width_f": 28.0, "cell_height_f": 10.0}
SRAM = {"source": "t", "device": "sram", "law": "bit_line", "cell_bits": 1, "precharge_v": 0.9, "swing_v": 0.45}
RRAM = {"r_on_ohm": 20e3, "r_off_ohm": 200e3, "read_v": 0.1, "read_supply_v": 0.9}
RRAM |= {"source": "t", "device": "rram", "law": "ohmic", "cell_bits": 2}


def sram(**more):
    return SramCrossbar(**{**SRAM, **SHAPE, **more})


def rram(**more):
    return RramCrossbar(**{**RRAM, **SHAPE, **more})


def values(spec, there=AT_32):
    return {name: price.value for name, price in spec.priced(there).actions.items()}


def test_a_bit_line_loses_the_whole_swing_when_every_row_is_driven_and_holds_a_one():
    found = values(sram())
    line_ff = 64 * (10 * 0.032 * 0.2 + 0.18)
    assert 64 * found["read_level"] == pytest.approx(line_ff * 0.9 * 0.45 * 1e-3)
    assert found["read_mean"] == pytest.approx(found["read_level"] / 2)
    assert found["read_cell"] == found["precharge_column"] == 0


def test_a_word_line_of_sram_by_hand():
    assert values(sram())["drive_row"] == pytest.approx(48 * (28 * 0.032 * 0.2 + 0.18) * 0.9**2 * 1e-3)
    assert values(sram(access_gate_ff=0.0, driver_v=1.8))["drive_row"] == pytest.approx(48 * 0.1792 * 1.8**2 * 1e-3)


def test_area_and_leakage_of_sram_are_those_of_its_cells():
    priced = sram().priced(AT_32)
    assert priced.area_um2.value == pytest.approx(64 * 48 * 280 * 0.032**2)
    with (Path(hwsim.components.pricing.__file__).parent / "data" / "sram_cacti.csv").open(encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["node_nm"], row["cell"], row["temperature_k"], row["ports"]) == ("32", "lstp", "300", "1rw")
        ]
    largest = max(rows, key=lambda row: (int(row["capacity_bytes"]), -int(row["port_bits"])))
    per_bit_uw = float(largest["leakage_mw"]) * 1e3 / (8 * int(largest["capacity_bytes"]))
    at_their_supply = sram().priced(technology(32, 1.0, corner="low_leakage"))
    assert at_their_supply.leakage_uw.value == pytest.approx(64 * 48 * per_bit_uw)
    assert at_their_supply.leakage_uw.value > priced.leakage_uw.value
    leaky = sram(corner="standard").priced(AT_32).leakage_uw.value
    assert leaky > 100 * priced.leakage_uw.value
    with pytest.raises(ValidationError, match="say corner: low_leakage for lstp"):
        sram(cell="lop")


@pytest.mark.parametrize("spec", [sram(), rram()], ids=["sram", "rram"])
def test_a_whole_array_is_the_sum_of_its_rows_cells_and_lines(spec):
    found = values(spec)
    by_hand = 64 * found["drive_row"] + 64 * 48 * found["read_mean"] + 48 * found["precharge_column"]
    assert found["read_array"] == pytest.approx(by_hand)


def test_what_an_off_cell_conducts():
    assert rram().off_fraction == pytest.approx(0.1)
    assert sram().off_fraction == 0


def test_the_device_decides_which_crossbar_it_is():
    either = TypeAdapter(Crossbar)
    assert either.validate_python(SRAM | SHAPE) == sram()
    assert either.validate_python(RRAM | SHAPE) == rram()


@pytest.mark.parametrize("wrong", [{"cell_bits": 2}, {"r_on_ohm": 1e3}, {"law": "ohmic"}])
def test_impossible_sram_crossbars_are_refused(wrong):
    with pytest.raises(ValidationError):
        sram(**wrong)


def given(**prices):
    at = {"node_nm": 32, "vdd_v": 0.9, "rows": 64, "columns": 48, "cell_bits": 2}
    return rram(law="given", given={"at": at, "read_ns": 4.0, "area_um2": 5.0, "leakage_uw": 0.0, **prices})


def test_a_price_of_the_whole_array_may_be_all_that_is_given():
    assert values(given(read_array_pj=3.0)) == {"read_array": 3.0}
    with pytest.raises(ValidationError, match="read_array_pj, or the prices of cells and lines, must be given"):
        given()


@pytest.mark.parametrize(
    ("design", "settings", "message"),
    [
        ("imc", ["crossbar.device=sram"], "unknown key 'crossbar.r_on_ohm'"),
        ("imc", ["crossbar.device=pcm"], "crossbar.device: must be one of 'rram', 'sram', got 'pcm'"),
        ("imc", ["crossbar.device=null"], "crossbar: missing key 'device'"),
        ("imc", ["crossbar=3"], "crossbar: must be a mapping, got 3"),
        ("imc_sram", ["crossbar.cell_bits=2"], "crossbar.cell_bits: must be at most 1, got 2"),
        ("imc_sram", ["crossbar.swing=1"], "unknown key 'crossbar.swing'; did you mean 'crossbar.swing_v'?"),
        ("imc_sram", ["crossbar.swing_v=1"], "crossbar: swing_v must be at most precharge_v = 0.9, got 1"),
        ("imc_isaac", ["read_energy=value"], "crossbar.given: read_energy: value needs read_cell_pj"),
        ("imc_isaac", ["crossbar.rows=64"], "crossbar: rows is 64, but the given prices are for 128"),
    ],
)
def test_a_wrong_crossbar_is_one_line(design, settings, message):
    with pytest.raises(ArchitectureError) as caught:
        loaded = api.load_architecture(design, settings)
        api.components(loaded)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_switches_of_8_columns_are_spikesims_multiplexer():
    priced = ColumnMux(source="t", law="spikesim").priced(technology(65, 1.0))
    assert 8 * priced.area_um2.value == pytest.approx(45.9)
    assert priced.actions["select"].value == pytest.approx(0.094245)


# --- ISAAC (ISCA 2016) as its published component models have it


def isaac():
    loaded = api.load_architecture("imc_isaac")
    return loaded.spec, api.components(loaded)


def test_adcs_of_a_unit_of_isaac_take_16_mw_and_its_arrays_and_drivers_6_4_mw():
    spec, parts = isaac()
    units = spec.chip.crossbars_per_pe
    assert units * parts["adc"].actions["convert"].value * 1.2 == pytest.approx(16, rel=0.005)  # pJ at 1.2 GS/s
    assert units * parts["adc"].area_um2.value == pytest.approx(9600)
    assert units * parts["crossbar"].actions["read"].value / 100 == pytest.approx(8 * 0.3 + 4)  # pJ in 100 ns
    assert units * parts["crossbar"].area_um2.value == pytest.approx(8 * 25 + 170)


def test_a_read_of_isaac_takes_one_conversion_of_each_column_at_full_rate():
    """At the 1.2 GHz of its ADC; at the shipped 500 MHz a conversion takes a cycle, too."""
    spec, _ = isaac()
    assert (spec.read_cycles, spec.mux_phases, spec.convert_cycles) == (50, 128, 1)
    fast = ("technology.corner=fast", "spike_buffer.given.at.corner=fast", "clock.frequency_mhz=1200")
    published = api.load_architecture("imc_isaac", fast).spec
    assert (published.read_cycles, published.mux_phases, published.convert_cycles) == (120, 128, 1)


def test_memory_bus_and_router_of_isaac_for_256_bits():
    spec, parts = isaac()
    assert parts["spike_buffer"].actions["read"].value * 256 / spec.spike_buffer.port_bits == pytest.approx(20.45)
    assert parts["htree"].actions["transfer"].value == pytest.approx(256 * 0.054)
    bare = spec.noc.model_copy(update={"link_mm": 0.0}).priced(spec.technology)
    assert bare.actions["hop"].value * 256 / spec.noc.flit_bits == pytest.approx(20.74)
    assert bare.area_um2.value * 4 * 256 / spec.noc.flit_bits == pytest.approx(150e3)
