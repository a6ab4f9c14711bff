"""What stages do over time, beside every cycle looked at by itself."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from contract.families import family_of
from engine.schedules import has_cycle, make_schedule, make_stage, make_wait, random_schedule

import hwsim
from hwsim import api, arch, engine
from hwsim.engine.timeline import stalls
from hwsim.run.occupancy import CAUSES, binned


def cycle_by_cycle(schedule, timeline, stage):
    """The cause of every cycle of a stage by the rule: starved until all data are there, then blocked, then waiting."""
    events = {"start": timeline.start, "free": timeline.free, "done": timeline.done}
    causes, free = ["idle"] * timeline.makespan_cycles, 0
    for job in range(stage.n_jobs):
        start, before = int(timeline.start[stage.name][job]), free
        free = int(timeline.free[stage.name][job])
        if not timeline.ran[stage.name][job]:
            continue
        met = {"starved": 0, "blocked": 0}
        for wait in stage.waits:
            if wait.needs[job] >= 0:
                met[wait.stall] = max(met[wait.stall], int(events[wait.event][wait.stage][wait.needs[job]]))
        for cycle in range(before, start):
            if cycle < met["starved"]:
                causes[cycle] = "starved"
            else:
                causes[cycle] = "blocked" if cycle < met["blocked"] else "arbitrating"
        causes[start:free] = ["busy"] * (free - start)
    return causes


def test_bins_hold_every_cycle_by_its_cause():
    looked_at = 0
    for seed in range(120):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        timeline = engine.run(schedule)
        found = binned(schedule, timeline)
        for stage in schedule.stages:
            causes = np.array(cycle_by_cycle(schedule, timeline, stage))
            for cause, cycles in zip(CAUSES, found.stages[stage.name], strict=True):
                spans = zip(found.edges[:-1], found.edges[1:], strict=True)
                assert cycles.tolist() == [int((causes[a:b] == cause).sum()) for a, b in spans], (seed, stage.name)
            account = astuple(stalls(schedule, timeline)[stage.name])
            assert found.stages[stage.name].sum(axis=1).tolist() == list(account[:4])
            looked_at += timeline.makespan_cycles > 0
    assert looked_at > 100


def test_what_is_after_the_end_of_a_sample_is_not_in_it():
    schedule = make_schedule(make_stage("a", [3, 5]), make_stage("b", [4], waits=(make_wait("a", [0]),)))
    timeline = engine.run(schedule)
    found = binned(schedule, timeline, ("a", 0))
    assert found.edges.tolist() == [0, 1, 2, 3]
    assert found.stages["a"].tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert found.stages["b"].tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("name", arch.shipped())
def test_the_first_sample_of_every_run_is_in_the_report(name):
    family = family_of(api.load_architecture(name))
    trace = family.trace(next(iter(family.networks)))
    assert all(run.occupancy is None for run in hwsim.simulate(name, trace, accuracy_samples=0).runs)
    for run in hwsim.simulate(name, trace, accuracy_samples=0, occupancy=True).runs:
        if run.latency_ns is None:
            assert run.occupancy is None
            continue
        left = run.samples.timesteps[0]
        end_ns = run.occupancy.edges[-1] * run.occupancy.cycle_ns
        assert end_ns >= run.samples.latency_ns[0][left - 1] * (
            1 - 1e-12
        )  # what is under way after the answer is in it
        assert [each.stage for each in run.occupancy.stages] == [row.stage for row in run.stages]
        widths = np.diff(run.occupancy.edges)
        for each in run.occupancy.stages:
            whole = sum(np.array(getattr(each, cause)) for cause in CAUSES)
            assert (whole >= 0).all() and (whole <= widths).all()
