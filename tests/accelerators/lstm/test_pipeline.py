"""When the steps of a spiking LSTM run: closed forms, the wavefront recurrence, and what slows it under which name."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from accelerators.lstm.reference import Step as StepOf
from accelerators.lstm.reference import (
    design,
    found_ends,
    in_a_row,
    machine_of,
    step_cycles,
    tally,
    timelines,
    wavefront,
)
from traces.sequence.networks import network_of, trace_of, with_random_spikes

from hwsim import api
from hwsim.engine.timeline import stalls

NEVER_FULL = "cells.queue_elements=64"


def lively(hidden=(6,), elements=7, timesteps=4, samples=2, rate=0.4, **changes):
    """A trace whose steps cost differently."""
    network = network_of(hidden, elements=elements, **changes)
    return with_random_spikes(trace_of(network, timesteps=timesteps, samples=samples), rate)


def quiet(**changes):
    """A trace without spikes: with the input product at every step all steps of a layer cost the same."""
    return lively(rate=0.0, **changes)


def lowered(trace, *overrides):
    loaded = design(*overrides)
    return loaded.spec, machine_of(loaded).lower(trace)


def makespans(trace, *overrides):
    _, workload = lowered(trace, *overrides)
    return [timeline.makespan_cycles for _, timeline in timelines(workload)]


def readout_cycles(spec, trace):
    """The look at the hidden spikes of the last layer, none of which is there in a quiet trace."""
    return -(-trace.network.layers[-1].n_hidden // spec.detector.bits)


def step_of(spec, trace):
    """Cycles of one step of a quiet trace of one layer."""
    return step_cycles(spec, trace, StepOf(trace, 0), 0, 0, 0) + spec.cells.latency_cycles


@pytest.mark.parametrize(("elements", "timesteps"), [(1, 1), (1, 4), (6, 1), (7, 2), (5, 4), (3, 6)])
def test_equal_steps_take_n_plus_t_less_one_or_n_times_t(elements, timesteps):
    trace = quiet(elements=elements, timesteps=timesteps)
    for depth in (1, 3):
        options = ("input_product=every_step", f"cells.queue_elements={depth}")
        spec, _ = lowered(trace, *options)
        step, rest = step_of(spec, trace), readout_cycles(spec, trace)
        assert makespans(trace, *options) == [(elements + timesteps - 1) * step + rest] * 2
        assert makespans(trace, *options, "schedule=serial") == [elements * timesteps * step + rest] * 2


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_each_layer_more_adds_one_step_where_all_cost_the_same(layers):
    """The MAC engine reads 4 x 3 rows in as many cycles as a detector of one bit looks at 6 + 6 units."""
    trace = quiet(hidden=(6,) * layers, features=3, elements=5, timesteps=3)
    options = ("input_product=every_step", "detector.bits=1")
    spec, _ = lowered(trace, *options)
    (step,) = {step_cycles(spec, trace, StepOf(trace, 0), layer, 2, 1) for layer in range(layers)}
    step, rest = step + spec.cells.latency_cycles, readout_cycles(spec, trace)
    assert makespans(trace, *options) == [(5 + 3 - 1 + layers - 1) * step + rest] * 2
    assert makespans(trace, *options, "schedule=serial") == [5 * 3 * layers * step + rest] * 2


@pytest.mark.parametrize(("cells", "timesteps"), [(2, 4), (2, 6), (3, 6), (1, 4)])
def test_fewer_cells_than_timesteps_take_as_many_steps_an_element_more(cells, timesteps):
    """k = T / R timesteps a cell: k (N + R - 1) steps."""
    trace = quiet(elements=5, timesteps=timesteps)
    options = ("input_product=every_step", f"cells.count={cells}")
    spec, _ = lowered(trace, *options)
    k = timesteps // cells
    wanted = k * (5 + cells - 1) * step_of(spec, trace) + readout_cycles(spec, trace)
    assert makespans(trace, *options) == [wanted] * 2


@pytest.mark.no_kernel
@pytest.mark.parametrize("hidden", [(6,), (6, 5), (4, 7, 3)])
@pytest.mark.parametrize("product", ["once", "every_step"])
@pytest.mark.parametrize("cells", ["timesteps", 1, 2, 3, 9])
@pytest.mark.parametrize("depth", [1, 2, 64])
def test_real_steps_take_what_the_recurrence_says(hidden, product, cells, depth):
    trace = lively(hidden)
    options = (f"input_product={product}", f"cells.count={cells}", f"cells.queue_elements={depth}")
    spec, workload = lowered(trace, *options)
    count = trace.timesteps if cells == "timesteps" else min(cells, trace.timesteps)
    for sample, (schedule, timeline) in enumerate(timelines(workload)):
        assert found_ends(trace, schedule, timeline) == wavefront(spec, trace, sample, count, depth)


@pytest.mark.parametrize("hidden", [(6,), (6, 5)])
@pytest.mark.parametrize("over", ["last", "all"])
def test_in_a_row_real_steps_take_their_sum(hidden, over):
    trace = lively(hidden, over=over)
    spec, workload = lowered(trace, "schedule=serial")
    for sample, (schedule, timeline) in enumerate(timelines(workload)):
        assert found_ends(trace, schedule, timeline) == in_a_row(spec, trace, sample)
        last = max(timeline.done[stage.name].max() for stage in schedule.stages if stage.name != "readout")
        assert timeline.makespan_cycles > last


@pytest.mark.parametrize(
    ("flags", "words"), [({"membrane_carry": True}, "membranes run on"), ({"state_per_step": False}, "one state runs")]
)
def test_a_network_that_runs_on_is_run_in_a_row_and_the_report_says_why(flags, words):
    trace = lively(**flags)
    spec, workload = lowered(trace)
    assert words in workload.hardware.notes["serial because"]
    assert workload.hardware.notes["schedule"] == "serial"
    for sample, (schedule, timeline) in enumerate(timelines(workload)):
        assert found_ends(trace, schedule, timeline) == in_a_row(spec, trace, sample)
    report = api.simulate(design(), trace)
    assert words in report.notes["serial because"]
    assert "serial because" not in api.simulate(design(), lively()).notes


def test_leaving_after_fewer_timesteps_costs_what_a_run_of_so_many_does():
    """Void jobs must neither cost nor delay: against traces that end there, on every kind of sharing."""
    whole = lively((6, 5))
    for options in ((), ("schedule=serial",), ("weight_copies=shared",), ("gate_ports=shared",)):
        tallied = tally(lowered(whole, *options)[1])
        for timesteps in range(1, whole.timesteps + 1):
            spikes = {name: replace(s, words=s.words[:, :, :timesteps]) for name, s in whole.spikes.items()}
            logits = {name: replace(each, values=each.values[:, :timesteps]) for name, each in whole.logits.items()}
            short = replace(whole, timesteps=timesteps, spikes=spikes, logits=logits)
            alone = tally(lowered(short, *options)[1])
            np.testing.assert_array_equal(tallied.step_end_cycles[:, timesteps - 1], alone.latency_cycles)
            for key, counts in alone.counts.items():
                np.testing.assert_array_equal(tallied.counts[key][:, :timesteps].sum(axis=1), counts.sum(axis=1))


def test_where_membranes_run_on_leaving_saves_only_the_end_of_the_last_element():
    trace = lively(membrane_carry=True)
    tallied = tally(lowered(trace)[1])
    updates = next(counts for key, counts in tallied.counts.items() if key[1:] == ("operations", "membrane update"))
    a_step = 5 * 6
    elements, timesteps = trace.network.n_elements, trace.timesteps
    first = ((elements - 1) * timesteps + 1) * a_step
    assert updates.tolist() == [[first, *[a_step] * (timesteps - 1)]] * 2


def stalled(trace, account, *overrides):
    """Cycles on an account, by stage, of all samples that take all timesteps."""
    _, workload = lowered(trace, *overrides)
    total = {}
    for schedule, timeline in timelines(workload):
        for name, cycles in stalls(schedule, timeline).items():
            total[name] = total.get(name, 0) + getattr(cycles, account)
    return total


def test_a_queue_that_is_too_short_blocks_the_cell_before_it():
    trace = lively(elements=12, rate=0.5)
    assert sum(makespans(trace, "cells.queue_elements=1")) > sum(makespans(trace, NEVER_FULL))
    blocked = stalled(trace, "blocked", "cells.queue_elements=1")
    assert blocked["lstm1.cell0.detect"] > 0
    assert not any(stalled(trace, "blocked", NEVER_FULL).values())
    assert not any(cycles for name, cycles in blocked.items() if not name.endswith(".detect"))


def test_one_port_for_all_gates_makes_them_wait_for_it():
    trace = lively()
    assert min(makespans(trace, "gate_ports=shared")) > max(makespans(trace))
    waiting = stalled(trace, "arbitrating", "gate_ports=shared")
    assert {name for name, cycles in waiting.items() if cycles} == {
        f"lstm1.cell{cell}.ac.{gate}" for cell in range(4) for gate in ("forget", "candidate", "output")
    }
    assert not any(stalled(trace, "arbitrating").values())
    spec, workload = lowered(trace, "gate_ports=shared")
    for sample, (schedule, timeline) in enumerate(timelines(workload)):
        wanted = wavefront(spec, trace, sample, trace.timesteps, 2)
        assert found_ends(trace, schedule, timeline) == wanted  # four times as long, one gate after another


def test_cells_that_share_memories_wait_for_each_other():
    trace = lively(elements=10)
    for product in ("once", "every_step"):
        own, shared = (
            makespans(trace, f"input_product={product}", f"weight_copies={copies}")
            for copies in ("replicated", "shared")
        )
        assert all(longer > shorter for longer, shorter in zip(shared, own, strict=True))
    for product, engine in (("once", "ac.forget"), ("every_step", "mac")):
        waiting = stalled(trace, "arbitrating", "weight_copies=shared", f"input_product={product}")
        assert engine in {name.rpartition("cell")[2][2:] for name, cycles in waiting.items() if cycles}


def test_a_port_is_never_used_twice_at_a_time():
    trace = lively(elements=6)
    for options in (("weight_copies=shared",), ("gate_ports=shared",), ("weight_copies=shared", "gate_ports=shared")):
        _, workload = lowered(trace, "input_product=every_step", *options)
        for schedule, timeline in timelines(workload):
            for unit in schedule.units:
                spans = [
                    (int(start), int(free))
                    for stage in schedule.stages
                    if stage.unit == unit
                    for start, free in zip(timeline.start[stage.name], timeline.free[stage.name], strict=True)
                    if free > start
                ]
                spans.sort()
                assert len(spans) > 1
                assert all(one[1] <= other[0] for one, other in pairwise(spans))
