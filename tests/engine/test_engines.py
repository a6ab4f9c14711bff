"""Both engines against the rules: small cases by hand, then thousands of generated ones against the interpreter."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import astuple, replace
from graphlib import TopologicalSorter

import numpy as np
import pytest
from engine.schedules import (
    DeadlockError,
    Times,
    dependencies,
    has_cycle,
    interpret,
    interpret_stalls,
    make_schedule,
    make_stage,
    make_unless,
    make_wait,
    random_crowd,
    random_schedule,
)

import hwsim.engine
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.timeline import stalls
from hwsim.errors import ModelError, UsageError

ENGINES = (simpy_engine, compiled_engine)
N_GENERATED = 2_400
N_CROWDS = 120
BLOCK = 300

both_engines = pytest.mark.parametrize("engine", ENGINES, ids=["simpy", "compiled"])


def times_of(schedule, timeline):
    """Times by (stage, job), as the interpreter gives them."""
    return {
        (stage.name, j): Times(
            int(timeline.start[stage.name][j]),
            int(timeline.free[stage.name][j]),
            int(timeline.done[stage.name][j]),
            bool(timeline.ran[stage.name][j]),
        )
        for stage in schedule.stages
        for j in range(stage.n_jobs)
    }


def starts(schedule, engine):
    return {name: start.tolist() for name, start in engine.run(schedule).start.items()}


def ran(schedule, engine):
    return {name: ran.tolist() for name, ran in engine.run(schedule).ran.items()}


@both_engines
def test_job_frees_its_stage_after_service_and_is_done_after_latency(engine):
    timeline = engine.run(make_schedule(make_stage("s", [3, 2], latency=[10, 1])))
    assert timeline.start["s"].tolist() == [0, 3]
    assert timeline.free["s"].tolist() == [3, 5]
    assert timeline.done["s"].tolist() == [13, 6]
    assert timeline.ran["s"].tolist() == [True, True]
    assert timeline.makespan_cycles == 13
    assert timeline.start["s"].dtype == timeline.free["s"].dtype == timeline.done["s"].dtype == np.int64
    assert timeline.ran["s"].dtype == np.bool_


@both_engines
@pytest.mark.parametrize(("event", "start"), [("start", 1), ("free", 4), ("done", 9)])
def test_wait_looks_at_its_event(engine, event, start):
    first = make_stage("a", [1, 3], latency=5)
    second = make_stage("b", [1], waits=(make_wait("a", [1], event),))
    assert starts(make_schedule(first, second), engine)["b"] == [start]


@both_engines
def test_wait_looks_at_one_job_and_not_at_those_before_it(engine):
    first = make_stage("a", [1, 1], latency=[50, 0])
    second = make_stage("b", [1, 1], waits=(make_wait("a", [1, 0]),))
    assert starts(make_schedule(first, second), engine)["b"] == [2, 51]


@both_engines
def test_bounded_buffer_holds_its_writer_back(engine):
    """One place between the two: the writer may start job j when the reader has freed job j - 1's place."""
    writer = make_stage("a", [1, 1, 1], waits=(make_wait("b", [-1, 0, 1], "free", "blocked"),))
    reader = make_stage("b", [5, 5, 5], waits=(make_wait("a", [0, 1, 2]),))
    assert starts(make_schedule(writer, reader), engine) == {"a": [0, 6, 12], "b": [1, 7, 13]}


@both_engines
def test_unit_goes_to_who_was_ready_first_then_to_the_earlier_stage(engine):
    late = make_stage("a", [2], waits=(make_wait("c", [0], "start"),), unit="bus")
    tied = make_stage("b", [2], unit="bus")
    clock = make_stage("c", [1], waits=(make_wait("d", [0]),))
    first = make_stage("d", [1], unit="bus")
    schedule = make_schedule(late, tied, clock, first, units={"bus": 1})
    # b and d are ready at 0 and b comes first; d follows at 2, c at 3, and a, ready at 3, finds the bus free.
    assert starts(schedule, engine) == {"a": [3], "b": [0], "c": [3], "d": [2]}


@both_engines
def test_unit_serves_as_many_as_it_has_slots_from_the_cycle_one_returns(engine):
    stages = [make_stage(name, [4], unit="bus") for name in "abc"]
    assert starts(make_schedule(*stages, units={"bus": 2}), engine) == {"a": [0], "b": [0], "c": [4]}


@both_engines
def test_more_slots_than_stages_are_no_constraint(engine):
    stages = [make_stage(name, [4], unit="bus") for name in "abc"]
    schedule = make_schedule(*stages, units={"bus": 10**12, "spare": 10**12})
    assert starts(schedule, engine) == {"a": [0], "b": [0], "c": [0]}


@both_engines
def test_job_without_service_takes_no_slot(engine):
    stages = [make_stage("a", [9], unit="bus"), make_stage("b", [0, 1], unit="bus")]
    assert starts(make_schedule(*stages, units={"bus": 1}), engine) == {"a": [0], "b": [0, 9]}


@both_engines
def test_slot_is_not_held_while_waiting(engine):
    """`a` waits for data until 5; meanwhile `b` has the bus, although `a` comes first."""
    source = make_stage("source", [5])
    a = make_stage("a", [1], waits=(make_wait("source", [0]),), unit="bus")
    b = make_stage("b", [3], unit="bus")
    assert starts(make_schedule(source, a, b, units={"bus": 1}), engine) == {"source": [0], "a": [5], "b": [0]}


@both_engines
@pytest.mark.parametrize(("decided", "runs"), [(4, False), (5, False), (6, True)])
def test_decision_done_when_a_job_would_start_voids_it(engine, decided, runs):
    decision = make_stage("exit", [decided])
    job = make_stage("s", [5, 7], unless=make_unless("exit", [-1, 0]))
    schedule = make_schedule(decision, job)
    assert ran(schedule, engine)["s"] == [True, runs]
    assert engine.run(schedule).free["s"].tolist() == [5, 12 if runs else 5]


@both_engines
def test_void_job_satisfies_every_wait_and_is_no_part_of_the_makespan(engine):
    decision = make_stage("exit", [1])
    job = make_stage("s", [1, 90], latency=90, unless=make_unless("exit", [-1, 0]))
    after = [make_stage(e, [1], waits=(make_wait("s", [1], e),)) for e in ("start", "free", "done")]
    timeline = engine.run(make_schedule(decision, job, *after))
    assert [timeline.start[e].tolist() for e in ("start", "free", "done")] == [[1], [1], [1]]
    assert timeline.makespan_cycles == 91


@both_engines
def test_void_decision_decides_nothing(engine):
    first = make_stage("first", [0])
    second = make_stage("second", [0], waits=(make_wait("first", [0]),), unless=make_unless("first", [0]))
    job = make_stage("s", [1], waits=(make_wait("second", [0]),), unless=make_unless("second", [0]))
    assert ran(make_schedule(first, second, job), engine) == {"first": [True], "second": [False], "s": [True]}


@both_engines
def test_job_that_waits_for_a_slot_becomes_void_without_one(engine):
    bus = make_stage("a", [9], unit="bus")
    decision = make_stage("exit", [4])
    job = make_stage("s", [2], unit="bus", unless=make_unless("exit", [0]))
    timeline = engine.run(make_schedule(bus, decision, job, units={"bus": 1}))
    assert timeline.start["s"].tolist() == timeline.done["s"].tolist() == [4]
    assert not timeline.ran["s"][0]


@both_engines
def test_decision_granted_in_a_pass_voids_nothing_of_that_pass(engine):
    """Both are ready at 0 and granted against the same settled state; from the next pass on the decision counts."""
    decision = make_stage("exit", [0], unless=make_unless("s", [1]))
    jobs = make_stage("s", [0, 0], unless=make_unless("exit", [0, 0]))
    assert ran(make_schedule(decision, jobs), engine)["s"] == [True, False]


@both_engines
@pytest.mark.parametrize(("decided", "winner"), [(True, "late"), (False, "early")])
def test_request_that_follows_from_a_grant_comes_too_late_for_it(engine, decided, winner):
    """`early` is ready once `trigger` starts, at 0: in the first settle step, or after a grant if it has a decision."""
    early = make_stage("early", [5], waits=(make_wait("trigger", [0], "start"),), unit="bus")
    trigger = make_stage("trigger", [1], unless=make_unless("early", [0]) if decided else None)
    late = make_stage("late", [5], unit="bus")
    got = starts(make_schedule(early, trigger, late, units={"bus": 1}), engine)
    assert min(("early", "late"), key=lambda name: got[name]) == winner


@both_engines
def test_void_job_leaves_its_slot_to_the_same_pass(engine):
    """`a` is void and its next job asks at once, but after `b`, which got the slot in the pass that voided."""
    decision = make_stage("exit", [0])
    a = make_stage("a", [3, 3], unit="bus", unless=make_unless("exit", [0, -1]))
    b = make_stage("b", [3], unit="bus")
    assert starts(make_schedule(decision, a, b, units={"bus": 1}), engine) == {"exit": [0], "a": [0, 3], "b": [0]}


@both_engines
def test_job_becomes_void_in_the_pass_that_gives_its_slot_away(engine):
    """`void` is in the first pass, so `first` asks for the port in the second; `second` can only in the third."""
    stages = [
        make_stage("decision", [0]),
        make_stage("hog", [5], unit="bus"),
        make_stage("void", [1], unit="bus", unless=make_unless("decision", [0])),
        make_stage("second", [4], waits=(make_wait("chain", [1]),), unit="port"),
        make_stage("first", [4], waits=(make_wait("void", [0]),), unit="port"),
        make_stage("chain", [0, 0], unless=make_unless("second", [0, 0])),
    ]
    got = starts(make_schedule(*stages, units={"bus": 1, "port": 1}), engine)
    assert (got["first"], got["second"]) == ([0], [4])


@both_engines
def test_schedule_without_jobs(engine):
    timeline = engine.run(make_schedule(make_stage("a", [], unit="bus"), make_stage("b", []), units={"bus": 1}))
    assert timeline.makespan_cycles == 0
    assert timeline.start["a"].tolist() == timeline.ran["b"].tolist() == []


@both_engines
def test_times_stay_exact_beyond_what_a_float_can_hold(engine):
    long = 2**60 + 1
    timeline = engine.run(make_schedule(make_stage("s", [long, long], latency=1, unit="bus"), units={"bus": 1}))
    assert timeline.done["s"].tolist() == [long + 1, 2 * long + 1]


@both_engines
@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            [make_stage("a", [1], waits=(make_wait("a", [0], "start"),))],
            "deadlock: a[0] waits for a[0]",
        ),
        (
            [make_stage("a", [1, 1, 1], waits=(make_wait("a", [-1, 2, -1]),))],
            "deadlock: a[1] waits for a[2], which comes after a[1]",
        ),
        (
            [
                make_stage("idle", [1]),
                make_stage("far", [1], waits=(make_wait("a", [0]),)),
                make_stage("a", [1, 1], waits=(make_wait("idle", [0, 0]), make_wait("b", [1, -1]))),
                make_stage("b", [1, 1], waits=(make_wait("a", [1, -1]),)),
            ],
            "deadlock: a[0] waits for b[1], which comes after b[0], which waits for a[1], which comes after a[0]",
        ),
    ],
    ids=["itself", "later", "each other"],
)
def test_deadlock_names_the_cycle(engine, stages, message):
    with pytest.raises(ModelError) as caught:
        engine.run(make_schedule(*stages))
    assert str(caught.value) == message


@pytest.mark.parametrize("first", range(0, N_GENERATED, BLOCK))
def test_engines_equal_the_interpreter(first):
    for seed in range(first, first + BLOCK):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            assert_deadlock(schedule, seed)
            continue
        expected = interpret(schedule, seed)
        makespan = max((times.done for times in expected.values() if times.ran), default=0)
        accounts = interpret_stalls(schedule, expected)
        for engine in ENGINES:
            timeline = engine.run(schedule)
            assert times_of(schedule, timeline) == expected, (seed, engine)
            assert timeline.makespan_cycles == makespan, (seed, engine)
            assert {name: astuple(a) for name, a in stalls(schedule, timeline).items()} == accounts, (seed, engine)


def test_engines_equal_the_interpreter_where_many_stages_share_few_units():
    voided = 0
    for seed in range(N_CROWDS):
        schedule = random_crowd(seed)
        expected = interpret(schedule, seed)
        voided += sum(not times.ran for times in expected.values())
        for engine in ENGINES:
            assert times_of(schedule, engine.run(schedule)) == expected, (seed, engine)
    assert voided > N_CROWDS


def assert_deadlock(schedule, seed):
    """The interpreter gets stuck, and both engines say the same about it."""
    with pytest.raises(DeadlockError):
        interpret(schedule, seed)
    messages = set()
    for engine in ENGINES:
        with pytest.raises(ModelError) as caught:
            engine.run(schedule)
        messages.add(str(caught.value))
    assert len(messages) == 1, seed
    assert_is_cycle(schedule, messages.pop())


def assert_is_cycle(schedule, message):
    """Each clause of a deadlock message is an edge, or a path along one stage, and the last leads to the first job."""
    assert re.fullmatch(r"deadlock: \w+\[\d+\]((, which)? (waits for|comes after) \w+\[\d+\])+", message)
    jobs = [(name, int(j)) for name, j in re.findall(r"(\w+)\[(\d+)\]", message)]
    relations = re.findall(r"waits for|comes after", message)
    graph = dependencies(schedule)
    assert jobs[0] == jobs[-1]
    for (stage, j), relation, awaited in zip(jobs, relations, jobs[1:], strict=False):
        if relation == "waits for":
            assert awaited in graph[stage, j]
        else:
            assert awaited[0] == stage
            assert awaited[1] < j


def test_order_of_evaluation_does_not_matter():
    """Of the interpreter, which is only fit to judge the engines if its own shuffling changes nothing."""
    for seed in range(0, 200):
        schedule = random_schedule(seed)
        if not has_cycle(schedule):
            assert interpret(schedule, 1) == interpret(schedule, 2) == interpret(schedule, 3), seed


@both_engines
def test_without_units_and_decisions_it_is_the_max_plus_recurrence(engine):
    for seed in range(300):
        full = random_schedule(seed)
        schedule = replace(full, stages=tuple(replace(s, unit=None, unless=None) for s in full.stages))
        if not has_cycle(schedule):
            assert times_of(schedule, engine.run(schedule)) == max_plus(schedule), seed


def max_plus(schedule):
    """start[s, j] = max(free[s, j - 1], waits), in any order that the graph allows."""
    times = {}
    stages = {stage.name: stage for stage in schedule.stages}
    for name, j in TopologicalSorter(dependencies(schedule)).static_order():
        stage = stages[name]
        met = [times[name, j - 1].free] if j else [0]
        met += [getattr(times[w.stage, int(w.needs[j])], w.event) for w in stage.waits if w.needs[j] >= 0]
        free = max(met) + int(stage.service[j])
        times[name, j] = Times(max(met), free, free + int(stage.latencies[j]), True)
    return times


@both_engines
def test_makespan_lies_within_its_bounds(engine):
    for seed in range(300):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        timeline = engine.run(schedule)
        busy = {s.name: int(s.service[timeline.ran[s.name]].sum()) for s in schedule.stages}
        assert max(busy.values()) <= timeline.makespan_cycles, seed
        for unit, capacity in schedule.units.items():
            load = sum(busy[s.name] for s in schedule.stages if s.unit == unit)
            assert load <= capacity * timeline.makespan_cycles, seed
        assert timeline.makespan_cycles <= sum(int((s.service + s.latencies).sum()) for s in schedule.stages), seed


@both_engines
def test_unit_never_holds_more_jobs_than_slots(engine):
    for seed in range(300):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            continue
        timeline = engine.run(schedule)
        for unit, capacity in schedule.units.items():
            held = Counter()
            for stage in schedule.stages:
                if stage.unit == unit:
                    for start, free in zip(timeline.start[stage.name], timeline.free[stage.name], strict=True):
                        held.update(range(start, free))
            assert max(held.values(), default=0) <= capacity, seed


def test_generated_schedules_hold_what_they_must():
    """The cases that the engines are compared on: each must be there in numbers, or the comparison says little."""
    seen = Counter()
    for seed in range(600):
        schedule = random_schedule(seed)
        if has_cycle(schedule):
            seen["deadlocks"] += 1
            continue
        times = times_of(schedule, simpy_engine.run(schedule))
        positions = schedule.positions
        for stage in schedule.stages:
            for j in range(stage.n_jobs):
                job = times[stage.name, j]
                seen["jobs"] += 1
                seen["void jobs"] += not job.ran
                seen["jobs without service"] += not stage.service[j]
                seen["jobs without latency"] += not stage.latencies[j]
                seen["jobs on a unit of three"] += stage.unit is not None and schedule.units[stage.unit] == 3
                if stage.unless is not None and stage.unless.needs[j] >= 0:
                    decision = times[stage.unless.stage, int(stage.unless.needs[j])]
                    seen["void decisions"] += not decision.ran
                    seen["decisions done when the job would start"] += (
                        decision.ran and not job.ran and decision.done == job.start
                    )
                for wait in stage.waits:
                    if wait.needs[j] >= 0:
                        seen[f"waits for {wait.event}"] += 1
                        seen["waits for a later stage"] += positions[wait.stage] > positions[stage.name]
                        seen["waits for its own stage"] += wait.stage == stage.name
        on_unit = Counter(
            (stage.unit, times[stage.name, j].start)
            for stage in schedule.stages
            for j in range(stage.n_jobs)
            if stage.unit is not None and stage.service[j] and times[stage.name, j].ran
        )
        seen["slots of a unit granted in one cycle"] += sum(n > 1 for n in on_unit.values())
    assert not {what: n for what, n in seen.items() if n < 25}, seen
    assert len(seen) == 14


@pytest.mark.parametrize("interpreted", [False, True])
def test_auto_takes_the_compiled_engine_unless_kernels_run_as_plain_python(monkeypatch, interpreted):
    monkeypatch.setattr(simpy_engine, "run", lambda schedule: "simpy")
    monkeypatch.setattr(compiled_engine, "run", lambda schedule: "compiled")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", str(int(interpreted)))
    schedule = make_schedule(make_stage("s", [1]))
    assert hwsim.engine.run(schedule) == ("simpy" if interpreted else "compiled")
    assert [hwsim.engine.run(schedule, engine=name) for name in ("simpy", "compiled")] == ["simpy", "compiled"]


def test_unknown_engine_is_the_users_error():
    with pytest.raises(UsageError, match=r"^engine: wanted auto, simpy or compiled, got 'simp'; did you mean 'simpy'"):
        hwsim.engine.run(make_schedule(make_stage("s", [1])), engine="simp")


def test_importing_the_engine_loads_neither_simpy_nor_numba():
    command = "import sys, hwsim.engine; print({'simpy', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
