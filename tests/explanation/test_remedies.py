"""What would shorten a latency, on schedules whose answer is known."""

from __future__ import annotations

import pytest
from engine.schedules import make_schedule, make_stage, make_wait

import hwsim
from hwsim.engine import simpy_engine
from hwsim.explanation.path import by_stage, jobs_on
from hwsim.explanation.remedies import remedies
from hwsim.run.replay import Replay


def played(*stages, units=None):
    """A schedule whose last job answers."""
    schedule = make_schedule(*stages, units=units)
    timeline = simpy_engine.run(schedule)
    end = schedule.answer[0], int(schedule.answer[1][-1])
    return Replay(schedule, timeline, end, int(timeline.done[end[0]][end[1]]), 1, [])


def found(replay):
    return {each.what: each.latency_cycles for each in remedies(replay, by_stage(jobs_on(replay)), "simpy")}


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
    replay = played(make_stage("a", [7], unit="bus"), make_stage("b", [5], unit="bus"), units={"bus": 1})
    assert found(replay) == {"another bus": 5, "a twice as fast": 9, "b twice as fast": 10}


def test_of_a_design_they_are_what_the_engine_finds_with_half_the_services():
    """On a machine whose first layer is almost all of the latency, half of it halves that."""
    explained = hwsim.explain("imc", "example", samples=2)
    path = explained.latency(run="static", sample=0)
    best = path.remedies[0]
    most = path.by_stage[0]
    assert best.what == f"{most.stage} twice as fast"
    assert path.latency_cycles - most.cycles / 2 == pytest.approx(best.latency_cycles, rel=0.1)
    assert best.latency == best.latency_cycles / path.latency_cycles


def test_of_a_part_they_are_of_that_part():
    path = hwsim.explain("imc", "example", samples=1).latency("conv1", run="static")
    assert {job.layer for job in path.jobs} == {"conv1"}
    assert path.remedies
    assert all("conv1" in remedy.what for remedy in path.remedies)
