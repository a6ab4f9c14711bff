"""What would shorten a latency, on schedules whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from engine.schedules import make_schedule, make_stage, make_wait

import hwsim
from hwsim.engine import simpy_engine
from hwsim.engine.schedule import Schedule
from hwsim.explanation.path import by_stage, jobs_on
from hwsim.explanation.remedies import remedies
from hwsim.run.replay import Replay, replay


def played(*stages, units=None):
    """A schedule whose last job answers."""
    schedule = make_schedule(*stages, units=units)
    timeline = simpy_engine.run(schedule)
    end = schedule.answer[0], int(schedule.answer[1][-1])
    return Replay(schedule, timeline, end, int(timeline.done[end[0]][end[1]]), 1, [])


def found(one):
    return {each.what: each.latency_cycles for each in remedies(one, by_stage(jobs_on(one)), "simpy")}


def test_a_faster_stage_helps_until_another_path_is_as_long():
    """10 and 8 side by side, then 2: half of 10 leaves 8."""
    after = make_stage("c", [2], waits=(make_wait("a", [0]), make_wait("b", [0])))
    assert found(played(make_stage("a", [10]), make_stage("b", [8]), after)) == {
        "a twice as fast": 10,
        "c twice as fast": 11,
    }


def test_results_that_are_long_under_way():
    after = make_stage("b", [1], waits=(make_wait("a", [0]),))
    assert found(played(make_stage("a", [2], latency=20), after)) == {"results of a in half the time": 13}


def test_a_full_buffer():
    """One place between the two: the writer's third job waits until the reader's first is free, at 1 + 10 ..."""
    writer = make_stage("w", [1, 1, 6], waits=(make_wait("r", [-1, -1, 0], "free", "blocked"),))
    reader = make_stage("r", [10, 1, 1], waits=(make_wait("w", [0, 1, 2]),))
    assert found(played(writer, reader)) == {
        "unlimited buffers in front of r": 1 + 10 + 1 + 1,
        "r twice as fast": 1 + 5 + 6 + 1,
        "w twice as fast": 1 + 10 + 3 + 1,
    }


def test_a_shared_unit():
    """Both want the bus at 0; the second, whose end is asked for, has it from 7 on."""
    both = played(make_stage("a", [7], unit="bus"), make_stage("b", [5], unit="bus"), units={"bus": 1})
    assert found(both) == {"another slot of bus": 5, "a twice as fast": 9, "b twice as fast": 10}


def test_of_a_design_they_are_what_the_other_engine_finds_with_half_the_services():
    explained = hwsim.explain("imc", "example", samples=2)
    run = explained.simulated.run("static")
    path = explained.latency(run="static", sample=0)
    schedule = replay(run.workload, run.name, 0, path.timesteps).schedule
    name, jobs = schedule.answer
    assert path.remedies
    assert [each.latency for each in path.remedies] == sorted(each.latency for each in path.remedies)
    for remedy in path.remedies:
        assert remedy.latency == remedy.latency_cycles / path.latency_cycles <= 0.995
        stage = remedy.what.removesuffix(" twice as fast")
        if stage != remedy.what:
            services = {each.name: [(n + 1) // 2 for n in each.service.tolist()] for each in schedule.stages}
            stages = tuple(
                replace(each, service=np.array(services[each.name], np.int64)) if each.name == stage else each
                for each in schedule.stages
            )
            faster = simpy_engine.run(Schedule(stages, schedule.units, schedule.answer))
            assert faster.done[name][jobs[-1]] == remedy.latency_cycles


def test_of_a_part_they_are_of_that_part():
    explained = hwsim.explain("imc", "example", samples=1)
    for layer in ("conv1", "conv2"):
        path = explained.latency(layer, run="static")
        assert {job.layer for job in path.jobs} == {layer}
        assert all(layer in remedy.what for remedy in path.remedies)
