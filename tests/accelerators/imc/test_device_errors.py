"""Wires, converters, drift and temperature in the functional mode: a naive twin, statistics, seeds, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, assert_equals_twin, live_trace, lossless, named
from numba import config
from pydantic import ValidationError

from hwsim import api, arch
from hwsim.accelerators import spec_type
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.functional import run as functional_run
from hwsim.accelerators.imc.functional.cells import cells_of
from hwsim.accelerators.imc.functional.conversion import converters_of
from hwsim.errors import ArchitectureError
from hwsim.kernels.crossbar.converters import GAIN_BITS
from hwsim.traces.network.layers import Linear, StoredWeights
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[3] / "traces"
WIRES = {"row_wire_ohm": 120.0, "column_wire_ohm": 150.0}
UNLIKE = {"adc_offset_lsb": 0.7, "adc_gain_error": 0.05}
DRIFT = {"drift_nu": 0.05, "drift_nu_sigma": 0.03, "drift_s": 1e4, "drift_t0_s": 20.0}
WARMTH = {"temperature_on_per_k": -1e-3, "temperature_off_per_k": 4e-3, "temperature_sigma_per_k": 1e-3}
HOT = {"technology__temperature_k": 350.0}
ALL = (
    {"row_wire_ohm": 300.0},
    WIRES,
    UNLIKE,
    DRIFT,
    WARMTH,
    WIRES | UNLIKE | DRIFT | WARMTH | {"conductance_variation": 0.1, "read_noise_levels": 0.3, "stuck_on": 0.05},
)
DRIVES = (
    {"adc__bits": 3, "rows_per_read": 8, "dac__bits": 1, "placement": "im2col"},
    {"adc__bits": 4, "rows_per_read": 3, "dac__bits": 2, "placement": "kernel_split", "skip": "none"},
)


def on(errors, **changes):
    """Changes of a small machine that has these errors."""
    return {f"devices__{key}": value for key, value in errors.items()} | HOT | changes


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize("number", range(len(ALL)))
def test_every_error_equals_the_naive_model(signs, number):
    trace = live_trace(cases.chain, samples=1, extra=0)
    ways = ["before_adc"] if signs.get("signs__correction") == "reference_column" else ["before_adc", "after_adc"]
    drive, rule = DRIVES[number % 2], ("level", "rows")[number % 2]
    for way in ways:
        changes = on(ALL[number], **signs, **drive, devices__off_current=way, devices__full_scale=rule)
        ours = assert_equals_twin(cases.small(**changes), trace)
        for key, value in ALL[number].items():
            assert ours.notes[f"devices: {key}"] == value


def test_groups_pools_and_direct_inputs_equal_the_naive_model():
    trace = live_trace(cases.convolutions, samples=1, extra=0)
    spec = cases.small(**on(ALL[-1], adc__bits=4, dac__bits=2, rows_per_read=5, direct_input="once"))
    assert_equals_twin(spec, trace)


def test_converters_of_a_pe_equal_the_naive_model():
    trace = live_trace(cases.chain, samples=1, extra=0)
    pe = {"placement": "kernel_split", "skip": "none", "assumptions__conversion": "pe"}
    assert_equals_twin(cases.small(**on({"row_wire_ohm": 300.0} | UNLIKE, adc__bits=4, **pe)), trace)


def test_what_is_not_stated_is_off():
    """Neither times nor kelvins, nor the temperature that cells were programmed at, say anything by themselves."""
    trace = live_trace(cases.chain)
    plain = Machine(lossless()).functional(trace)
    idle = {"drift_s": 1e6, "programmed_k": 350.0}
    same = Machine(lossless(**on(idle))).functional(trace)
    assert (plain.trace.logits["test"].values == trace.logits["test"].values).all()
    assert (plain.trace.logits["test"].values == same.trace.logits["test"].values).all()
    assert not any("wire" in key or "drift" in key or "_per_k" in key for key in plain.notes)


def test_a_cell_that_does_not_differ_is_exact():
    """Cells read when and as warm as they were programmed, with errors on, but none to show."""
    trace = live_trace(cases.chain)
    still = DRIFT | WARMTH | {"drift_s": 20.0, "programmed_k": 350.0}
    run = Machine(lossless(**on(still))).functional(trace)
    assert (run.trace.logits["test"].values == Machine(lossless()).functional(trace).trace.logits["test"].values).all()


@pytest.mark.parametrize("at_once", [1, 3])
def test_results_do_not_depend_on_how_samples_are_split(monkeypatch, at_once):
    trace = live_trace(cases.convolutions, samples=5)
    spec = cases.small(**on(ALL[-1], adc__bits=4))
    whole = Machine(spec).functional(trace)
    monkeypatch.setattr(functional_run, "_SAMPLES_AT_ONCE", at_once)
    parts = Machine(spec).functional(trace)
    assert whole.notes == parts.notes
    assert (whole.trace.logits["test"].values == parts.trace.logits["test"].values).all()
    for name, packed in whole.trace.spikes.items():
        assert (packed.words == parts.trace.spikes[name].words).all(), name


@pytest.mark.parametrize("errors", [UNLIKE, DRIFT, WARMTH])
def test_another_seed_is_another_chip(errors):
    trace = live_trace(cases.convolutions)
    strong = {key: value * (10 if "sigma" in key else 1) for key, value in errors.items()}
    seeds = (1, 1, 2)
    runs = [Machine(lossless(**on(strong, devices__seed=seed))).functional(trace).trace for seed in seeds]
    found, again, other = (run.logits["test"].values for run in runs)
    assert (found == again).all()
    assert (found != other).any()


def many_cells(n=40_000, weight=3, bits=4):
    values = np.full((1, 1, n // 10, 10), weight, np.int8)
    return Linear("fc", ("input",), (1, 1, 10), StoredWeights(values, bits, np.ones(10, np.float32)), None, None)


def conductances(weight=3, **changes):
    """Conductance of many cells of one level, in levels, that of an off cell included."""
    spec = cases.variant(**changes)
    cells = cells_of(spec, many_cells(weight=weight), 10)
    return (cells.currents + cells.taken_off) / 2.0**cells.fraction_bits


OFF_LEVELS = 15 * 0.1 / 0.9  # 200 kOhm beside 20 kOhm


@pytest.mark.parametrize(("nu", "sigma"), [(0.05, 0.0), (0.05, 0.01), (0.002, 0.0)])
def test_drift_is_the_power_law(nu, sigma):
    """(t / t0)^-nu; over cells, log-normal of mean -nu ln(t / t0) and that sigma times ln(t / t0)."""
    decades = 1e4 / 20
    found = conductances(
        devices__drift_nu=nu, devices__drift_nu_sigma=sigma, devices__drift_s=1e4, devices__drift_t0_s=20
    )
    relative = np.log(found / (11 + OFF_LEVELS)) / np.log(decades)
    assert relative.mean() == pytest.approx(-nu, abs=2e-4)
    assert relative.std() == pytest.approx(sigma, abs=2e-4)


def test_exponents_are_not_below_zero():
    found = conductances(devices__drift_nu_sigma=0.1, devices__drift_s=1e4)
    assert found.max() <= 11 + OFF_LEVELS + 1 / 256
    assert (found > 11 + OFF_LEVELS - 1 / 128).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("weight", "level"), [(-8, 0), (0, 8), (7, 15)])
def test_temperature_is_a_share_a_kelvin(weight, level):
    share = 4e-3 + (-1e-3 - 4e-3) * level / 15
    warm = {"devices__temperature_on_per_k": -1e-3, "devices__temperature_off_per_k": 4e-3} | HOT
    found = conductances(weight, **warm)
    assert found == pytest.approx((level + OFF_LEVELS) * (1 + 50 * share), abs=1 / 128)
    spread = conductances(weight, **warm, devices__temperature_sigma_per_k=5e-4)
    assert spread.mean() == pytest.approx(found.mean(), abs=0.02)
    assert spread.std() == pytest.approx((level + OFF_LEVELS) * 50 * 5e-4, rel=0.03, abs=1e-3)


def test_conductance_falls_with_time_and_follows_temperature():
    times = [conductances(devices__drift_nu=0.05, devices__drift_s=t).mean() for t in (1, 10, 1e3, 1e6)]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 4
    kelvins = [
        conductances(devices__temperature_on_per_k=2e-3, technology__temperature_k=kelvin).mean()
        for kelvin in (300, 330, 360)
    ]
    assert kelvins == sorted(kelvins)
    assert len(set(kelvins)) == 3


def test_each_adc_has_one_offset_and_one_gain():
    spec = cases.variant(devices__adc_offset_lsb=0.5, devices__adc_gain_error=0.02, adc__columns_per_adc=8)
    values = np.zeros((1, 1, 64, 64), np.int8)
    layer = Linear("fc", ("input",), (1, 1, 64), StoredWeights(values, 4, np.ones(64, np.float32)), None, None)
    found = converters_of(spec, "fc", cells_of(spec, layer, 64), 2000, 8)
    for errors in found:
        of_adc = errors.reshape(2000, 8, 8)
        assert (of_adc == of_adc[:, :, :1]).all()
        assert np.unique(of_adc[:, :, 0]).size > 100
    assert found.offset.std() / 2**8 == pytest.approx(0.5, rel=0.03)
    assert found.gain.std() / 2**GAIN_BITS == pytest.approx(0.02, rel=0.03)
    assert abs(np.corrcoef(found.offset[:, ::8].ravel(), found.gain[:, ::8].ravel())[0, 1]) < 0.05


REFUSED = [
    ({"crossbar__device": "sram", "devices__row_wire_ohm": 1.0}, "devices.row_wire_ohm"),
    ({"crossbar__device": "sram", "devices__column_wire_ohm": 1.0}, "devices.column_wire_ohm"),
    ({"crossbar__device": "sram", "devices__drift_nu": 0.1}, "devices.drift_nu"),
    ({"crossbar__device": "sram", "devices__temperature_sigma_per_k": 0.01}, "devices.temperature_sigma_per_k"),
    (
        {
            "placement": "kernel_split",
            "skip": "none",
            "assumptions__conversion": "pe",
            "devices__column_wire_ohm": 1.0,
        },
        "assumptions.conversion: crossbar",
    ),
    ({"devices__drift_s": 1.0, "devices__drift_t0_s": 20.0}, "drift_s must be at least drift_t0_s = 20"),
    ({"devices__row_wire_ohm": -1.0}, "greater than or equal to 0"),
    ({"devices__temperature_on_per_k": 1.0}, "less than or equal to 0.1"),
]


@pytest.mark.parametrize(("changes", "says"), REFUSED)
def test_nonsense_is_refused(changes, says):
    base = "imc_sram" if changes.get("crossbar__device") == "sram" else "imc"
    rest = {key: value for key, value in changes.items() if key != "crossbar__device"}
    settings = [f"{key.replace('__', '.')}={value}" for key, value in rest.items()]
    if base == "imc_sram":
        with pytest.raises(ArchitectureError, match=says):
            arch.load(base, spec_type, settings)
    else:
        with pytest.raises(ValidationError, match=says):
            cases.variant(**rest)


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
def test_accuracy_falls_with_the_resistance_of_wires():
    trace = first(api.load_trace(TRACES / "mnist_dietsnn.npz"), samples=8, timesteps=1)
    some = {field: getattr(trace.inputs, field)[:100] for field in ("values", "labels", "sample_ids")}
    digits = replace(trace, inputs=replace(trace.inputs, **some))
    found = [
        Machine(cases.variant(devices__row_wire_ohm=3 * ohm, devices__column_wire_ohm=ohm))
        .functional(digits)
        .notes["accuracy of this hardware"]
        for ohm in (0.0, 0.5, 20.0)
    ]
    assert found[0] > found[2] + 0.1
    assert found[0] >= found[1] - 0.05
