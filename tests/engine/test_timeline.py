"""Stalls and sample latencies, which are read from a timeline and so are the same for both engines."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
from engine.schedules import has_cycle, make_schedule, make_stage, make_unless, make_wait, random_schedule

from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import StageCycles, sample_latency, stalls


def test_stalls_by_hand():
    """`b` starts job 0 when data come at 4, job 1 when space comes at 9 (data at 8), job 2 when the bus does, at 20."""
    data = make_stage("data", [4, 4, 4])
    space = make_stage("space", [9])
    hog = make_stage("hog", [10], waits=(make_wait("b", [1], "free"),), unit="bus")
    b = make_stage(
        "b",
        [1, 1, 1],
        latency=3,
        waits=(make_wait("space", [-1, 0, -1], "free", "blocked"), make_wait("data", [0, 1, 2])),
        unit="bus",
    )
    schedule = make_schedule(data, space, hog, b, units={"bus": 1})
    accounts = stalls(schedule, simpy_engine.run(schedule))
    assert accounts == {
        "data": StageCycles(busy=12, starved=0, blocked=0, arbitrating=0, idle=12),
        "space": StageCycles(busy=9, starved=0, blocked=0, arbitrating=0, idle=15),
        "hog": StageCycles(busy=10, starved=10, blocked=0, arbitrating=0, idle=4),
        "b": StageCycles(busy=3, starved=4 + 3 + 2, blocked=1, arbitrating=8, idle=3),
    }


def test_void_jobs_are_in_no_account_but_idle():
    decision = make_stage("exit", [1])
    job = make_stage("s", [2, 5, 2], unless=make_unless("exit", [-1, 0, -1]), waits=(make_wait("clock", [-1, 0, -1]),))
    clock = make_stage("clock", [6])
    schedule = make_schedule(decision, job, clock)
    assert stalls(schedule, simpy_engine.run(schedule))["s"] == StageCycles(4, 0, 0, 0, 4)


def test_every_cycle_of_every_stage_is_in_one_account():
    for seed in range(300):
        schedule = random_schedule(seed)
        if not has_cycle(schedule):
            timeline = compiled_engine.run(schedule)
            for account in stalls(schedule, timeline).values():
                assert min(astuple(account)) >= 0, seed
                assert sum(astuple(account)) == timeline.makespan_cycles, seed


def test_latency_of_one_sample_is_the_done_of_its_answer():
    """Speculative work goes on until 90."""
    answer = make_stage("answer", [5, 5], latency=2)
    speculation = make_stage("ahead", [90])
    schedule = Schedule((answer, speculation), {}, ("answer", np.array([1])))
    assert sample_latency(schedule, simpy_engine.run(schedule)).tolist() == [12]


def test_latency_in_a_stream_counts_from_the_first_start_of_the_sample():
    """Samples 7, 8 and 8's two jobs, 9 a cycle each behind a slow second stage; 7 answers last in the list."""
    sample = np.array([7, 8, 8, 9], dtype=np.int32)
    first = replace(make_stage("first", [1, 1, 1, 1]), sample=sample)
    second = replace(make_stage("second", [10] * 4, waits=(make_wait("first", [0, 1, 2, 3]),)), sample=sample)
    schedule = Schedule((first, second), {}, ("second", np.array([2, 3, 0])))
    # second frees at 11, 21, 31, 41; samples 8, 9 and 7 start at 1, 3 and 0
    assert sample_latency(schedule, simpy_engine.run(schedule)).tolist() == [30, 38, 11]


def test_void_jobs_do_not_start_a_sample():
    sample = np.array([0, 1, 1], dtype=np.int32)
    stage = replace(make_stage("s", [3, 3, 3], unless=make_unless("exit", [-1, 0, -1])), sample=sample)
    waits = (make_wait("clock", [-1, -1, 0]),)
    schedule = Schedule(
        (replace(stage, waits=waits), make_stage("exit", [1]), make_stage("clock", [8])), {}, ("s", np.array([0, 2]))
    )
    unlabelled = [replace(s, sample=np.full(1, -1, dtype=np.int32)) for s in schedule.stages[1:]]
    schedule = replace(schedule, stages=(schedule.stages[0], *unlabelled))
    assert sample_latency(schedule, simpy_engine.run(schedule)).tolist() == [3, 3]


def test_no_answer_no_latency():
    schedule = make_schedule(make_stage("s", []))
    assert sample_latency(schedule, simpy_engine.run(schedule)).tolist() == []
