"""Samples that follow an order of slots that another took, against each played alone and against the rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest
from engine.schedules import has_cycle, interpret, make_stage, make_wait, random_crowd, random_schedule

from hwsim.engine import compiled_engine, orders
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage
from hwsim.engine.timeline import stalls
from hwsim.errors import ModelError
from hwsim.kept import kept_with

SAMPLES = 20
MORE_THAN_NARROW = 1 << 27
"""Cycles in the place of each, with which no sample's fit 32 bits."""


@pytest.fixture(autouse=True)
def every_batch_is_worth_it(monkeypatch):
    monkeypatch.setattr(orders, "_JOBS_WORTH_AN_ORDER", 0)


@pytest.fixture
def followers(monkeypatch):
    """How many samples followed an order, and how many were left by one."""
    seen, follow = Counter(), orders._follow

    def counting(order, batch, *rest):
        before = int(batch.left.sum())
        found = follow(order, batch, *rest)
        seen["followed"] += before - int(batch.left.sum())
        seen["left"] += int(batch.left.sum())
        return found

    monkeypatch.setattr(orders, "_follow", counting)
    return seen


def some_samples(schedule: Schedule, share: float, cycles: int, rng: np.random.Generator) -> Schedules:
    """A share of the cycles of some stages is another for each sample; decisions are left out."""

    def own(values, most):
        rows = np.tile(values, (SAMPLES, 1))
        changed = rng.random(rows.shape) < share
        rows[changed] = rng.integers(0, most, int(changed.sum()))
        return rows * cycles

    stages = []
    for stage in schedule.stages:
        service = own(stage.service, 6) if rng.random() < 0.7 else stage.service * cycles
        latency = stage.latency if np.isscalar(stage.latency) else stage.latency * cycles
        if not np.isscalar(latency) and rng.random() < 0.4:
            latency = own(stage.latency, 4)
        stages.append(BatchStage(stage.name, stage.layer, service, latency, stage.waits, stage.timestep, stage.unit))
    return Schedules(tuple(stages), schedule.units, schedule.answer, SAMPLES)


def assert_as_alone(schedules: Schedules, seed: int) -> None:
    alone = [compiled_engine.run(each) for each in schedules]
    accounts = [stalls(schedules[k], alone[k]) for k in range(SAMPLES)]
    for turn in range(2):  # the second time orders are known
        together = compiled_engine.run_all(schedules)
        for stage in schedules.stages:
            for field in ("start", "free", "done", "ran"):
                wanted = np.stack([getattr(each, field)[stage.name] for each in alone])
                assert np.array_equal(getattr(together, field)[stage.name], wanted), (seed, turn, stage.name, field)
            wanted = np.sum([astuple(each[stage.name]) for each in accounts], axis=0)
            assert together.accounts[stage.name].tolist() == wanted.tolist(), (seed, turn, stage.name)
        assert together.makespan_cycles.tolist() == [each.makespan_cycles for each in alone]


@pytest.mark.parametrize("cycles", [1, MORE_THAN_NARROW])
@pytest.mark.parametrize("make", [random_schedule, random_crowd])
def test_samples_that_follow_run_as_each_would_alone(make, cycles, followers):
    played = 0
    for seed in range(30):
        schedule = make(seed)
        if has_cycle(schedule):
            continue
        played += 1
        rng = np.random.default_rng(seed)
        assert_as_alone(some_samples(schedule, (0.02, 0.2, 1.0)[seed % 3], cycles, rng), seed)
    assert played > 20
    assert followers["followed"] > 80
    assert followers["left"] > 40


def batch(*stages: BatchStage, units: dict[str, int], samples: int) -> Schedules:
    return Schedules(stages, units, (stages[-1].name, np.array([stages[-1].n_jobs - 1])), samples)


def stage(name, service, waits=(), unit=None):
    service = np.array(service, np.int64)
    return BatchStage(name, name, service, 0, tuple(waits), np.zeros(service.shape[-1], np.int32), unit)


def test_who_is_ready_first_gets_the_slot_in_each_sample():
    """`a` works 1 or 9 cycles before it asks, `b` 4: who waits for whom changes with the sample."""
    schedules = batch(
        stage("before a", [[1], [9], [1], [4]]),
        stage("before b", [4]),
        stage("a", [5], [make_wait("before a", [0])], "bus"),
        stage("b", [5], [make_wait("before b", [0])], "bus"),
        units={"bus": 1},
        samples=4,
    )
    found = compiled_engine.run_all(schedules)
    assert found.start["a"][:, 0].tolist() == [1, 9, 1, 4]
    assert found.start["b"][:, 0].tolist() == [6, 4, 6, 9]


def test_who_asks_in_a_later_pass_of_a_cycle_comes_later(followers):
    """`a` comes before `b`, both are ready at cycle 0; where `first` is granted a slot then, `a` asks after that."""
    schedules = batch(
        stage("first", [[1], [0], [1], [0]], unit="other"),
        stage("also", [1], unit="other"),
        stage("a", [3], [make_wait("first", [0], "start")], "bus"),
        stage("b", [5], unit="bus"),
        units={"other": 1, "bus": 1},
        samples=4,
    )
    wanted = [interpret(each) for each in schedules]
    assert [times["a", 0].start for times in wanted] == [5, 0, 5, 0]
    found = compiled_engine.run_all(schedules)
    assert found.start["a"][:, 0].tolist() == [5, 0, 5, 0]
    assert found.start["b"][:, 0].tolist() == [0, 3, 0, 3]
    assert followers["left"] > 0


def test_orders_are_kept_for_other_samples_of_the_same_shape(followers):
    shape = batch(stage("a", [0, 0]), stage("b", [2, 2], [make_wait("a", [0, 1])], "bus"), units={"bus": 1}, samples=1)
    many, one = (shape.retimed({"a": np.array(cycles)}, len(cycles)) for cycles in ([[1, 2], [2, 1], [3, 3]], [[4, 1]]))
    assert compiled_engine.run_all(many).done["b"][:, 1].tolist() == [5, 6, 8]
    assert followers["followed"] == 2  # the first was played
    assert len(kept_with(shape).once("orders", list)) == 1
    assert compiled_engine.run_all(one).done["b"][:, 1].tolist() == [8]
    assert followers["followed"] == 3


def test_few_orders_are_kept():
    rng = np.random.default_rng(1)
    shape = batch(*(stage(f"s{i}", [0] * 9, unit="bus") for i in range(4)), units={"bus": 1}, samples=1)
    for _ in range(5):
        services = {f"s{i}": rng.integers(1, 9, (6, 9)) for i in range(4)}
        compiled_engine.run_all(shape.retimed(services, 6))
    assert len(kept_with(shape).once("orders", list)) <= orders.MOST_ORDERS


def test_a_schedule_that_deadlocks_is_named():
    knot = make_stage("knot", [1, 1], waits=(make_wait("knot", [1, -1]),))
    schedules = Schedules.of([Schedule((knot,), {}, ("knot", np.array([1])))] * 3)
    with pytest.raises(ModelError, match=r"^deadlock: knot\[0\] waits for knot\[1\]"):
        compiled_engine.run_all(schedules)
