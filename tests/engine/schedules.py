"""Schedules for the tests of the engines, and a slow interpreter written from the rules alone.

docs/design.md has them ("Rules of the engines").

The interpreter visits every cycle and every stage, in an order shuffled anew at each step, and looks nothing up in
hwsim.engine but the data classes; what it says about a schedule is what both engines must say.
"""

from __future__ import annotations

import random
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import numpy as np

from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage, Unless, Wait

Job = tuple[str, int]


class Times(NamedTuple):
    start: int
    free: int
    done: int
    ran: bool


class DeadlockError(Exception):
    """Jobs are left and nothing is pending."""


class Interpreter:
    """Rules 1 to 4, one cycle at a time."""

    def __init__(self, schedule: Schedule, seed: int) -> None:
        self.stages = {stage.name: stage for stage in schedule.stages}
        self.order = list(self.stages)
        self.capacity = dict(schedule.units)
        self.random = random.Random(seed)
        self.times: dict[Job, Times] = {}
        self.holding: dict[Job, str] = {}
        self.ready_since: dict[Job, int] = {}
        self.heads = dict.fromkeys(self.order, 0)
        self.now = 0

    def play(self) -> dict[Job, Times]:
        total = sum(stage.n_jobs for stage in self.stages.values())
        while len(self.times) < total or self.holding:
            changed = True
            while changed:
                changed = self.settle()
                changed |= self.grant()
            if len(self.times) < total and not self.pending():
                raise DeadlockError
            self.now += 1
        return self.times

    def pending(self) -> bool:
        return any(max(times.free, times.done) > self.now for times in self.times.values())

    def happened(self, job: Job, event: str) -> bool:
        return job in self.times and getattr(self.times[job], event) <= self.now

    def ready_job(self, name: str) -> Job | None:
        stage, index = self.stages[name], self.heads[name]
        if index == stage.n_jobs or (index and not self.happened((name, index - 1), "free")):
            return None
        for wait in stage.waits:
            if wait.needs[index] >= 0 and not self.happened((wait.stage, int(wait.needs[index])), wait.event):
                return None
        self.ready_since.setdefault((name, index), self.now)
        return name, index

    def needs_slot(self, job: Job) -> bool:
        stage = self.stages[job[0]]
        return stage.unit is not None and stage.service[job[1]] > 0

    def decision(self, job: Job) -> Job | None:
        unless = self.stages[job[0]].unless
        if unless is None or unless.needs[job[1]] < 0:
            return None
        return unless.stage, int(unless.needs[job[1]])

    def begin(self, job: Job) -> None:
        stage = self.stages[job[0]]
        service = int(stage.service[job[1]])
        latency = int(stage.latency if np.isscalar(stage.latency) else stage.latency[job[1]])
        self.resolve(job, Times(self.now, self.now + service, self.now + service + latency, True))

    def resolve(self, job: Job, times: Times) -> None:
        self.times[job] = times
        self.heads[job[0]] += 1

    def settle(self) -> bool:
        changed_ever = False
        changed = True
        while changed:
            changed = False
            moves = [("return", job) for job in self.holding] + [("start", name) for name in self.order]
            self.random.shuffle(moves)
            for move, what in moves:
                if move == "return" and self.times[what].free <= self.now:
                    del self.holding[what]
                    changed = True
                elif move == "start":
                    job = self.ready_job(what)
                    if job is not None and not self.needs_slot(job) and self.decision(job) is None:
                        self.begin(job)
                        changed = True
            changed_ever |= changed
        return changed_ever

    def grant(self) -> bool:
        names = self.random.sample(self.order, len(self.order))
        requests = [job for job in map(self.ready_job, names) if job is not None]
        void = [job for job in requests if (d := self.decision(job)) and self.happened(d, "done") and self.times[d].ran]
        slotless = [job for job in requests if job not in void and not self.needs_slot(job)]
        rest = [job for job in requests if job not in void and job not in slotless]
        granted = []
        for unit, capacity in self.capacity.items():
            vacant = capacity - list(self.holding.values()).count(unit)
            queue = [job for job in rest if self.stages[job[0]].unit == unit]
            queue.sort(key=lambda job: (self.ready_since[job], self.order.index(job[0])))
            granted += queue[:vacant]
        for job in void:
            self.resolve(job, Times(self.now, self.now, self.now, False))
        for job in slotless + granted:
            self.begin(job)
        for job in granted:
            self.holding[job] = self.stages[job[0]].unit
        return bool(void or slotless or granted)


def interpret(schedule: Schedule, seed: int = 0) -> dict[Job, Times]:
    """Times of every job by rules 1 to 4; raises DeadlockError."""
    return Interpreter(schedule, seed).play()


def interpret_stalls(schedule: Schedule, times: dict[Job, Times]) -> dict[str, tuple[int, int, int, int, int]]:
    """Busy, starved, blocked, arbitrating and idle cycles of each stage by rule 6, job by job."""
    makespan = max((t.done for t in times.values() if t.ran), default=0)
    accounts = {}
    for stage in schedule.stages:
        busy = starved = blocked = arbitrating = 0
        for j in range(stage.n_jobs):
            start, _, _, ran = times[stage.name, j]
            met = {"starved": [], "blocked": []}
            for wait in stage.waits:
                if wait.needs[j] >= 0:
                    met[wait.stall].append(getattr(times[wait.stage, int(wait.needs[j])], wait.event))
            a = times[stage.name, j - 1].free if j else 0
            d = max([a, *met["starved"]])
            b = max([d, *met["blocked"]])
            if ran:
                starved, blocked, arbitrating = starved + d - a, blocked + b - d, arbitrating + start - b
                busy += int(stage.service[j])
        accounts[stage.name] = (busy, starved, blocked, arbitrating, makespan - busy - starved - blocked - arbitrating)
    return accounts


def interpret_spans(schedule: Schedule, times: dict[Job, Times]) -> dict[str, tuple[int, int]]:
    """First start and last done of each layer, job by job; two zeros where none ran."""
    spans = {}
    for layer in {stage.layer for stage in schedule.stages}:
        of_layer = {stage.name for stage in schedule.stages if stage.layer == layer}
        ran = [each for (stage, _), each in times.items() if stage in of_layer and each.ran]
        spans[layer] = (min((each.start for each in ran), default=0), max((each.done for each in ran), default=0))
    return spans


def dependencies(schedule: Schedule) -> dict[Job, set[Job]]:
    """The graph of rule 7: each job and those it cannot start before."""
    graph: dict[Job, set[Job]] = {}
    for stage in schedule.stages:
        for j in range(stage.n_jobs):
            after = {(stage.name, j - 1)} if j else set()
            after |= {(wait.stage, int(wait.needs[j])) for wait in stage.waits if wait.needs[j] >= 0}
            graph[stage.name, j] = after
    return graph


def has_cycle(schedule: Schedule) -> bool:
    try:
        TopologicalSorter(dependencies(schedule)).prepare()
    except CycleError:
        return True
    return False


def make_stage(name: str, service: list[int], latency: int | list[int] = 0, **rest) -> Stage:
    """A stage with all labels zero; `waits` and `unless` as given to Stage."""
    labels = np.zeros(len(service), dtype=np.int32)
    if isinstance(latency, list):
        latency = np.array(latency, dtype=np.int64)
    rest = {"layer": name, "sample": labels, "timestep": labels, **rest}
    return Stage(name=name, service=np.array(service, dtype=np.int64), latency=latency, **rest)


def make_wait(stage: str, needs: list[int], event: str = "done", stall: str = "starved") -> Wait:
    return Wait(stage, np.array(needs, dtype=np.int64), event, stall)


def make_unless(stage: str, needs: list[int]) -> Unless:
    return Unless(stage, np.array(needs, dtype=np.int64))


def make_schedule(*stages: Stage, units: dict[str, int] | None = None) -> Schedule:
    """A schedule that is answered by the last job of its last stage, if it has one."""
    last = [stages[-1].n_jobs - 1] if stages[-1].n_jobs else []
    return Schedule(stages, units or {}, (stages[-1].name, np.array(last, dtype=np.int64)))


@cache
def random_schedule(seed: int) -> Schedule:
    """Every third a pipeline as machines lower them, the others with waits from anywhere to anywhere."""
    rng = np.random.default_rng(seed)
    return random_pipeline(rng) if seed % 3 == 0 else random_web(rng)


def random_web(rng: np.random.Generator) -> Schedule:
    """Any stage may wait for any other or itself; acyclic by a random order of the jobs, save one time in six."""
    counts = rng.integers(0, 8, size=rng.integers(1, 6)).tolist()
    names = [f"s{i}" for i in range(len(counts))]
    turns = rng.permutation(np.repeat(np.arange(len(counts)), counts)).tolist()
    rank: dict[Job, int] = {}
    for turn, i in enumerate(turns):
        rank[names[i], sum(1 for stage, _ in rank if stage == names[i])] = turn
    wild = rng.random() < 1 / 6
    units = {f"u{i}": int(rng.integers(1, 4)) for i in range(rng.integers(0, 3))}

    def needs(stage: str, other: str, anything: bool) -> list[int]:
        wanted = []
        for j in range(counts[names.index(stage)]):
            known = range(counts[names.index(other)])
            allowed = [k for k in known if anything or rank[other, k] < rank[stage, j]]
            wanted.append(int(rng.choice([*allowed[-3:], -1])) if rng.random() < 0.7 else -1)
        return wanted

    stages = []
    slowest = rng.integers(1, 6)
    for name, n_jobs in zip(names, counts, strict=True):
        waits = [
            make_wait(other, needs(name, other, wild), *_random_kind(rng))
            for other in rng.choice(names, size=rng.integers(0, 4)).tolist()
        ]
        voider = str(rng.choice(names))
        stages.append(
            make_stage(
                name,
                rng.integers(0, slowest, size=n_jobs).tolist(),
                latency=_random_latency(rng, n_jobs),
                waits=tuple(waits),
                unit=str(rng.choice(list(units))) if units and rng.random() < 0.7 else None,
                unless=make_unless(voider, needs(name, voider, rng.random() < 0.3)) if rng.random() < 0.5 else None,
            )
        )
    return make_schedule(*stages, units=units)


def random_pipeline(rng: np.random.Generator) -> Schedule:
    """A few layers, one job a row and timestep, bounded buffers between them, and early exits."""
    n_stages, timesteps, rows = int(rng.integers(2, 6)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    n_jobs, depth = timesteps * rows, int(rng.integers(1, 4))
    units = {f"u{i}": int(rng.integers(1, 3)) for i in range(rng.integers(0, 3))}
    exits = rng.random(timesteps) < 0.4
    until = [t * rows + rows - 1 for t in range(timesteps)]
    last_exit = [max((e for e in range(t) if exits[e]), default=-1) for t in range(timesteps)]
    voided = [last_exit[j // rows] for j in range(n_jobs)]
    speculates = bool(rng.random() < 0.7)
    event = str(rng.choice(["start", "free"]))
    stages = []
    for i in range(n_stages):
        waits = [make_wait(f"s{i - 1}", list(range(n_jobs)))] if i else []
        if i < n_stages - 1:
            waits.append(make_wait(f"s{i + 1}", [max(j - depth, -1) for j in range(n_jobs)], event, "blocked"))
        if not speculates:
            waits.append(make_wait("exit", [j // rows - 1 for j in range(n_jobs)]))
        stages.append(
            make_stage(
                f"s{i}",
                rng.integers(0, 5, size=n_jobs).tolist(),
                latency=_random_latency(rng, n_jobs),
                waits=tuple(waits),
                unit=str(rng.choice(list(units))) if units and rng.random() < 0.6 else None,
                unless=make_unless("exit", voided),
            )
        )
    stages.append(
        make_stage(
            "exit",
            rng.integers(0, 3, size=timesteps).tolist(),
            latency=_random_latency(rng, timesteps),
            waits=(make_wait(f"s{n_stages - 1}", until),),
            unless=make_unless("exit", last_exit) if rng.random() < 0.5 else None,
        )
    )
    return make_schedule(*stages, units=units)


def random_crowd(seed: int) -> Schedule:
    """Many stages ask the slots of few units, and decisions void some of those that stand in line."""
    rng = np.random.default_rng(seed)
    n_stages, n_jobs, decisions = int(rng.integers(9, 33)), int(rng.integers(2, 5)), int(rng.integers(1, 4))
    units = {f"u{i}": int(rng.integers(1, 4)) for i in range(rng.integers(1, 4))}
    doubtful = rng.random() < 0.7
    stages = [make_stage("exit", rng.integers(1, 20, size=decisions).tolist(), latency=int(rng.integers(0, 9)))]
    for i in range(n_stages):
        before = int(rng.integers(0, i)) if i and rng.random() < 0.4 else None
        stages.append(
            make_stage(
                f"s{i}",
                rng.integers(0, 6, size=n_jobs).tolist(),
                latency=_random_latency(rng, n_jobs),
                waits=() if before is None else (make_wait(f"s{before}", list(range(n_jobs)), *_random_kind(rng)),),
                unit=str(rng.choice(list(units))) if rng.random() < 0.9 else None,
                unless=make_unless("exit", rng.integers(-1, decisions, size=n_jobs).tolist()) if doubtful else None,
            )
        )
    return make_schedule(*stages, units=units)


def _random_kind(rng: np.random.Generator) -> tuple[str, str]:
    return str(rng.choice(["start", "free", "done"])), str(rng.choice(["starved", "blocked"]))


def _random_latency(rng: np.random.Generator, n_jobs: int) -> int | list[int]:
    return int(rng.integers(0, 3)) if rng.random() < 0.5 else rng.integers(0, 4, size=n_jobs).tolist()
