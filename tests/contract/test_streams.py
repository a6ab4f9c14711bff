"""What holds of samples that follow each other, on every shipped design whose samples may overlap."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from contract.families import family_of

from hwsim import accelerators, api, arch
from hwsim.contract import batches as batches_module
from hwsim.contract.batches import ByLeaving
from hwsim.contract.operating import operated
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.engine import run as run_engine
from hwsim.errors import UsageError
from hwsim.run.play import play
from hwsim.traces.slicing import first

STREAM = "operating.stream=true"
SAMPLES = 4


@cache
def lowered(name, network, *settings):
    design = api.load_architecture(name, settings)
    trace = family_of(design).trace(network, samples=SAMPLES)
    return accelerators.machine(design.machine)(design.spec).sized_for(trace).lower(trace)


REFUSING = {"digital", "stdp"}
"""Machines on which samples never overlap."""


def overlapping():
    """All other designs with the networks that they play."""
    found = []
    for name in arch.shipped():
        design = api.load_architecture(name)
        found += [(name, network) for network in family_of(design).networks if design.machine not in REFUSING]
    return found


def refusing():
    return [name for name in arch.shipped() if api.load_architecture(name).machine in REFUSING]


def alone(workload):
    """The schedules of all samples by themselves, with all timesteps."""
    found = []
    for batch in workload.batches:
        scheduled = batch.runs[RunName.STATIC]
        found.append(scheduled.schedules[-1] if isinstance(scheduled, ByLeaving) else scheduled.schedules)
    return found


def of_sample(times, schedule, sample):
    """Times of the jobs of one sample, by stage."""
    return {stage.name: times[stage.name][stage.sample == sample] for stage in schedule.stages}


@pytest.mark.parametrize(("name", "network"), overlapping())
def test_a_stream_is_one_joined_schedule_in_which_each_sample_keeps_all_its_own_waits(name, network):
    workload = lowered(name, network)
    parts = alone(workload)
    schedule = joined(parts, workload.stream)
    simpy, compiled = (run_engine(schedule, engine) for engine in ("simpy", "compiled"))
    assert simpy.makespan_cycles == compiled.makespan_cycles
    for times in ("start", "free", "done"):
        for stage in schedule.stages:
            np.testing.assert_array_equal(getattr(simpy, times)[stage.name], getattr(compiled, times)[stage.name])
    tally = play(replace(workload, runs=(RunName.STATIC, RunName.STREAMED)), "compiled")[RunName.STREAMED]
    assert tally.makespan_cycles.sum() == compiled.makespan_cycles

    own = [each for part in parts for each in part]
    assert len(own) == SAMPLES
    for sample, schedule_alone in enumerate(own):
        when = {event: of_sample(getattr(compiled, event), schedule, sample) for event in ("start", "free", "done")}
        for stage in schedule_alone.stages:
            np.testing.assert_array_equal(when["free"][stage.name] - when["start"][stage.name], stage.service)
            np.testing.assert_array_equal(when["done"][stage.name] - when["free"][stage.name], stage.latencies)
            assert (when["start"][stage.name][1:] >= when["free"][stage.name][:-1]).all()
            for wait in stage.waits:
                waiting = wait.needs >= 0
                met = when[wait.event][wait.stage][wait.needs[waiting]]
                assert (when["start"][stage.name][waiting] >= met).all(), (stage.name, wait.stage)


@pytest.mark.parametrize(("name", "network"), overlapping())
def test_a_stream_is_no_faster_than_its_busiest_part_and_no_slower_than_one_by_one(name, network):
    workload = lowered(name, network)
    tallies = play(replace(workload, runs=(RunName.STATIC, RunName.STREAMED)), "compiled")
    static, stream = tallies[RunName.STATIC], tallies[RunName.STREAMED]
    loads = {}
    for stage, busy in static.busy_cycles.items():
        unit, slots = static.unit_of[stage]
        loads[unit] = loads.get(unit, 0) + int(busy.sum()) / slots
    assert max(loads.values()) <= stream.makespan_cycles.sum() <= static.makespan_cycles.sum()
    assert (stream.latency_cycles >= static.latency_cycles.min()).all()


@pytest.mark.parametrize(("name", "network"), overlapping())
def test_energy_in_a_stream_differs_by_leakage_and_clock_alone(name, network):
    design = api.load_architecture(name, [STREAM])
    report = api.simulate(design, family_of(design).trace(network, samples=SAMPLES), accuracy_samples=0)
    static, stream = report.run("static"), report.run("stream")
    assert stream.dynamic_pj == static.dynamic_pj
    busy = {row.count for row in static.rows if row.action == "active_cycle"}
    assert busy == {row.count for row in stream.rows if row.action == "active_cycle"}
    # What is left follows the time on: leakage and the gated clock, each in proportion.
    scale = stream.makespan_ns / static.makespan_ns
    assert stream.leakage_pj.value == pytest.approx(static.leakage_pj.value * scale, rel=1e-9)
    gated = [[row.energy_pj for row in run.rows if row.action == "cycle"] for run in (static, stream)]
    assert gated[1] == pytest.approx([pj * scale for pj in gated[0]], rel=1e-9)
    difference = static.energy_pj.value - stream.energy_pj.value
    parts = [static.leakage_pj.value - stream.leakage_pj.value, sum(gated[0]) - sum(gated[1])]
    assert difference == pytest.approx(sum(parts), rel=1e-6, abs=1e-9 * static.energy_pj.value)
    assert stream.pipelined_per_s == pytest.approx(1e9 / stream.makespan_ns, rel=1e-12)
    assert stream.one_at_a_time_per_s is None


@pytest.mark.parametrize("name", ["imc", "ttfs", "lstm"])
def test_a_stream_does_not_depend_on_batches_or_processes(name, monkeypatch):
    design = api.load_architecture(name, [STREAM])
    trace = family_of(design).trace(next(iter(family_of(design).networks)), samples=SAMPLES)
    whole = api.simulate(design, trace, accuracy_samples=0)
    assert api.simulate(design, trace, accuracy_samples=0, jobs=3) == whole
    monkeypatch.setattr(batches_module, "_JOBS_AT_ONCE", 1)
    assert api.simulate(design, trace, accuracy_samples=0) == whole
    assert api.simulate(design, trace, accuracy_samples=0, keep=True) == whole
    assert api.simulate(name, trace, stream=True, accuracy_samples=0) == whole


@pytest.mark.parametrize("name", ["imc", "ttfs", "lstm"])
def test_one_sample_in_a_stream_is_that_sample(name):
    design = api.load_architecture(name, [STREAM])
    trace = first(family_of(design).trace(next(iter(family_of(design).networks))), samples=1)
    report = api.simulate(design, trace, accuracy_samples=0)
    static, stream = report.run("static"), report.run("stream")
    assert (stream.latency_ns, stream.makespan_ns) == (static.latency_ns, static.makespan_ns)
    assert (stream.energy_pj.value, stream.samples) == (static.energy_pj.value, static.samples)


@pytest.mark.parametrize("name", refusing())
def test_machines_whose_samples_cannot_overlap_say_why(name):
    design = api.load_architecture(name, [STREAM])
    with pytest.raises(UsageError, match=r"^operating\.stream: samples cannot overlap: .{20}") as refused:
        api.simulate(design, family_of(design).trace(next(iter(family_of(design).networks))))
    assert "\n" not in str(refused.value)


def test_a_stream_that_is_too_much_for_one_schedule_is_refused_with_what_fits(monkeypatch):
    monkeypatch.setattr("hwsim.contract.streams.MOST_JOBS", 200)
    design = api.load_architecture("imc", [STREAM])
    trace = family_of(design).trace("convolutions", samples=SAMPLES)
    with pytest.raises(UsageError, match=r"^samples: 4 in a stream are \d+ jobs in one schedule, at most 2 fit$"):
        api.simulate(design, trace)


def test_without_a_stream_there_is_no_such_run():
    workload = lowered("imc", "convolutions")
    assert operated(workload, api.load_architecture("imc").spec.operating) is workload
