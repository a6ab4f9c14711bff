"""The row pipeline of the imc machine: no deadlock, bounded buffers, data before use, and what it gains."""

from __future__ import annotations

import random

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.reference import is_stored, maps_of, window_rows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks

from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.pipeline import Options, build
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage
from hwsim.engine.timeline import stalls
from hwsim.traces.network.layers import Conv2d, Input, Linear


def branched(seed, size=8):
    """Residual blocks of different depths, strides, kernels and shortcuts, some inside others."""
    rng = random.Random(seed)
    sketch = Sketch((rng.randint(3, size), rng.randint(1, 3), 1), bits=1, seed=0)
    sketch.conv(2, kernel=1, padding=0)
    for _ in range(rng.randint(1, 3)):
        _block(rng, sketch, rng.randint(1, 2), depth=2)
    if rng.randint(0, 1):
        sketch.pool("avg", kernel=min(sketch.last.shape[:2]), stride=1)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    return sketch.network()


def _block(rng, sketch, stride, depth):
    name = sketch.last.name
    paths = [_path(rng, sketch, name, stride, rng.randint(1, 3), depth)]
    if stride == 1 and rng.randint(0, 1):
        paths.append(name)
    else:
        paths.append(_path(rng, sketch, name, stride, rng.randint(1, 2), depth))
    rng.shuffle(paths)
    sketch.sum(paths, [1, 1], neuron=True)


def _path(rng, sketch, source, stride, layers, depth):
    """Convolutions that keep the size but for a first stride; the last gives currents or spikes."""
    for index in range(layers):
        last, kernel = index == layers - 1, rng.choice([1, 3, 5])
        fires = not last or rng.randint(0, 1)
        source = sketch.conv(
            2, kernel, stride if index == 0 else 1, kernel // 2, source=source, neuron=True if fires else None
        )
        if depth and not last and rng.randint(0, 3) == 0:
            _block(rng, sketch, 1, depth - 1)
            source = sketch.last.name
    return source


def timed(seed, network, **choices):
    """A pipeline with random service and, as on the machine, one latency a step: (pipeline, schedule)."""
    rng = np.random.default_rng(seed)
    options = {
        "row_pipelining": True,
        "layer_outer": bool(rng.integers(2)),
        "slack_rows": int(rng.integers(0, 4)),
        "gated": False,
    } | choices
    pipeline = build(network, int(rng.integers(1, 4)), Options(**options))
    busiest, slowest = rng.choice([1, 5, 40]), rng.choice([0, 3, 30])
    return pipeline, schedule_of(pipeline, lambda n: (rng.integers(0, busiest, n), int(rng.integers(0, slowest + 1))))


def schedule_of(pipeline, durations):
    stages = []
    for step in pipeline.steps:
        timestep = pipeline.order.grid(step.rows)[0].astype(np.int32)
        service, latency = durations(timestep.size)
        waits = pipeline.waits[step.name]
        stages.append(
            Stage(step.name, step.layer.name, service, latency, waits, sample=0 * timestep, timestep=timestep)
        )
    return Schedule(tuple(stages), {}, (pipeline.answer, np.array([stages[-1].n_jobs - 1])))


def reads(network):
    """Who reads what: (producer and consumer stage, rows of the producer that each consumer row needs, steps late)."""

    def gives(name):
        layer = network[name]
        weighted = isinstance(layer, Conv2d | Linear)
        return f"{name}.neuron" if weighted and layer.neuron is not None else name

    for layer in network:
        if isinstance(layer, Input) or not is_stored(layer):
            continue
        for seen in (seen for source in set(layer.inputs) for seen in maps_of(network, source)):
            needs = [sorted(seen.rows(window_rows(network, layer, y))) for y in range(layer.shape[0])]
            yield gives(seen.name), layer.name, needs, int(getattr(layer, "delayed", False))
        if gives(layer.name) != layer.name:
            yield layer.name, gives(layer.name), [range(y, y + 1) for y in range(layer.shape[0])], 0


def jobs_of(schedule):
    """Job of every (timestep, row), by stage."""
    return {
        stage.name: [np.flatnonzero(stage.timestep == t) for t in range(stage.timestep.max() + 1)]
        for stage in schedule.stages
    }


def assert_rows_are_there_before_they_are_used(network, schedule, timeline):
    jobs = jobs_of(schedule)
    for producer, consumer, needs, late in reads(network):
        for made, used in zip(jobs[producer], jobs[consumer][late:], strict=False):
            for y, rows in enumerate(needs):
                ready = timeline.done[producer][made[list(rows)]].max(initial=0)
                assert timeline.start[consumer][used[y]] >= ready, (producer, consumer, y)


def assert_buffers_hold(network, pipeline, schedule, timeline):
    """A row takes its place when its job starts, and leaves it when the last job that needs it is free or none does."""
    jobs = jobs_of(schedule)
    for producer, consumer, needs, late in reads(network):
        events = []
        nobody = [np.full(len(needs), -1)] * late
        for made, used in zip(jobs[producer], [*jobs[consumer][late:], *nobody], strict=True):
            for row, job in enumerate(made):
                readers = [used[y] for y, rows in enumerate(needs) if row in rows and used[y] >= 0]
                left = timeline.free[consumer][readers].max() if readers else timeline.free[producer][job]
                events += [(timeline.start[producer][job], 1), (left, -1)]
        held = np.cumsum([change for _, change in sorted(events)])
        assert held.max() <= pipeline.buffer_rows[producer], (producer, consumer)


@pytest.mark.parametrize("seed", range(60))
def test_pipelines_with_branches_finish_use_rows_in_time_and_keep_to_their_buffers(seed):
    network = branched(seed)
    pipeline, schedule = timed(seed, network, row_pipelining=seed % 5 > 0)
    timeline = simpy_engine.run(schedule)  # raises ModelError naming the cycle on a deadlock
    assert_rows_are_there_before_they_are_used(network, schedule, timeline)
    assert_buffers_hold(network, pipeline, schedule, timeline)


@settings(max_examples=30, phases=[Phase.generate])  # what is found is small, and shrinking it takes minutes
@given(networks(), st.integers(0, 999))
def test_so_do_pipelines_of_any_valid_network(network, seed):
    pipeline, schedule = timed(seed, network)
    timeline = simpy_engine.run(schedule)
    assert_rows_are_there_before_they_are_used(network, schedule, timeline)
    assert_buffers_hold(network, pipeline, schedule, timeline)


@settings(max_examples=40, phases=[Phase.generate])
@given(networks(recurrent=True), st.integers(0, 999), st.booleans())
def test_so_do_pipelines_that_read_the_timestep_before(network, seed, row_pipelining):
    pipeline, schedule = timed(seed, network, row_pipelining=row_pipelining, layer_outer=False)
    timeline = simpy_engine.run(schedule)
    assert_rows_are_there_before_they_are_used(network, schedule, timeline)
    assert_buffers_hold(network, pipeline, schedule, timeline)
    assert all(np.array_equal(compiled_engine.run(schedule).done[name], done) for name, done in timeline.done.items())


@pytest.mark.parametrize("seed", range(10))
def test_a_gated_timestep_starts_when_the_decision_before_it_is_done(seed):
    network = branched(seed)
    pipeline, schedule = timed(seed, network, layer_outer=False, gated=True)
    timeline = simpy_engine.run(schedule)
    decided = timeline.done["sigma_e"]
    for stage in schedule.stages:
        for t in range(1, len(decided)):
            assert timeline.start[stage.name][stage.timestep == t].min() >= decided[t - 1]
    assert timeline.makespan_cycles == decided[-1]
    answer, ends = pipeline.answer, pipeline.ends
    assert timeline.done[answer][ends].tolist() == decided.tolist()


NETWORKS = [cases.chain, *cases.WINDOWS, cases.flattened_input, cases.arranged]


def played(trace, **changes):
    (batch,) = Machine(cases.small(**changes)).lower(trace).batches
    schedule = batch.schedules["static"][0]
    return schedule, simpy_engine.run(schedule)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("loop_order", ["timestep_outer", "layer_outer"])
def test_row_pipelining_is_never_slower_than_one_layer_after_another(network, rate, loop_order):
    trace = cases.random_trace(network(), timesteps=2, samples=1, rate=rate)
    for skip in ("none", "silent_rows"):
        rows, none = (
            played(trace, mesh="ideal", pipelining=pipelining, skip=skip, loop_order=loop_order, buffer_slack_rows=1)[1]
            for pipelining in ("rows", "none")
        )
        assert rows.makespan_cycles <= none.makespan_cycles


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("loop_order", ["timestep_outer", "layer_outer"])
@pytest.mark.parametrize("mesh", ["links", "ideal"])
def test_the_machines_own_schedules_use_rows_in_time(network, loop_order, mesh):
    trace = cases.random_trace(network(), timesteps=2, samples=1)
    schedule, timeline = played(trace, loop_order=loop_order, mesh=mesh)
    assert_rows_are_there_before_they_are_used(trace.network, schedule, timeline)
    for name, cycles in stalls(schedule, timeline).items():
        assert mesh == "links" or cycles.arbitrating == 0, name
        assert cycles.idle >= 0, name


def test_more_slack_never_slows_a_pipeline_down():
    """Space only lets jobs start earlier: without shared units a max-plus system is monotone in its waits."""
    trace = cases.random_trace(cases.residuals(), timesteps=2, samples=1)
    times = [played(trace, mesh="ideal", buffer_slack_rows=slack)[1].makespan_cycles for slack in (1, 2, 3, 8)]
    assert times == sorted(times, reverse=True)


def test_a_sum_that_reads_a_flattened_picture_waits_for_its_last_row():
    """Found wrong once: it started when the first row was there."""
    sketch = Sketch((4, 1, 1), bits=1)
    sketch.conv(2)
    flat = sketch.flatten()
    again = sketch.linear(8)
    sketch.sum([flat, again], [1, 1], neuron=True)
    sketch.linear(2, neuron=None)
    pipeline = build(sketch.network(), 2, Options(row_pipelining=True, layer_outer=False, slack_rows=1, gated=False))
    needs = {wait.stage: wait.needs.tolist() for wait in pipeline.waits["add4"] if wait.event == "done"}
    assert needs == {"conv1.neuron": [3, 7], "fc3.neuron": [0, 1]}
