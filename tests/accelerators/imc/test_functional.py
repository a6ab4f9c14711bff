"""The functional mode with ideal cells: exact where the converters lose nothing, and what it makes of a trace."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, live_trace, lossless, named
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from numba import config
from traces.direct.networks import networks, small_network, trace_of

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.adc_range import lossless_adc_bits
from hwsim.accelerators.imc.functional.layer import CrossbarLayer
from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.cli import main
from hwsim.errors import ArchitectureError, UsageError
from hwsim.traces import write_trace
from hwsim.traces.direct.golden import execute

TRACES = Path(__file__).resolve().parents[3] / "traces"
OPTIONS = {
    "placement": ("im2col", "kernel_split"),
    "dac__bits": (1, 2, 3),
    "rows_per_read": (8, 3, 1),
    "direct_input": ("every_step", "once", "digital"),
    "crossbar__cell_bits": (1, 2, 4),
}
NETWORKS = (*cases.WINDOWS, cases.flattened_input, cases.binary, cases.arranged, small_network)


def assert_same(trace, changed, samples=slice(None)):
    """Spikes and logits of two traces, bit for bit; the second may have logits of fewer samples."""
    for name, packed in trace.spikes.items():
        found = changed.spikes[name].arrays()
        assert all((words == found[field]).all() for field, words in packed.arrays().items()), name
    assert changed.logits
    for name, logits in changed.logits.items():
        known = {int(sample): row for row, sample in enumerate(trace.logits[name].sample_ids)}
        rows = [known[int(sample)] for sample in logits.sample_ids]
        assert (trace.logits[name].values[rows] == logits.values).all(), name
        assert (trace.logits[name].labels[rows] == logits.labels).all()


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize("network", NETWORKS)
def test_ideal_cells_and_enough_bits_give_the_golden_network_bit_for_bit(network, signs):
    trace = live_trace(network, samples=2, timesteps=2, extra=1)
    pairs = itertools.zip_longest(*OPTIONS.values())
    first = {key: values[0] for key, values in OPTIONS.items()}
    for chosen in pairs:
        options = first | {k: v for k, v in zip(OPTIONS, chosen, strict=True) if v is not None}
        run = Machine(lossless(**signs, **options)).functional(trace)
        assert_same(trace, run.trace)
        assert run.notes["conversions clipped"] == 0


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize("rows", [64, 150])
def test_rows_of_a_read_fill_words_wherever_they_come_from(signs, rows):
    """Blocks of 40 and 70 channels; sums of many positions, which are looked up, are those of a few, which are not."""
    trace = live_trace(cases.wide, samples=8)
    spec = lossless(**signs, crossbar__rows=rows, rows_per_read=rows, devices__conductance_variation=0.01)
    assert not any(layer.loses_nothing for layer in CrossbarProducts(spec, trace.network).layers.values())
    values = trace.inputs.values
    many = execute(trace.network, values, trace.timesteps, CrossbarProducts(spec, trace.network))
    for sample in range(len(values)):
        alone = execute(
            trace.network, values[sample : sample + 1], trace.timesteps, CrossbarProducts(spec, trace.network)
        )
        assert (alone.logits == many.logits[sample : sample + 1]).all()
    run = Machine(lossless(**signs, crossbar__rows=rows, rows_per_read=rows)).functional(trace)
    assert_same(trace, run.trace)


@pytest.mark.parametrize("dac_bits", [1, 2])
@pytest.mark.parametrize("network", [cases.wide, cases.convolutions])
@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_reads_that_lose_nothing_are_those_of_every_conversion_for_itself(signs, network, dac_bits, monkeypatch):
    trace, spec = live_trace(network), lossless(**signs, dac__bits=dac_bits)

    def run():
        products = CrossbarProducts(spec, trace.network)
        found = execute(trace.network, trace.inputs.values, trace.timesteps, products)
        return found, products.layers

    at_once, layers = run()
    assert all(layer.loses_nothing for layer in layers.values())
    monkeypatch.setattr(CrossbarLayer, "_loses_nothing", lambda *_: False)
    one_by_one, others = run()
    assert all(not layer.loses_nothing for layer in others.values())
    assert (at_once.logits == one_by_one.logits).all()
    assert {name: layer.counts.tolist() for name, layer in layers.items()} == {
        name: layer.counts.tolist() for name, layer in others.items()
    }


def test_a_layer_that_may_clip_is_converted_read_by_read():
    """A read drives up to 64 rows of 15 levels: 960 need ten bits."""
    trace = live_trace(cases.wide)
    for bits, whole in ((10, True), (9, False)):
        spec = api.load_architecture("imc", [f"adc.bits={bits}"]).spec
        layers = CrossbarProducts(spec, trace.network).layers
        assert any(not layer.loses_nothing for layer in layers.values()) != whole


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks())
def test_any_network_is_golden_on_ideal_crossbars(network):
    trace = trace_of(network, samples=2, timesteps=2, extra=0)
    for number, signs in enumerate(SIGNS):
        spec = lossless(**signs, dac__bits=1 + number % 3, placement=OPTIONS["placement"][number % 2])
        assert_same(trace, Machine(spec).functional(trace).trace)


@pytest.mark.parametrize("signs", (SIGNS[0], SIGNS[2], SIGNS[3]), ids=named)
def test_the_current_of_cells_that_are_off_is_subtracted_exactly_after_the_adc(signs):
    trace = live_trace(cases.convolutions, samples=2, timesteps=2, extra=0)
    for r_off in (30e3, 41.7e3, 200e3):
        spec = lossless(**signs, devices__off_current="after_adc", crossbar__r_off_ohm=r_off)
        assert_same(trace, Machine(spec).functional(trace).trace)


def test_the_current_of_cells_that_are_off_takes_bits_of_the_adc():
    assert lossless_adc_bits(cases.variant()) == 10  # 64 rows of 15 levels
    assert lossless_adc_bits(cases.variant(devices__off_current="after_adc")) == 11  # and 1.67 of each row
    pairs = {"signs__encoding": "differential", "devices__off_current": "after_adc"}
    assert lossless_adc_bits(cases.variant(**pairs, signs__subtraction="analog")) == 11  # and a sign


@pytest.mark.parametrize("rule", ["rows", 8])
def test_a_full_scale_of_all_rows_is_exact_with_enough_bits_and_never_clips_more_than_a_step(rule):
    trace = live_trace(cases.convolutions, samples=2, timesteps=2, extra=0)
    for signs in SIGNS:
        spec = lossless(**signs, devices__full_scale=rule)
        assert_same(trace, Machine(spec).functional(trace).trace)


def test_columns_of_a_pe_that_are_added_before_conversion_are_golden_too():
    options = {"placement": "kernel_split", "skip": "none", "assumptions__conversion": "pe", "adc__bits": 12}
    trace = live_trace(cases.convolutions, samples=2, timesteps=2, extra=0)
    for away in ("on_chip", "off_chip"):
        spec = cases.small(**options, assumptions__classifier=away)
        run = Machine(spec).functional(trace)
        assert_same(trace, run.trace)
        assert ("fc6" in run.notes["conversions clipped by layer"]) == (away == "on_chip")


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
@pytest.mark.parametrize("name", ["fashion_dietsnn", "mnist_dietsnn"])
def test_shipped_traces_are_golden_on_shipped_crossbars_with_ten_bits(name):
    trace = api.load_trace(TRACES / f"{name}.npz")
    run = Machine(cases.variant(adc__bits=10)).functional(trace)
    assert_same(trace, run.trace)
    assert run.trace.logits["test"].labels.size == 1000
    assert run.trace.logits["calibration"] is trace.logits["calibration"]
    assert run.notes["accuracy of this hardware"] == run.notes["accuracy of exact integers"]
    assert run.notes["accuracy, samples"] == 1000


def test_logits_are_kept_only_of_samples_that_have_raw_inputs():
    trace = live_trace(cases.chain, samples=2, timesteps=2, extra=3)
    fewer = replace(trace.inputs, values=trace.inputs.values[:3], labels=trace.inputs.labels[:3])
    fewer = replace(fewer, sample_ids=trace.inputs.sample_ids[:3])
    held_out = replace(trace.logits["test"], split="train")
    trace = replace(trace, inputs=fewer, logits={**trace.logits, "calibration": held_out})
    changed = Machine(lossless()).functional(trace).trace
    assert [changed.logits[name].labels.size for name in ("recorded", "test", "calibration")] == [2, 3, 5]
    assert changed.n_samples == 2
    assert_same(trace, changed)


def test_a_report_of_the_functional_mode_says_so():
    trace = live_trace(cases.chain, samples=2, timesteps=2, extra=3)
    report = cases.report(cases.small(adc__bits=5), trace, functional=True)
    assert report.options["functional"] is True
    assert report.notes["devices: full_scale"] == "level"
    assert 0 <= report.notes["conversions clipped"] <= 1
    assert report.accuracy_by_timestep[-1] == report.notes["accuracy of this hardware"]
    plain = cases.report(cases.small(adc__bits=5), trace)
    assert plain.options["functional"] is False
    assert not [name for name in plain.notes if "clipped" in name or "devices" in name]


def test_the_command_line_runs_it(tmp_path):
    path, written = tmp_path / "chain.npz", tmp_path / "report.json"
    write_trace(path, live_trace(cases.chain))
    command = ["simulate", "imc", str(path), "--functional", "--set", "adc.bits=10", "--json", str(written)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "accuracy here, %, n = " in result.output
    assert json.loads(written.read_text())["options"]["functional"] is True
    refused = CliRunner().invoke(main, ["simulate", "digital", str(path), "--functional"])
    assert refused.exit_code == 2
    assert refused.stderr.startswith("hwsim: --functional: ") and refused.stderr.count("\n") == 1


def test_what_cannot_be_run_is_refused_in_one_line():
    trace = live_trace(cases.chain, samples=2, timesteps=2, extra=0)
    with pytest.raises(UsageError, match=r"^functional: .*raw inputs"):
        cases.report(cases.small(), replace(trace, inputs=None), functional=True)
    for name in ("digital", "digital_compute"):
        with pytest.raises(UsageError, match=r"^functional: .*no functional mode"):
            api.simulate(api.load_architecture(name), trace, functional=True)
    near = cases.small(crossbar__r_on_ohm=199.999e3, devices__conductance_variation=0.1)
    with pytest.raises(ArchitectureError, match=r"crossbar\.r_off_ohm: .*levels"):
        cases.report(near, trace, functional=True)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("devices__stuck_on", 0.6, "stuck_on \\+ stuck_off must be at most 1"),
        ("devices__conductance_variation", 1.5, "less than or equal to 1"),
        ("devices__off_current", "after_adc", "needs the count of driven rows"),
        ("devices__full_scale", "columns", "full_scale"),
    ],
)
def test_rules_of_the_architecture(key, value, rule):
    with pytest.raises(ValueError, match=rule):
        cases.small(**{key: value}, signs__correction="reference_column", devices__stuck_off=0.5)


def test_running_in_parts_changes_nothing(monkeypatch):
    trace = live_trace(cases.convolutions, samples=5, timesteps=2, extra=2)
    spec = cases.small(devices__conductance_variation=0.2, devices__read_noise_levels=0.7, adc__bits=5)
    whole = Machine(spec).functional(trace)
    monkeypatch.setattr("hwsim.accelerators.imc.functional.run._SAMPLES_AT_ONCE", 2)
    parts = Machine(spec).functional(trace)
    assert_same(whole.trace, parts.trace)
    assert whole.notes == parts.notes
    assert np.any(whole.trace.logits["recorded"].values != trace.logits["recorded"].values)
