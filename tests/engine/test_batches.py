"""Schedules of several samples played in one go, against each played alone."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from engine.schedules import (
    has_cycle,
    interpret,
    interpret_spans,
    interpret_stalls,
    make_stage,
    make_unless,
    make_wait,
    random_schedule,
)

from hwsim.engine import compiled_engine, run_all, simpy_engine
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage
from hwsim.engine.timeline import ACCOUNTS, stalls
from hwsim.errors import ModelError

SAMPLES = 3
ENGINES = (simpy_engine, compiled_engine)


def batch_of(schedule: Schedule, rng: np.random.Generator) -> Schedules:
    """Some stages with times or needs of each sample's own, the others as they are."""
    stages = []
    for i, stage in enumerate(schedule.stages):
        own = rng.random(3) < 0.6
        service, latency = stage.service, stage.latency
        if own[0]:
            service = rng.integers(0, 6, (SAMPLES, stage.n_jobs))
        if own[1]:
            latency = rng.integers(0, 4, (SAMPLES, stage.n_jobs))
        waits = stage.waits
        if own[2]:
            dropped = rng.random((SAMPLES, stage.n_jobs)) < 0.3
            waits = tuple(replace(wait, needs=np.where(dropped, -1, wait.needs)) for wait in waits)
        stages.append(
            BatchStage(stage.name, f"layer {i // 2}", service, latency, waits, stage.timestep, stage.unit, stage.unless)
        )
    return Schedules(tuple(stages), schedule.units, schedule.answer, SAMPLES)


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_samples_run_as_each_would_alone(first):
    played = 0
    for seed in range(first, first + 100):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        schedules = batch_of(schedule, np.random.default_rng(seed))
        played += 1
        expected = [interpret(each, seed) for each in schedules]
        accounts = [interpret_stalls(each, times) for each, times in zip(schedules, expected, strict=True)]
        spans = [interpret_spans(each, times) for each, times in zip(schedules, expected, strict=True)]
        for engine in ENGINES:
            timelines = engine.run_all(schedules)
            for sample, times in enumerate(expected):
                for (stage, job), each in times.items():
                    found = (
                        *(getattr(timelines, event)[stage][sample, job] for event in ("start", "free", "done")),
                        timelines.ran[stage][sample, job],
                    )
                    assert found == tuple(each), (seed, engine)
                ends = [each.done for each in times.values() if each.ran]
                assert timelines.makespan_cycles[sample] == max(ends, default=0)
                alone = timelines[sample]
                assert {name: astuple(cycles) for name, cycles in stalls(schedules[sample], alone).items()} == accounts[
                    sample
                ]
            for stage in schedules.stages:
                wanted = np.sum([each[stage.name] for each in accounts], axis=0)
                assert timelines.accounts[stage.name].tolist() == wanted.tolist(), (seed, engine)
                wanted = np.sum([each[stage.layer] for each in spans], axis=0)
                assert timelines.spans[stage.layer].tolist() == wanted.tolist(), (seed, engine)
    assert played > 50


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_samples_of_which_the_late_stages_differ(first):
    """Times of late stages differ, and nothing else: all that comes before the first of them is the same."""
    played = shared = 0
    for seed in range(first, first + 100):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        rng = np.random.default_rng(seed)
        stages = []
        for i, stage in enumerate(schedule.stages):
            late = i >= len(schedule.stages) // 2
            service = rng.integers(0, 6, (SAMPLES, stage.n_jobs)) if late else stage.service
            stages.append(
                BatchStage(stage.name, stage.layer, service, stage.latency, stage.waits, stage.timestep, stage.unit)
            )
        schedules = Schedules(tuple(stages), schedule.units, schedule.answer, SAMPLES)
        together = compiled_engine.run_all(schedules)
        for sample in range(SAMPLES):
            alone = compiled_engine.run(schedules[sample])
            for event in ("start", "free", "done"):
                for name, times in getattr(alone, event).items():
                    assert getattr(together, event)[name][sample].tolist() == times.tolist(), (seed, event)
        wanted = simpy_engine.run_all(schedules)
        assert {name: each.tolist() for name, each in together.accounts.items()} == {
            name: each.tolist() for name, each in wanted.accounts.items()
        }
        assert {name: each.tolist() for name, each in together.spans.items()} == {
            name: each.tolist() for name, each in wanted.spans.items()
        }
        played += 1
        shared += any(stage.service.ndim == 1 for stage in stages)
    assert played > 50
    assert shared > 30


def test_threads_share_out_samples_and_change_nothing(monkeypatch):
    monkeypatch.setattr(compiled_engine, "_JOBS_WORTH_THREADS", 0)
    for seed in range(20):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        schedules = batch_of(schedule, np.random.default_rng(seed))
        one, several = compiled_engine.run_all(schedules), compiled_engine.run_all(schedules, 2)
        assert one.makespan_cycles.tolist() == several.makespan_cycles.tolist()
        for field in ("start", "done", "ran", "accounts", "spans"):
            pairs = zip(getattr(one, field).values(), getattr(several, field).values(), strict=True)
            assert all(a.tolist() == b.tolist() for a, b in pairs), (seed, field)


def test_accounts_are_those_of_a_stage():
    assert ACCOUNTS == ("busy", "starved", "blocked", "arbitrating", "idle")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sample_that_deadlocks_is_named_by_its_jobs(engine):
    """The second of three waits for itself."""
    a = BatchStage("a", "a", np.ones(2, np.int64), 0, (), np.zeros(2, np.int32))
    needs = np.array([[-1, 0], [1, -1], [-1, 0]])
    b = BatchStage("b", "b", np.ones(2, np.int64), 0, (replace(make_wait("b", [0]), needs=needs),), a.timestep)
    schedules = Schedules((a, b), {}, ("b", np.array([1])), 3)
    with pytest.raises(ModelError, match=r"^deadlock: b\[0\] waits for b\[1\], which comes after b\[0\]$"):
        engine.run_all(schedules)


def stage(service, **rest):
    service = np.array(service, np.int64)
    return BatchStage("s", "s", service, rest.pop("latency", 0), (), np.zeros(service.shape[-1], np.int32), **rest)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (stage([[1, 2], [1, -2]]), "s[1] of sample 1: service must not be negative, got -2"),
        (stage([[1, 2]] * 3), "stage s: service must have one row per sample (2), got 3"),
        (stage([1, 2], latency=np.array([[0, 0], [-1, 0]])), "s[0] of sample 1: latency must not be negative, got -1"),
        (
            stage([[0, 0], [2**61, 2**61]]),
            "schedule: service and latency must sum to less than 2**62 cycles, got 4.61e+18",
        ),
        (stage([1, 2], unless=make_unless("t", [0, 0])), "stage s: is void by stage 't', which does not exist"),
    ],
)
def test_what_makes_no_schedule_of_some_sample_is_refused(wrong, message):
    with pytest.raises(ModelError) as caught:
        Schedules((wrong,), {}, ("s", np.array([1])), 2)
    assert str(caught.value) == message


def test_retimed_schedules_are_those_with_the_other_times():
    shape = Schedules((stage([0, 0]),), {}, ("s", np.array([1])), 1)
    retimed = shape.retimed({"s": np.array([[1, 2], [3, 4]])}, 2)
    assert [each.stages[0].service.tolist() for each in retimed] == [[1, 2], [3, 4]]
    assert run_all(retimed, "compiled").makespan_cycles.tolist() == [3, 7]
    with pytest.raises(ModelError, match=r"^s\[0\] of sample 1: service must not be negative, got -3$"):
        shape.retimed({"s": np.array([[1, 2], [-3, 4]])}, 2)
    with pytest.raises(ModelError, match=r"^stage s: service must have one entry per job \(2\), got 3$"):
        shape.retimed({"s": np.zeros(3, np.int64)}, 2)
    with pytest.raises(ModelError, match="must sum to less"):
        shape.retimed({"s": np.array([2**61, 2**61])}, 1)


def test_several_schedules_as_one_batch():
    one, other = (Schedule((make_stage("s", each),), {}, ("s", np.array([1]))) for each in ([1, 2], [3, 4]))
    both = Schedules.of([one, other])
    assert len(both) == 2
    assert [each.stages[0].service.tolist() for each in both] == [[1, 2], [3, 4]]
    assert [each.stages[0].service.tolist() for each in both[:1]] == [[1, 2]]
