"""What an oracle says of a batch is what `simulate` says of the same spikes, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from oracle.flips import oracle_of

import hwsim
from hwsim.errors import UsageError
from hwsim.report.report import Report
from hwsim.traces.planes import unpack_channels
from hwsim.traces.plastic.session import Session
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[2] / "traces"
FIGURES = ("energy_pj", "dynamic_pj", "latency_ns", "edp_pj_ns")
ALL = dict.fromkeys(FIGURES, 1.0)


def shipped(name, samples=3):
    return first(hwsim.load_trace(TRACES / f"{name}.npz"), samples)


def told(report: Report, run="static"):
    (found,) = (each for each in report.runs if each.name == run)
    return {name: getattr(found, name).value for name in FIGURES}


def as_tensors(trace):
    """Spikes [timestep, sample, channel, y, x], as a training loop has them."""
    found = {}
    for name, packed in trace.spikes.items():
        bits = unpack_channels(packed.words, packed.shape[2])
        picture = bits.reshape(*bits.shape[:2], *packed.shape)
        found[name] = picture.transpose(1, 0, 4, 2, 3).astype(np.float32)
    return found


@pytest.mark.parametrize("design", ["imc", "digital"])
@pytest.mark.parametrize("name", ["fashion_dietsnn", "events_digits"])
def test_spikes_of_timesteps(design, name):
    trace = shipped(name)
    inputs = np.moveaxis(trace.inputs.values[:3], -1, -3)
    if trace.network.input.over_time:
        inputs = inputs.swapaxes(0, 1)
    oracle = hwsim.Oracle(design, trace, objective=ALL)
    cost = oracle(as_tensors(trace), inputs)
    report = hwsim.simulate(design, trace, accuracy_samples=0)
    assert cost.means == told(report)
    assert cost.exact
    assert cost.value == sum(cost.means.values())
    samples = next(run.samples for run in report.runs if run.name == "static")
    assert cost.per_sample["energy_pj"].tolist() == [each[-1] for each in samples.energy_pj]
    assert cost.per_sample["latency_ns"].tolist() == [each[-1] for each in samples.latency_ns]


def test_first_spikes_on_ttfs():
    trace = shipped("mnist_ttfs")
    times = {name: np.moveaxis(each, -1, 1) for name, each in trace.times.items()}
    oracle = hwsim.Oracle("ttfs", trace, objective=ALL)
    assert oracle(times, np.moveaxis(trace.inputs.values[:3], -1, 1)).means == told(hwsim.simulate("ttfs", trace))


def test_sequences_on_lstm():
    trace = shipped("har_lstm")
    spikes = {}
    for name, each in trace.spikes.items():
        fired, *negative = (unpack_channels(each.words[:, :, :, p], each.n_units) for p in range(each.words.shape[3]))
        spikes[name] = fired.astype(np.int8) - 2 * negative[0].astype(np.int8) if negative else fired
    assert hwsim.Oracle("lstm", trace, objective=ALL)(spikes).means == told(hwsim.simulate("lstm", trace))


def test_presentations_on_stdp():
    trace = shipped("mnist_stdp", 2)
    cost = hwsim.Oracle("stdp", trace, objective=ALL)(trace.parts["train"])
    assert cost.means == told(hwsim.simulate("stdp", trace, session=Session("train")), "train")


@pytest.mark.parametrize("network", [*digital.NETWORKS])
def test_drawn_networks(network):
    """Of other spikes than those that the oracle was made from."""
    made, other = (cases.random_trace(network(), samples=n, seed=n) for n in (1, 3))
    for spec in (cases.small(), digital.variant()):
        cost = oracle_of(spec, made, ALL)(other.spikes, other.inputs)
        design = replace(hwsim.load_architecture(spec.machine), spec=spec)
        assert cost.means == told(hwsim.simulate(design, other, accuracy_samples=0))


def test_a_list_with_one_a_timestep_is_the_same_and_so_are_samples_first():
    trace = shipped("fashion_dietsnn", 2)
    whole = as_tensors(trace)
    oracle = hwsim.Oracle("digital", trace, objective=ALL)
    wanted = oracle(whole)
    assert oracle({name: list(each) for name, each in whole.items()}).means == wanted.means
    turned = hwsim.Oracle("digital", trace, objective=ALL, axes="sample, time")
    assert turned({name: each.swapaxes(0, 1) for name, each in whole.items()}).means == wanted.means
    flags = {name: each.astype(bool) for name, each in whole.items()}
    assert oracle(flags).means == wanted.means


def test_a_design_can_be_changed_and_an_objective_be_a_sum():
    trace = shipped("fashion_dietsnn", 2)
    oracle = hwsim.Oracle("digital", trace, objective={"latency_ns": 2.0, "area_mm2": 3.0}, set={"array.rows": 4})
    report = hwsim.simulate("digital", trace, set={"array.rows": 4}, accuracy_samples=0)
    cost = oracle(trace.spikes)
    wanted = 2 * report.runs[0].latency_ns.value + 3 * report.area_mm2.value
    assert cost.value == pytest.approx(wanted, rel=1e-15)
    assert cost.values.mean() == pytest.approx(wanted, rel=1e-12)


def test_memory_is_what_a_report_says_is_used():
    trace = shipped("fashion_dietsnn", 1)
    report = hwsim.simulate("digital", trace, accuracy_samples=0)
    used = sum(row.used_bits for row in report.storage) / 8192
    assert hwsim.Oracle("digital", trace, objective="memory_kib")(trace.spikes).value == used


def test_samples_that_leave_early_do_so_as_those_of_the_larger_set():
    trace = shipped("fashion_dietsnn", 4)
    oracle = hwsim.Oracle("imc", trace, objective=ALL, run="early exit")
    cost = oracle(trace.spikes, np.moveaxis(trace.inputs.values, -1, 1)[:4])
    assert cost.means == told(hwsim.simulate("imc", trace, accuracy_samples=0), "early exit")


def test_costs_without_raw_inputs_are_an_expectation_where_these_matter():
    trace = shipped("fashion_dietsnn", 2)
    assert hwsim.Oracle("digital", trace)(trace.spikes).exact
    found = hwsim.Oracle(cases.PLAIN, trace)(trace.spikes)
    assert not found.exact
    assert "stood in" in found.note


def test_numbers_of_spikes_give_an_expectation():
    """Of energy in proportion to spikes, borders apart, which a layer that is fully connected has not."""
    trace = shipped("fashion_dietsnn", 2)
    oracle = hwsim.Oracle("digital", trace, objective="dynamic_pj")
    silent = {name: np.zeros(4) for name in trace.spikes}
    some = {**silent, "fc1": np.array([10, 0, 4, 0.5])}
    nothing, found = oracle.expected(silent), oracle.expected(some, draws=64)
    assert not found.exact
    assert "expectation" in found.note
    _, slopes = oracle.slopes(trace.spikes)
    wanted = float(np.unique(slopes["fc1"]).item()) * 14.5
    assert found.value - nothing.value == pytest.approx(wanted, rel=0.02)


def test_an_equation_without_time_has_no_latency():
    trace = shipped("fashion_dietsnn", 1)
    with pytest.raises(UsageError, match="no time: use dynamic_pj"):
        hwsim.Oracle("digital_compute", trace, objective="latency_ns")
    assert hwsim.Oracle("digital_compute", trace, objective="dynamic_pj")(trace.spikes).value > 0
