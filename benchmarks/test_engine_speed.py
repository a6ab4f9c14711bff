"""Jobs a second of both engines on five kinds of schedule; every run checks that the work was done.

    pytest benchmarks/test_engine_speed.py

Rates are per second of processor time, over the whole of `run`: laying the schedule out in arrays, the loop and
the timeline. That of SimPy is taken on the same kind of schedule with fewer jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest

from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage, Unless, Wait
from hwsim.engine.timeline import Timeline
from hwsim.kernels.events.batch import play_batch

N_JOBS = 1_000_000
N_JOBS_SIMPY = 20_000
ROWS, TIMESTEPS = 32, 4


def make_stage(
    name: str, n_jobs: int, waits: list[Wait], unit: str | None = None, unless: Unless | None = None
) -> Stage:
    """Services from 1 to 8 cycles, drawn by the stage's name, and a latency of one."""
    service = np.random.default_rng(list(name.encode())).integers(1, 9, n_jobs)
    labels = np.zeros(n_jobs, dtype=np.int32)
    return Stage(name, name, service, 1, tuple(waits), unit, unless, sample=labels, timestep=labels)


def data_from(position: int, n_jobs: int) -> list[Wait]:
    """Job j needs job j of the stage before, if there is one."""
    return [Wait(f"s{position - 1}", np.arange(n_jobs))] if position else []


def shared_bus(n_jobs: int) -> Schedule:
    """Four stages in a row that all need the one slot of a bus."""
    n = n_jobs // 4
    stages = [make_stage(f"s{i}", n, data_from(i, n), unit="bus") for i in range(4)]
    return Schedule(tuple(stages), {"bus": 1}, ("s3", np.array([n - 1])))


def pipeline(n_jobs: int) -> Schedule:
    """Eight stages in a row that share nothing."""
    n = n_jobs // 8
    stages = [make_stage(f"s{i}", n, data_from(i, n)) for i in range(8)]
    return Schedule(tuple(stages), {}, ("s7", np.array([n - 1])))


def bounded_buffers(n_jobs: int) -> Schedule:
    """Eight stages in a row with four places between neighbours; two pairs of them share a unit each."""
    n = n_jobs // 8
    units = {2: "adc", 3: "adc", 5: "port", 6: "port"}
    stages = []
    for i in range(8):
        waits = data_from(i, n)
        if i < 7:
            waits.append(Wait(f"s{i + 1}", np.maximum(np.arange(n) - 4, -1), "free", "blocked"))
        stages.append(make_stage(f"s{i}", n, waits, unit=units.get(i)))
    return Schedule(tuple(stages), {"adc": 1, "port": 1}, ("s7", np.array([n - 1])))


def crowded_units(n_jobs: int) -> Schedule:
    """64 stages in a row, of which every sixteenth shares the one slot of a unit."""
    n = n_jobs // 64
    stages = [make_stage(f"s{i}", n, data_from(i, n), unit=f"u{i % 16}") for i in range(64)]
    return Schedule(tuple(stages), {f"u{i}": 1 for i in range(16)}, ("s63", np.array([n - 1])))


def early_exit(n_jobs: int) -> Schedule:
    """Eight layers of 32 rows run ahead through four timesteps a sample; two in five decisions void what follows."""
    n_decisions = n_jobs // (8 * ROWS)
    n_decisions -= n_decisions % TIMESTEPS
    exits = np.random.default_rng(0).random((n_decisions // TIMESTEPS, TIMESTEPS)) < 0.4
    numbers = np.arange(n_decisions).reshape(exits.shape)
    latest_exit = np.maximum.accumulate(np.where(exits, numbers, -1), axis=1)
    voided_by = np.hstack([np.full((len(exits), 1), -1), latest_exit[:, :-1]]).ravel()
    n = n_decisions * ROWS
    layers = [
        make_stage(f"s{i}", n, data_from(i, n), unless=Unless("exit", np.repeat(voided_by, ROWS))) for i in range(8)
    ]
    last_rows = [Wait("s7", np.arange(ROWS - 1, n, ROWS))]
    decisions = make_stage("exit", n_decisions, last_rows, unless=Unless("exit", voided_by))
    return Schedule((*layers, decisions), {}, ("exit", np.array([n_decisions - 1])))


KINDS = (shared_bus, pipeline, bounded_buffers, crowded_units, early_exit)


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Least processor time of some calls."""
    best = float("inf")
    for _ in range(rounds):
        start = process_time()
        call()
        best = min(best, process_time() - start)
    return best


def assert_same(schedule: Schedule, left: Timeline, right: Timeline) -> None:
    assert left.makespan_cycles == right.makespan_cycles
    for stage in schedule.stages:
        for field in ("start", "free", "done", "ran"):
            assert np.array_equal(getattr(left, field)[stage.name], getattr(right, field)[stage.name])


def assert_done(schedule: Schedule, timeline: Timeline) -> None:
    """Every job has its time, follows the one before it, and is void only where something can void it."""
    for stage in schedule.stages:
        start, free, ran = (getattr(timeline, f)[stage.name] for f in ("start", "free", "ran"))
        assert len(start) == stage.n_jobs
        assert (start[1:] >= free[:-1]).all()
        assert np.array_equal(free - start, np.where(ran, stage.service, 0))
        assert stage.unless is not None or ran.all()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_compiled_engine(benchmark, capsys, kind):
    few = kind(N_JOBS_SIMPY)
    assert_same(few, simpy_engine.run(few), compiled_engine.run(few))
    schedule = kind(N_JOBS)
    assert 0.99 * N_JOBS < schedule.n_jobs < 1.01 * N_JOBS
    timeline = benchmark.pedantic(compiled_engine.run, args=(schedule,), rounds=5, warmup_rounds=1)
    assert_done(schedule, timeline)

    rate = schedule.n_jobs / seconds(lambda: compiled_engine.run(schedule), rounds=5)
    batch = Schedules.of([schedule])
    laying_out = seconds(lambda: compiled_engine.lay_out(batch), rounds=5)
    machines = iter([compiled_engine.lay_out(batch) for _ in range(5)])
    looping = seconds(lambda: play_batch(*next(machines)), rounds=5)
    rate_simpy = few.n_jobs / seconds(lambda: simpy_engine.run(few), rounds=2)
    benchmark.extra_info["jobs_per_s"] = rate
    benchmark.extra_info["jobs_per_s_simpy"] = rate_simpy
    with capsys.disabled():
        print(
            f"\n{kind.__name__}: {rate / 1e6:.1f} million jobs/s ({laying_out * 1e3:.1f} ms to lay out,"
            f" {looping * 1e3:.1f} ms in the loop); SimPy {rate_simpy / 1e3:.0f} thousand: {rate / rate_simpy:.0f} x"
        )
