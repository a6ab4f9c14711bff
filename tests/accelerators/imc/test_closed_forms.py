"""With contention, skipping and exit off, the imc machine equals the closed forms of its design exactly."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from accelerators.imc import cases
from numba import config

from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.engine import simpy_engine
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Add, Conv2d, Flatten, Linear
from hwsim.traces.network.standard import network_of
from hwsim.traces.slicing import first

GEOMETRIES = ["vgg9-cifar", "resnet20-cifar", "mlp:784-800-10"]
MACHINES = {
    "shipped": {},
    "split": {"placement": "kernel_split", "crossbar__cell_bits": 3},
    "differential": {"signs__encoding": "differential", "crossbar__cell_bits": 2, "crossbar__columns": 50},
    "reference": {"signs__correction": "reference_column", "crossbar__rows": 128, "rows_per_read": 48, "dac__bits": 3},
}
PLAYED = GEOMETRIES[-1:] if config.DISABLE_JIT else GEOMETRIES  # whole pictures take minutes without the compiler


def reads_per_timestep(spec, network, layer):
    """docs/machines/imc.md: rows * columns * Hout * Wout * ceil(input_bits / dac_bits) * ceil(rows / rows_per_read)."""
    size, columns = spec.crossbar.rows, spec.crossbar.columns
    height, width, channels_out = layer.shape
    channels_in = network[layer.inputs[0]].shape[2]
    kernel = layer.window.kernel[0] if isinstance(layer, Conv2d) else 1
    im2col = ceil(channels_in * kernel * kernel / size)
    rows = im2col if spec.placement == "im2col" else kernel * kernel * ceil(channels_in / size)
    per_weight = ceil(layer.weights.bits / spec.crossbar.cell_bits)
    per_weight *= 2 if spec.signs.encoding == "differential" else 1
    reference = int(spec.signs.encoding == "offset" and spec.signs.correction == "reference_column")
    blocks = ceil(channels_out / ((columns - reference) // per_weight))
    bits = network.max_value(layer.inputs[0]).bit_length()
    return rows * blocks * height * width * ceil(bits / spec.dac.bits) * ceil(size / spec.rows_at_once)


def placed_reads(placed):
    height, width, _ = placed.out_shape
    return placed.row_blocks * placed.column_blocks * height * width * placed.digits * placed.phases


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_placement_follows_the_closed_form_of_reads(geometry, machine):
    spec, network = cases.variant(**MACHINES[machine]), network_of(geometry, seed=0)
    placed = place(spec, network).layers
    for layer in network:
        if isinstance(layer, Conv2d | Linear):
            assert placed_reads(placed[layer.name]) == reads_per_timestep(spec, network, layer)


@pytest.mark.parametrize("machine", ["shipped", "reference"])
@pytest.mark.parametrize("geometry", PLAYED)
def test_without_skipping_the_reads_posted_are_the_closed_form_at_every_timestep(geometry, machine):
    spec = cases.variant(**MACHINES[machine], skip="none", pipelining="none", read_energy="mean")
    trace = synthesize(geometry, timesteps=1, samples=1, rate=0.1)
    counts = cases.posted(Machine(spec).lower(trace), run="static")
    for layer in trace.network:
        if isinstance(layer, Conv2d | Linear):
            reads = counts[layer.name, "crossbar", "read"]
            assert (reads == reads_per_timestep(spec, trace.network, layer)).all()


def one_after_another(spec, trace):
    """Cycles of one inference when each step waits for all of what it reads and a timestep for the one before."""
    (batch,) = Machine(spec).lower(trace).batches
    (schedule,) = batch.schedules["static"]
    stages, network, end = {stage.name: stage for stage in schedule.stages}, trace.network, 0
    for t in range(trace.timesteps):
        ends = {}

        def last_of(stage, start, t=t):
            mine = stage.timestep == t
            latency = np.broadcast_to(stage.latency, stage.service.shape)[mine]
            assert (latency == latency[0]).all()
            return start + int(stage.service[mine].sum()) + int(latency[0])

        for layer in network:
            start = max((ends[name] for name in layer.inputs), default=end)
            if isinstance(layer, Flatten):
                ends[layer.name] = start
                continue
            done = last_of(stages[layer.name], start)
            ends[layer.name] = done
            if not isinstance(layer, Add) and getattr(layer, "neuron", None) is not None:
                ends[layer.name] = last_of(stages[f"{layer.name}.neuron"], done)
        end = ends[network.output.name]
    return end, schedule


@pytest.mark.parametrize("network", [cases.chain, cases.convolutions, cases.residuals, cases.flattened_input])
@pytest.mark.parametrize("skip", ["none", "silent_rows"])
def test_without_pipelining_latency_is_the_sum_over_steps_and_timesteps(network, skip):
    spec = cases.small(mesh="ideal", pipelining="none", skip=skip)
    end, schedule = one_after_another(spec, cases.random_trace(network(), samples=1))
    timeline = simpy_engine.run(schedule)
    assert timeline.makespan_cycles == end
    assert int(timeline.done[schedule.answer[0]][schedule.answer[1][0]]) == end


def test_without_branches_that_sum_is_all_service_and_one_latency_a_step_and_timestep():
    spec = cases.small(mesh="ideal", pipelining="none")
    end, schedule = one_after_another(spec, cases.random_trace(cases.chain(), timesteps=3, samples=1))
    latencies = sum(int(np.unique(stage.latencies)[0]) for stage in schedule.stages)
    assert end == sum(int(stage.service.sum()) for stage in schedule.stages) + 3 * latencies


@pytest.mark.parametrize("skip", ["none", "silent_rows"])
@pytest.mark.parametrize("network", [cases.convolutions, cases.residuals])
def test_a_steady_trace_costs_exactly_in_proportion_to_timesteps(network, skip):
    spec = cases.small(mesh="ideal", pipelining="none", skip=skip)
    trace = cases.random_trace(network(), timesteps=4, steady=True)
    one, four = (cases.priced(spec, first(trace, timesteps=n))["static"] for n in (1, 4))
    for key, counts in one.counts.items():
        np.testing.assert_array_equal(four.counts[key].sum(axis=1), 4 * counts.sum(axis=1), err_msg=str(key))
    np.testing.assert_array_equal(four.tally.latency_cycles, 4 * one.tally.latency_cycles)
    np.testing.assert_array_equal(four.tally.step_end_cycles, one.tally.step_end_cycles * [1, 2, 3, 4])
    np.testing.assert_allclose(four.totals["value"], one.totals["value"] * [1, 2, 3, 4], rtol=1e-12)


@pytest.mark.parametrize("direct_input", ["once", "digital"])
@pytest.mark.parametrize("network", [cases.convolutions, cases.residuals, cases.flattened_input])
def test_an_input_multiplied_once_leaves_a_plus_b_times_timesteps(network, direct_input):
    wide = {"first_layer_mac__weight_bits": 5}
    spec = cases.small(mesh="ideal", pipelining="none", direct_input=direct_input, **wide)
    trace = cases.random_trace(network(), timesteps=4, steady=True)
    runs = [cases.priced(spec, first(trace, timesteps=n))["static"] for n in (1, 2, 3, 4)]
    by_steps = {key: np.array([run.counts[key].sum() for run in runs]) for key in runs[0].counts}
    by_steps["latency"] = np.array([run.tally.latency_cycles.sum() for run in runs])
    for key, counts in by_steps.items():
        assert (np.diff(counts, n=2) == 0).all(), key
    energy = np.array([run.totals["value"][:, -1].mean() for run in runs])
    np.testing.assert_allclose(np.diff(energy, n=2), 0, atol=1e-9 * energy[0])
    assert energy[0] > 1.01 * (energy[1] - energy[0])  # the first timestep also pays the input


def test_dynamic_energy_is_the_sum_of_the_timesteps_energies():
    spec = cases.small(skip="silent_rows")
    trace = cases.random_trace(cases.residuals(), timesteps=4)
    whole = cases.priced(spec, trace)["static"].energies("value", clock=False)
    for n in (1, 2, 3):
        shorter = cases.priced(spec, first(trace, timesteps=n))["static"].energies("value", clock=False)
        np.testing.assert_allclose(shorter, whole[:, :n], rtol=1e-13)


def test_a_silent_trace_reads_and_converts_nothing_when_silence_is_skipped():
    spec = cases.small(skip="silent_rows")
    counts = cases.posted(Machine(spec).lower(cases.random_trace(cases.convolutions(), rate=cases.SILENT)))
    for (layer, component, action), n in counts.items():
        if component in Machine.arithmetic:
            assert not n.any(), (layer, component, action)
    assert counts["conv1", "silence_detector", "detect"].any()
    assert counts["conv1", "neuron", "update"].any()


def test_exit_never_is_all_timesteps_and_exit_always_is_one():
    trace = cases.random_trace(cases.chain(), timesteps=4, samples=3)
    never = cases.report(cases.small(early_exit__threshold="never"), trace)
    always = cases.report(cases.small(early_exit__threshold="always"), trace)
    single = cases.report(cases.small(early_exit__threshold="never"), first(trace, timesteps=1))
    assert [run.name for run in never.runs] == ["static"]
    assert never.run("static").timesteps.value == 4
    assert never.run("static").samples.timesteps == [4, 4, 4]
    assert always.runs == single.runs


@pytest.mark.parametrize("metric", ["entropy", "confidence"])
def test_a_confident_trace_leaves_after_one_timestep(metric):
    trace = cases.random_trace(cases.chain(), timesteps=4, samples=3)
    trace = cases.with_logits(trace, np.tile([900, -900, 0, 10], (3, 4, 1)))
    spec = cases.small(early_exit__threshold=0.5, early_exit__metric=metric)
    found = cases.report(spec, trace)
    assert found.early_exit.histogram == [3, 0, 0, 0]
    assert found.run("early exit").timesteps.value == 1
    static = cases.report(cases.small(), first(trace, timesteps=1)).run("static")
    # The same work and then the decision: 2 cycles a class of 4 classes and 6 at the end, at 4 ns.
    assert found.run("early exit").latency_ns.value == static.latency_ns.value + 4.0 * (2 * 4 + 6)
    decided = sum(row.energy_pj for row in found.run("early exit").rows if row.component == "sigma_e" and row.layer)
    assert found.run("early exit").dynamic_pj.value == pytest.approx(static.dynamic_pj.value + decided, rel=1e-12)


@pytest.mark.parametrize("threshold", [0.001, 0.5, 1.0])
def test_equal_logits_never_leave(threshold):
    trace = cases.with_logits(cases.random_trace(cases.chain(), timesteps=3), np.zeros((2, 3, 4)))
    found = cases.report(cases.small(early_exit__threshold=threshold), trace)
    assert found.early_exit.histogram == [0, 0, 2]
