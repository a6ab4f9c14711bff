"""Samples that follow each other through the pipeline: rates, buffers and kept currents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.imc import cases

from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.layout import Layout
from hwsim.accelerators.imc.plan.streams import stream_waits
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.engine import run as run_engine
from hwsim.errors import ArchitectureError
from hwsim.run.play import play
from hwsim.traces.trace import Inputs, PackedSpikes

BOTH = (RunName.STATIC, RunName.STREAMED)
DESIGNS = (
    {},
    {"mesh": "ideal"},
    {"loop_order": "layer_outer"},
    {"pipelining": "none"},
    {"pipelining": "none", "loop_order": "layer_outer"},
    {"direct_input": "once"},
    {"buffer_slack_rows": 1},
)
NETWORKS = (cases.chain, cases.convolutions, cases.residuals, cases.arranged)


def alike(trace, n):
    """The first sample, so many times."""
    spikes = {name: PackedSpikes(np.repeat(p.words[:1], n, axis=0), p.shape) for name, p in trace.spikes.items()}
    inputs = Inputs(np.repeat(trace.inputs.values[:1], n, axis=0), np.zeros(n, np.int64), np.arange(n))
    return replace(trace, spikes=spikes, inputs=inputs, logits={})


def tallies(spec, trace):
    workload = Machine(spec).lower(trace)
    return play(replace(workload, runs=BOTH), "compiled")


def per_sample(spec, trace):
    """Cycles that one more sample adds to a long stream of the same ones, and what the busiest part does for one."""
    ends = [int(tallies(spec, alike(trace, n))[RunName.STREAMED].makespan_cycles.sum()) for n in (12, 20)]
    static, loads = tallies(spec, alike(trace, 1))[RunName.STATIC], {}
    for stage, busy in static.busy_cycles.items():
        unit, slots = static.unit_of[stage]
        loads[unit] = loads.get(unit, 0) + int(busy.sum()) / slots
    return (ends[1] - ends[0]) / 8, max(loads.values()), int(static.makespan_cycles[0])


@pytest.mark.parametrize("timesteps", [1, 3])
@pytest.mark.parametrize("changes", [{}, {"mesh": "ideal"}, {"loop_order": "layer_outer"}, {"buffer_slack_rows": 9}])
@pytest.mark.parametrize("make", [cases.chain, cases.convolutions, cases.residuals])
def test_in_the_limit_samples_come_as_fast_as_the_busiest_part_lets_them(make, changes, timesteps):
    added, busiest, _ = per_sample(cases.small(**changes), cases.random_trace(make(), timesteps, 1))
    assert added == busiest


def test_where_timesteps_enter_one_by_one_samples_do_too():
    added, busiest, alone = per_sample(cases.small(pipelining="none"), cases.random_trace(cases.chain(), 3, 1))
    assert added == alone > busiest


def test_kept_currents_hold_the_next_sample_back():
    """Of a first layer that takes most of the time the next sample cannot begin before the last timestep has read."""
    trace = cases.random_trace(cases.chain(), 3, 1)
    added, busiest, alone = per_sample(cases.small(direct_input="once"), trace)
    assert busiest < added < alone


def streamed(spec, trace):
    """The joined schedule of a trace with its timeline, and the plan of one sample."""
    workload = Machine(spec).lower(trace)
    schedule = joined([batch.runs[RunName.STATIC].schedules for batch in workload.batches], workload.stream)
    plan = Layout.of(spec, trace.network, trace.timesteps, workload.runs).plans[RunName.STATIC]
    return schedule, run_engine(schedule, "compiled"), plan


@pytest.mark.parametrize("timesteps", [1, 3])
@pytest.mark.parametrize("changes", DESIGNS)
@pytest.mark.parametrize("make", NETWORKS)
def test_no_buffer_ever_holds_more_rows_than_it_has_room_for(make, changes, timesteps):
    samples, spec = 4, cases.small(**changes)
    _, timeline, plan = streamed(spec, cases.random_trace(make(), timesteps, samples))
    full = 0
    for buffer in plan.pipeline.edges:
        edge = buffer.edge
        starts = timeline.start[edge.producer]
        frees = timeline.free[edge.consumer].reshape(samples, -1)
        rows = starts.size // samples
        gone = np.empty((samples, rows), np.int64)
        for row in range(rows):
            readers = [job for job in range(edge.low.size) if edge.low[job] <= row]
            last = max((job for job in readers if (edge.low[job:] <= row).any()), default=0)
            gone[:, row] = frees[:, last]
        gone = np.maximum.accumulate(gone.reshape(-1))
        for time in np.unique(starts):
            held = int(((starts <= time) & (gone > time)).sum())
            assert held <= buffer.rows, (edge.producer, edge.consumer, time)
            full += held == buffer.rows
    assert full or spec.pipelining == "none"  # somewhere a buffer is full, so that the bound means something


@pytest.mark.parametrize("loop_order", ["timestep_outer", "layer_outer"])
def test_currents_that_are_kept_are_read_at_every_timestep_before_they_are_made_anew(loop_order):
    samples, timesteps = 3, 4
    spec = cases.small(direct_input="once", loop_order=loop_order)
    trace = cases.random_trace(cases.flattened_input(), timesteps, samples)
    _, timeline, plan = streamed(spec, trace)
    first = next(step for step in plan.pipeline.steps if step.kind == "crossbar")
    order = plan.pipeline.order
    rows = np.arange(first.rows)
    made = order.index(np.zeros_like(rows), rows, first.rows)
    read = order.index(np.full_like(rows, timesteps - 1), rows, first.rows)
    starts = timeline.start[first.name].reshape(samples, -1)[1:, made]
    frees = timeline.free[f"{first.name}.neuron"].reshape(samples, -1)[:-1, read]
    assert (starts >= frees).all()


def test_a_buffer_too_small_for_two_samples_at_a_join_is_refused_with_what_is_enough():
    """Found on no network of the tests: so the buffer is made small by hand."""
    spec = cases.small()
    workload = Machine(spec).lower(cases.random_trace(cases.residuals(), 3, 2))
    plan = Layout.of(spec, cases.residuals(), 3, workload.runs).plans[RunName.STATIC]
    wide = max(plan.pipeline.edges, key=lambda buffer: buffer.rows)
    edges = tuple(replace(buffer, rows=1) if buffer is wide else buffer for buffer in plan.pipeline.edges)
    with pytest.raises(ArchitectureError, match=r"^buffer_slack_rows: in a stream .* buffer_slack_rows=\d+ is enough$"):
        stream_waits(replace(plan, pipeline=replace(plan.pipeline, edges=edges)), 2)
