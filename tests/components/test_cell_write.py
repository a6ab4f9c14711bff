"""What writing cells costs, against arithmetic by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from arch.machines import technology
from pydantic import ValidationError

from hwsim import accelerators, api
from hwsim.components import RramCrossbar, SramCrossbar
from hwsim.errors import HwsimError

TRACE = Path(__file__).parents[2] / "traces" / "fashion_dietsnn.npz"
AT_32 = technology(32, 0.9, corner="low_leakage")
PULSES = {
    "source": "t",
    "pulse_v": 2.0,
    "pulse_ns": 50.0,
    "pulses": {"value": 10.0, "low": 5.0, "high": 20.0},
    "row_pulses": 20,
    "endurance": 1e6,
}
SHAPE = {"source": "t", "rows": 64, "columns": 48, "read_ns": 10.0, "cell_width_f": 12.0, "cell_height_f": 4.0}
RRAM = {"device": "rram", "law": "ohmic", "r_on_ohm": 20e3, "r_off_ohm": 200e3, "read_v": 0.1, "cell_bits": 2}


def rram(**more):
    return RramCrossbar(**{**SHAPE, **RRAM, "write": PULSES, **more})


def bounds(price):
    return [price.value, price.low, price.high]


def test_a_resistive_cell_takes_pulses_and_reads_of_its_conductance():
    each = [
        times * siemens * (2.0**2 * 50 + 0.9 * 0.1 * 10) * 1e3  # W/S ns to pJ
        for times, siemens in ((10, (5e-5 + 5e-6) / 2), (5, 5e-6), (20, 5e-5))
    ]
    assert bounds(rram().writes(AT_32)["cell"]) == pytest.approx(each, rel=1e-12)
    line_ff = 48 * (12 * 0.032 * 0.2 + 0.18)
    assert bounds(rram().writes(AT_32)["row"]) == pytest.approx([20 * line_ff * 4.0 * 1e-3] * 3, rel=1e-12)


def test_an_sram_cell_takes_a_bit_line_and_a_row_its_word_line():
    lines = SramCrossbar(
        **SHAPE, device="sram", law="bit_line", cell_bits=1, junction_ff=0.2, write={"source": "t", "row_ns": 4.0}
    )
    found = lines.writes(AT_32)
    assert found["cell"].value == pytest.approx(64 * (4 * 0.032 * 0.2 + 0.2) * 0.9**2 * 1e-3, rel=1e-12)
    assert found["row"].value == pytest.approx(48 * (12 * 0.032 * 0.2 + 0.18) * 0.9**2 * 1e-3, rel=1e-12)


def test_what_says_nothing_of_writing_has_no_price_of_it():
    assert rram(write=None).writes(AT_32) == {}


def test_converters_verify_each_pulse():
    design = api.load_architecture("imc")
    parts = machine(design)
    for name, action in (("adc", "convert"), ("adc_reference", "settle")):
        price, verify = parts[name].actions[action], parts[name].writes["verify"]
        assert bounds(verify) == pytest.approx([price.value * 10, price.low * 5, price.high * 20], rel=1e-12)
        assert "verify" not in parts[name].actions


def machine(design):
    return accelerators.machine(design.machine)(design.spec).components()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pulses": {"value": 10.0, "low": 0.5, "high": 20.0}}, "must be at least 1, got 0.5"),
        ({"endurance": 0.0}, "must be at least 1, got 0"),
        ({"crossbars": 0}, "greater than or equal to 1"),
        ({"row_ns": 4.0}, "Extra inputs"),
    ],
)
def test_writing_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        rram(write={**PULSES, **changes})


NODES = {
    130: ["technology.node_nm=130", "technology.vdd_v=1.2", "clock.frequency_mhz=100", "adc.sample_rate_mhz=100"],
    7: ["technology.node_nm=7", "technology.vdd_v=0.7"],
}


@pytest.mark.parametrize("node", NODES)
def test_an_imc_design_can_be_made_at_either_end_of_the_nodes(node):
    there, here = (machine(api.load_architecture("imc", settings)) for settings in ([], NODES[node]))
    smaller = node < 32
    for name in ("adc", "accumulator", "neuron", "spike_buffer", "crossbar", "row_driver"):
        assert (here[name].area_um2.value < there[name].area_um2.value) == smaller, name
    for name, action in (("adc", "convert"), ("accumulator", "add"), ("neuron", "update"), ("spike_buffer", "read")):
        assert (here[name].actions[action].value < there[name].actions[action].value) == smaller, name
    assert "14 to 90 nm, beyond which" in here["adc"].actions["convert"].source
    assert "14 to 90 nm" not in there["adc"].actions["convert"].source
    assert f"derived for {node} nm" in here["spike_buffer"].actions["read"].source


@pytest.mark.parametrize(
    ("design", "settings", "words"),
    [
        *(("imc", [*settings, "adc.law=flash"], "covers 14 to 65 nm, got") for settings in NODES.values()),
        ("imc_isaac", ["technology.node_nm=7"], "the technology's node_nm is 7, but the given prices are for 32"),
        ("imc", ["technology.node_nm=130"], r"250 MHz is too fast: .* \(130 nm .* at most 121 MHz"),
        ("imc", ["technology.vdd_v=1.8"], "vdd_v must be at most 1.3 V below 130 nm, got 1.8"),
        ("imc", ["technology.node_nm=180"], "must be one of 130, .* 7 nm, got 180"),
    ],
)
def test_what_has_no_data_there_is_refused_with_what_it_covers(design, settings, words):
    with pytest.raises(HwsimError, match=words):
        api.simulate(api.load_architecture(design, settings), TRACE, samples=1)
