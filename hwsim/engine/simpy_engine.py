"""The reference engine: stages as SimPy processes, jobs' times as SimPy events, one arbiter for all shared units.

`simpy.Resource` hands a slot out the moment it is asked for, so who gets it would depend on the order in which
processes happen to wake within a cycle. The arbiter instead decides after everything else of the cycle has settled.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.events import NORMAL, EventPriority

from hwsim.engine.deadlock import deadlock
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Event, Stage, Unless, Wait
from hwsim.engine.timeline import Timeline, Timelines

AFTER_NORMAL = EventPriority(NORMAL + 1)
"""Priority of a grant: SimPy handles it once no other event of the cycle is left."""


def run(schedule: Schedule) -> Timeline:
    """Play a schedule and return when each job ran; ModelError names the cycle of jobs where it deadlocks."""
    machine = Machine(schedule)
    machine.env.run()
    heads = [len(log.start) for log in machine.logs]
    if any(head < stage.n_jobs for head, stage in zip(heads, schedule.stages, strict=True)):
        raise deadlock(schedule, heads)
    return machine.timeline()


def run_all(schedules: Schedules, _threads: int = 1) -> Timelines:
    """Play one schedule for each sample, one after another, in this thread."""
    each = list(schedules)
    return Timelines.of(each, [run(schedule) for schedule in each])


class Moment(simpy.Event):
    """An event that others may wait for before it is known when it will be; then it is put so many cycles ahead."""

    def occur(self, delay: int = 0, priority: EventPriority = NORMAL) -> None:
        """Let it happen `delay` cycles from now."""
        self._ok = True
        self._value = None
        self.env.schedule(self, priority, delay)


Moments = Sequence[Moment | None]
"""One event of each job of a stage; None where nothing waits for it."""


class StageLog:
    """Times of the jobs of one stage that have started or become void so far, and the moments that others wait for."""

    def __init__(self, env: simpy.Environment, awaited: dict[Event, NDArray[np.bool_]]) -> None:
        self.start: list[int] = []
        self.free: list[int] = []
        self.done: list[int] = []
        self.ran: list[bool] = []
        self.moments: dict[Event, Moments] = {
            event: [Moment(env) if wanted else None for wanted in jobs.tolist()] for event, jobs in awaited.items()
        }

    def record(self, start: int, service: int, latency: int, ran: bool) -> None:
        """Write down the next job, whose times are all known once it starts."""
        self.start.append(start)
        self.free.append(start + service)
        self.done.append(start + service + latency)
        self.ran.append(ran)

    def occur(self, event: Event, job: int, delay: int = 0) -> None:
        """Tell those who wait for this event of this job."""
        moment = self.moments[event][job]
        if moment is not None:
            moment.occur(delay)


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The job that may void another one."""

    log: StageLog
    job: int

    @property
    def moment(self) -> Moment:
        """Its done."""
        moment = self.log.moments["done"][self.job]
        assert moment is not None
        return moment

    @property
    def voids(self) -> bool:
        """Whether it ran and is done; a decision that is itself void decides nothing."""
        return self.moment.processed and self.log.ran[self.job]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A ready job that needs a slot or has a decision; `answered` tells its stage whether it runs (else it is void)."""

    ready: int
    position: int
    unit: str | None
    decision: Decision | None
    answered: simpy.Event


class Arbiter:
    """Decides, cycle by cycle and after all else has settled, which ready jobs start and which become void."""

    def __init__(self, env: simpy.Environment, slots: dict[str, int]) -> None:
        self.env = env
        self.free_slots = slots
        self.requests: list[Request] = []
        self.called = False

    def request(self, position: int, unit: str | None, decision: Decision | None) -> simpy.Event:
        """Put a ready job forward."""
        request = Request(int(self.env.now), position, unit, decision, self.env.event())
        self.requests.append(request)
        self.call()
        if decision is not None and not decision.moment.processed:
            decision.moment.callbacks.append(self.call)
        return request.answered

    def release(self, unit: str) -> None:
        """Return a slot."""
        self.free_slots[unit] += 1
        self.call()

    def call(self, _: simpy.Event | None = None) -> None:
        """Ask for a grant at the end of this cycle, unless there is nothing to grant or one is coming already."""
        if self.requests and not self.called:
            self.called = True
            moment = Moment(self.env)
            moment.callbacks.append(self.grant)
            moment.occur(priority=AFTER_NORMAL)

    def grant(self, _: simpy.Event) -> None:
        """One pass over all requests against the settled state; what it sets off is settled before the next pass."""
        self.called = False
        waiting = []
        for request in sorted(self.requests, key=lambda r: (r.ready, r.position)):
            if request.decision is not None and request.decision.voids:
                request.answered.succeed(False)
            elif request.unit is None:
                request.answered.succeed(True)
            elif self.free_slots[request.unit]:
                self.free_slots[request.unit] -= 1
                request.answered.succeed(True)
            else:
                waiting.append(request)
        self.requests = waiting


class Machine:
    """A schedule set up in a SimPy environment, one process per stage."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.env = simpy.Environment()
        self.arbiter = Arbiter(self.env, dict(schedule.units))
        self.positions = schedule.positions
        self.logs = [StageLog(self.env, awaited) for awaited in _awaited(schedule)]
        for position, stage in enumerate(schedule.stages):
            self.env.process(self.operate(position, stage))

    def operate(self, position: int, stage: Stage) -> Generator[simpy.Event, Any, None]:
        """The life of one stage: for each job, wait until it is ready, be granted, serve, and tell the others."""
        env, log = self.env, self.logs[position]
        waits = [self.awaited_moments(wait) for wait in stage.waits]
        decisions = self.decisions(stage.unless, stage.n_jobs)
        times = zip(stage.service.tolist(), stage.latencies.tolist(), strict=True)
        for job, (service, latency) in enumerate(times):
            for moments in waits:
                moment = moments[job]
                if moment is not None and not moment.processed:
                    yield moment
            unit = stage.unit if service else None
            if unit is not None or decisions[job] is not None:
                runs = yield self.arbiter.request(position, unit, decisions[job])
                if not runs:
                    log.record(int(env.now), service=0, latency=0, ran=False)
                    log.occur("start", job)
                    log.occur("free", job)
                    log.occur("done", job)
                    continue
            log.record(int(env.now), service, latency, ran=True)
            log.occur("start", job)
            if service:
                yield env.timeout(service)
            if unit is not None:
                self.arbiter.release(unit)
            log.occur("free", job)
            log.occur("done", job, delay=latency)

    def awaited_moments(self, wait: Wait) -> Moments:
        """The moment that each job waits for, None where it waits for nothing."""
        moments = self.logs[self.positions[wait.stage]].moments[wait.event]
        return [moments[need] if need >= 0 else None for need in wait.needs.tolist()]

    def decisions(self, unless: Unless | None, n_jobs: int) -> Sequence[Decision | None]:
        """The decision on each job, None where it has none."""
        if unless is None:
            return [None] * n_jobs
        log = self.logs[self.positions[unless.stage]]
        return [Decision(log, need) if need >= 0 else None for need in unless.needs.tolist()]

    def timeline(self) -> Timeline:
        """What the logs hold, as arrays."""
        logs = dict(zip(self.positions, self.logs, strict=True))
        ends = (done for log in self.logs for done, ran in zip(log.done, log.ran, strict=True) if ran)
        return Timeline(
            start={name: np.array(log.start, dtype=np.int64) for name, log in logs.items()},
            free={name: np.array(log.free, dtype=np.int64) for name, log in logs.items()},
            done={name: np.array(log.done, dtype=np.int64) for name, log in logs.items()},
            ran={name: np.array(log.ran, dtype=np.bool_) for name, log in logs.items()},
            makespan_cycles=max(ends, default=0),
        )


def _awaited(schedule: Schedule) -> list[dict[Event, NDArray[np.bool_]]]:
    """Per stage and event, which jobs others wait for or are decided by."""
    events: tuple[Event, ...] = ("start", "free", "done")
    awaited = {stage.name: {e: np.zeros(stage.n_jobs, dtype=np.bool_) for e in events} for stage in schedule.stages}
    for stage in schedule.stages:
        for wait in stage.waits:
            awaited[wait.stage][wait.event][wait.needs[wait.needs >= 0]] = True
        if stage.unless is not None:
            awaited[stage.unless.stage]["done"][stage.unless.needs[stage.unless.needs >= 0]] = True
    return list(awaited.values())
