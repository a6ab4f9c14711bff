"""Every schedule that the engines must not be given is refused, with stage, job, value and rule in one line."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from engine.schedules import make_schedule, make_stage, make_unless, make_wait

from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Wait
from hwsim.errors import ModelError

CONV = make_stage("conv1", [1, 2, 3])


def refused(*stages, units=None, answer=None):
    with pytest.raises(ModelError) as caught:
        if answer is None:
            make_schedule(*stages, units=units)
        else:
            Schedule(stages, units or {}, answer)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_valid_schedule_counts_its_jobs():
    schedule = make_schedule(CONV, make_stage("conv2", [], waits=(make_wait("conv1", []),)), units={"bus": 2})
    assert schedule.n_jobs == 3
    assert schedule.positions == {"conv1": 0, "conv2": 1}


def test_values_are_frozen():
    with pytest.raises(FrozenInstanceError):
        CONV.name = "other"


@pytest.mark.parametrize("latency", [2, [2, 2, 2]])
def test_latencies_are_one_per_job(latency):
    assert make_stage("s", [1, 2, 3], latency=latency).latencies.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            make_stage("conv1", [1, -2, -3]),
            "conv1[1]: service must not be negative, got -2",
        ),
        (
            make_stage("conv1", [1, 2, 3], latency=-1),
            "stage conv1: latency must not be negative, got -1",
        ),
        (
            make_stage("conv1", [1, 2, 3], latency=[0, 0, -7]),
            "conv1[2]: latency must not be negative, got -7",
        ),
        (
            make_stage("conv1", [1, 2, 3], latency=[0, 0]),
            "stage conv1: latency must have one entry per job (3), got 2",
        ),
        (
            replace(CONV, latency=np.zeros(3)),
            "stage conv1: latency must be a one-dimensional int64 array, got float64 of shape (3,)",
        ),
        (
            replace(CONV, latency=1.5),
            "stage conv1: latency must be a one-dimensional int64 array, got float",
        ),
        (
            replace(CONV, service=[1, 2, 3]),
            "stage conv1: service must be a one-dimensional int64 array, got list",
        ),
        (
            replace(CONV, service=np.zeros((3, 1), dtype=np.int64)),
            "stage conv1: service must be a one-dimensional int64 array, got int64 of shape (3, 1)",
        ),
        (
            replace(CONV, sample=np.zeros(3, dtype=np.int64)),
            "stage conv1: sample must be a one-dimensional int32 array, got int64 of shape (3,)",
        ),
        (
            replace(CONV, timestep=np.zeros(4, dtype=np.int32)),
            "stage conv1: timestep must have one entry per job (3), got 4",
        ),
        (
            make_stage("conv1", [1], unit="buss"),
            "stage conv1: unit 'buss' does not exist; did you mean 'bus'?",
        ),
        (
            make_stage("conv1", [1], waits=(make_wait("conv", [0]),)),
            "stage conv1: waits for stage 'conv', which does not exist; did you mean 'conv1'?",
        ),
        (
            make_stage("conv1", [1], unless=make_unless("exit", [0])),
            "stage conv1: is void by stage 'exit', which does not exist",
        ),
        (
            make_stage("conv1", [1, 1], waits=(make_wait("conv1", [-1, 2]),)),
            "conv1[1]: waits for conv1[2], which does not exist (allowed: -1 to 1)",
        ),
        (
            make_stage("conv1", [1, 1], waits=(make_wait("conv1", [-2, 0]),)),
            "conv1[0]: waits for conv1[-2], which does not exist (allowed: -1 to 1)",
        ),
        (
            make_stage("conv1", [1, 1], unless=make_unless("conv1", [0, 9])),
            "conv1[1]: is void by conv1[9], which does not exist (allowed: -1 to 1)",
        ),
        (
            make_stage("conv1", [1, 1], waits=(make_wait("conv1", [-1]),)),
            "stage conv1: needs of 'conv1' must have one entry per job (2), got 1",
        ),
        (
            make_stage("conv1", [1], waits=(Wait("conv1", np.array([-1], dtype=np.int32)),)),
            "stage conv1: needs of 'conv1' must be a one-dimensional int64 array, got int32 of shape (1,)",
        ),
        (
            make_stage("conv1", [1], waits=(make_wait("conv1", [-1], event="end"),)),
            "stage conv1: a wait's event must be start, free or done, got 'end'",
        ),
        (
            make_stage("conv1", [1], waits=(make_wait("conv1", [-1], stall="hungry"),)),
            "stage conv1: a wait's stall must be starved or blocked, got 'hungry'",
        ),
        (
            make_stage("conv1", [2**61, 2**61]),
            "schedule: service and latency must sum to less than 2**62 cycles, got 4.61e+18",
        ),
    ],
)
def test_stage_refused(stage, message):
    assert refused(stage, units={"bus": 1}) == message


def test_sum_of_latencies_refused():
    assert "2**62" in refused(make_stage("s", [0] * 4, latency=2**60))


def test_needs_of_a_stage_without_jobs_allow_only_nothing():
    empty = make_stage("empty", [])
    make_schedule(empty, make_stage("s", [1], waits=(make_wait("empty", [-1]),)))
    message = refused(empty, make_stage("s", [1], waits=(make_wait("empty", [0]),)))
    assert message == "s[0]: waits for empty[0], which does not exist (it has no jobs)"


def test_second_stage_of_a_name_refused():
    assert refused(CONV, CONV) == "stage conv1: names must be unique, got it again at position 1"


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        (0, "unit bus: capacity must be at least 1, got 0"),
        (1.5, "unit bus: capacity must be a whole number of slots, got 1.5"),
    ],
)
def test_capacity_refused(capacity, message):
    assert refused(CONV, units={"bus": capacity}) == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("conv2", np.array([0])), "answer: stage 'conv2' does not exist; did you mean 'conv1'?"),
        (("conv1", np.array([0, 3])), "answer[1]: is conv1[3], which does not exist (allowed: 0 to 2)"),
        (("conv1", np.array([-1])), "answer[0]: is conv1[-1], which does not exist (allowed: 0 to 2)"),
        (("conv1", 2), "answer: jobs must be a one-dimensional int64 array, got int"),
    ],
)
def test_answer_refused(answer, message):
    assert refused(CONV, answer=answer) == message


def test_answer_in_a_stage_without_jobs_refused():
    message = refused(make_stage("empty", []), answer=("empty", np.array([0])))
    assert message == "answer[0]: is empty[0], which does not exist (it has no jobs)"
