"""The critical path against plain Python: what it hangs on, what longer and shorter jobs do to the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from engine.schedules import (
    has_cycle,
    interpret,
    make_schedule,
    make_stage,
    make_unless,
    make_wait,
    random_crowd,
    random_schedule,
)

from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.critical_jobs import jobs_on_path
from hwsim.engine.critical_path import REASONS, critical_path
from hwsim.engine.schedule import Schedule, Schedules

SEEDS, CROWDS = range(300), range(12)


def steps(schedule, path):
    """Stage, job and reason of each step in words."""
    names = [stage.name for stage in schedule.stages]
    return [(names[s], int(j), REASONS[r]) for s, j, r in zip(path.stage, path.job, path.reason, strict=True)]


def cycles(path):
    return [int(n) for n in path.service + path.latency]


def last_job(times):
    """The job whose done comes last: anything else would not do for the end."""
    return max(times, key=lambda job: (times[job].done, job))


def drawn() -> Iterator[tuple[Schedule, dict, tuple[str, int]]]:
    """With the last job of every stage as the end, which may be void."""
    for schedule in [*map(random_schedule, SEEDS), *map(random_crowd, CROWDS)]:
        if not has_cycle(schedule):
            times = interpret(schedule)
            for stage in schedule.stages:
                if stage.n_jobs:
                    yield schedule, times, (stage.name, stage.n_jobs - 1)


def free_of_units() -> Iterator[tuple[Schedule, dict, tuple[str, int]]]:
    for seed in SEEDS:
        drawn = random_schedule(seed)
        bare = tuple(replace(stage, unit=None, unless=None) for stage in drawn.stages)
        schedule = Schedule(bare, {}, drawn.answer)
        if not has_cycle(schedule) and (times := interpret(schedule)):
            yield schedule, times, last_job(times)


def test_by_hand():
    """`b` starts by data at 4, by space at 9, and by the bus at 20, which `hog` has had since its wait for `b`."""
    data = make_stage("data", [4, 4, 4])
    space = make_stage("space", [9])
    hog = make_stage("hog", [10], waits=(make_wait("b", [1], "free"),), unit="bus")
    waits = (make_wait("space", [-1, 0, -1], "free", "blocked"), make_wait("data", [0, 1, 2]))
    b = make_stage("b", [1, 1, 1], latency=3, waits=waits, unit="bus")
    schedule = make_schedule(data, space, hog, b, units={"bus": 1})
    path = critical_path(schedule, simpy_engine.run(schedule), ("b", 2))
    assert steps(schedule, path) == [("space", 0, "begin"), ("b", 1, "space"), ("hog", 0, "data"), ("b", 2, "unit")]
    assert path.start.tolist() == [0, 9, 10, 20]
    assert path.service.tolist() == [9, 1, 10, 1]
    assert path.latency.tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize(("event", "taken"), [("start", 0), ("free", 4), ("done", 9)])
def test_a_job_is_there_with_what_the_next_one_waits_for(event, taken):
    a, b = make_stage("a", [1, 4], latency=5), make_stage("b", [2], waits=(make_wait("a", [1], event),))
    schedule = make_schedule(a, b)
    path = critical_path(schedule, simpy_engine.run(schedule), ("b", 0))
    assert cycles(path) == [1, taken, 2]


def test_the_decision_that_made_a_job_void_is_on_its_path():
    exit_ = make_stage("exit", [6], latency=1)
    other = make_stage("other", [9], unit="bus")
    void = make_stage("void", [5], unless=make_unless("exit", [0]), unit="bus")
    after = make_stage("after", [3], waits=(make_wait("void", [0]),))
    schedule = make_schedule(exit_, other, void, after, units={"bus": 1})
    path = critical_path(schedule, simpy_engine.run(schedule), ("after", 0))
    assert steps(schedule, path) == [("exit", 0, "begin"), ("void", 0, "decision"), ("after", 0, "data")]
    assert cycles(path) == [7, 0, 3]


def test_without_an_end_it_is_that_of_the_answer():
    schedule = Schedule((make_stage("a", [1, 2]), make_stage("b", [90])), {}, ("a", np.array([1])))
    assert cycles(critical_path(schedule, compiled_engine.run(schedule))) == [1, 2]


def test_its_cycles_follow_each_other_from_0_to_the_end_with_any_units_and_decisions():
    found = set()
    for schedule, times, end in drawn():
        path = critical_path(schedule, compiled_engine.run(schedule), end)
        until = np.concatenate([[0], np.cumsum(path.service + path.latency)])
        assert path.start.tolist() == until[:-1].tolist()
        assert until[-1] == times[end].done
        assert steps(schedule, path)[-1][:2] == end
        found |= {reason for _, _, reason in steps(schedule, path)}
    assert found == set(REASONS)


def test_every_step_is_what_the_next_one_waited_for():
    """Rules 1 to 4: the latest of what a job needs, else a slot that came back, else the decision that made it void."""
    for schedule, times, end in drawn():
        walked = steps(schedule, critical_path(schedule, compiled_engine.run(schedule), end))
        by_name = {stage.name: stage for stage in schedule.stages}
        for before, (name, j, reason) in zip([None, *walked], walked, strict=False):
            stage, start = by_name[name], times[name, j].start
            met = {("order", name, j - 1): times[name, j - 1].free} if j else {}
            for wait in stage.waits:
                if wait.needs[j] >= 0:
                    need = wait.stage, int(wait.needs[j])
                    kind = "space" if wait.stall == "blocked" else "data"
                    key = (kind, *need)
                    met[key] = max(met.get(key, 0), getattr(times[need], wait.event))
            ready = max(met.values(), default=0)
            if reason == "begin":
                assert before is None
                assert (j, start, ready) == (0, 0, 0)
                continue
            assert before is not None
            this = (reason, *before[:2])
            if reason == "unit":
                holder = by_name[before[0]]
                assert start > ready
                assert (holder.unit, times[before[:2]].free) == (stage.unit, start)
                assert times[before[:2]].start < start
            elif reason == "decision":
                assert not times[name, j].ran
                assert start > ready
                assert (stage.unless.stage, int(stage.unless.needs[j])) == before[:2]
                assert times[before[:2]].done == start
            else:
                assert met[this] == ready == start
                first = min(("order", "data", "space").index(key[0]) for key, at in met.items() if at == ready)
                assert ("order", "data", "space")[first] == reason


def through(schedule, end):
    """Cycles of the longest chain to an end through the service of each job that has one; without units, by recursion.

    A chain is any sequence of jobs each of which the next one waits for.
    """
    by_name = {stage.name: stage for stage in schedule.stages}
    weights = {}

    def latency(name, j):
        stage = by_name[name]
        return int(stage.latency if np.isscalar(stage.latency) else stage.latency[j])

    def until(name, j, event):
        service = int(by_name[name].service[j])
        return {"start": 0, "free": service, "done": service + latency(name, j)}[event]

    followers = {}
    for stage in schedule.stages:
        for j in range(stage.n_jobs):
            if j:
                followers.setdefault((stage.name, j - 1), []).append(((stage.name, j), "free"))
            for wait in stage.waits:
                if wait.needs[j] >= 0:
                    followers.setdefault((wait.stage, int(wait.needs[j])), []).append(((stage.name, j), wait.event))

    @cache
    def after(job, served):
        """Longest from the start of a job to the end, over its service or any event; None where none leads there."""
        found = [until(*job, "done")] if job == end else []
        for follower, event in followers.get(job, []):
            if served and event == "start":
                continue
            rest = after(follower, False)
            found += [until(*job, event) + rest] if rest is not None else []
        return max(found, default=None)

    times = interpret(schedule)
    for job in times:
        if (rest := after(job, True)) is not None:
            weights[job] = times[job].start + rest
    return weights


def longer(schedule, job, by):
    """The same schedule with the service of one job other by so much."""
    stages = []
    for stage in schedule.stages:
        service = stage.service.copy()
        if stage.name == job[0]:
            service[job[1]] += by
        stages.append(replace(stage, service=service))
    return Schedule(tuple(stages), schedule.units, schedule.answer)


def test_slack_says_what_longer_and_shorter_jobs_do_to_the_end():
    """A job grown by k delays the end by what exceeds its slack, 0 on the path; off it, gone, it saves nothing."""
    checked = {"on": 0, "off": 0, "slack": 0}
    for schedule, times, end in list(free_of_units())[::5]:
        path = critical_path(schedule, compiled_engine.run(schedule), end)
        on = {job[:2] for job, n in zip(steps(schedule, path), path.service, strict=True) if n}
        finish, chains = times[end].done, through(schedule, end)
        for job in times:
            slack = finish - chains[job] if job in chains else None
            service = times[job].free - times[job].start
            grown = interpret(longer(schedule, job, 3))[end].done
            gone = interpret(longer(schedule, job, -service))[end].done
            assert grown == finish + (0 if slack is None else max(0, 3 - slack))
            if job in on:
                assert slack == 0
                assert finish - service <= gone <= finish
            else:
                assert gone == finish
            checked["on" if job in on else "off"] += 1
            checked["slack"] += bool(slack)
    assert min(checked.values()) > 50


def test_the_jobs_of_a_batch_are_those_of_each_sample():
    """Ties go to data before space here and to what is named first there, so data have to be named first."""
    compared = 0
    for schedule, _, _ in free_of_units():
        kinds = [[wait.stall == "blocked" for wait in stage.waits] for stage in schedule.stages]
        if any(kind != sorted(kind) for kind in kinds):
            continue
        batch = Schedules.of([schedule])
        found, times = jobs_on_path(batch, compiled_engine.run_all(batch)), compiled_engine.run(schedule)
        ends = [(int(done), -s, -j) for s, stage in enumerate(schedule.stages) for j, done in _done(times, stage)]
        _, s, j = max(ends)
        path = critical_path(schedule, times, (schedule.stages[-s].name, -j))
        for position, stage in enumerate(schedule.stages):
            served = path.job[(path.stage == position) & (path.service > 0)]
            marked = np.flatnonzero(found[stage.name][0])
            assert sorted(served) == [j for j in marked if times.free[stage.name][j] > times.start[stage.name][j]]
        compared += 1
    assert compared > 30


def _done(times, stage):
    return enumerate(times.done[stage.name].tolist())
