"""The jobs that a job's end hangs on: from it back to cycle 0, each started by what happened last before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage
from hwsim.engine.timeline import Timeline

REASONS = ("begin", "order", "data", "space", "unit", "decision")
"""Why a job starts when it does: it is cycle 0; the job before it on its stage left; its last datum came; the last
place that it needs became free; it got a slot of its unit; or, of a void job, its decision was done."""
BEGIN, ORDER, DATA, SPACE, UNIT, DECISION = range(len(REASONS))
_EVENTS = ("start", "free", "done")


class Path(NamedTuple):
    """Jobs in the order of time, each started by an event of the one before it; all arrays are int64 [step].

    A job is there with what the next one waits for: with its service if that is its free, with its latency, too, if it
    is its done, and with no cycle if it is its start.  So `service` and `latency` add up to the end of the last job.
    """

    stage: NDArray[np.int64]  # position in the schedule
    job: NDArray[np.int64]
    start: NDArray[np.int64]  # cycle
    service: NDArray[np.int64]  # cycles on the path
    latency: NDArray[np.int64]
    reason: NDArray[np.int64]  # why it started then, as a place in REASONS


def critical_path(schedule: Schedule, timeline: Timeline, end: tuple[str, int] | None = None) -> Path:
    """The path to the done of a job, by stage and index, or else to that of the last sample's answer.

    Only times of jobs are looked at, so it does not depend on the engine.  Where several events came last, that one is
    taken which stalls are booked on (rule 6 of the engines, docs/design.md): the job before, then data, then space, of
    these the wait named first; of jobs that gave back a slot, that of the first stage.  Without shared units the
    end is later by what any service or latency on the path grows by, and no sooner for what is off it and shrinks.
    """
    if end is None:
        end = schedule.answer[0], int(schedule.answer[1][-1])
    walk = _Walk(schedule, timeline)
    position, job, event = schedule.positions[end[0]], end[1], "done"
    steps: list[tuple[int, int, int, int, int, int]] = []
    while True:
        bound = walk.of(position)
        start, free, done = (int(times[job]) for times in bound.times)
        steps.append(
            (
                *(position, job, start),
                *(free - start if event != "start" else 0, done - free if event == "done" else 0, bound.reason[job]),
            )
        )
        reason = bound.reason[job]
        if reason == BEGIN:
            break
        if reason == ORDER:
            job, event = job - 1, "free"
        elif reason == UNIT:
            (position, job), event = walk.gave_back(position, start), "free"
        else:
            position, job, event = bound.awaited(job)
    return Path(*np.array(steps[::-1], dtype=np.int64).T)


@dataclass(frozen=True, slots=True)
class _Bound:
    """What every job of a stage was started by, and its times: plain lists, which are looked up one by one."""

    times: tuple[list[int], list[int], list[int]]
    reason: list[int]
    wait: list[int]  # which of `targets` it was, -1 for none of them
    targets: list[tuple[int, list[int], str]]  # position, needs, event

    def awaited(self, job: int) -> tuple[int, int, str]:
        """Position, job and event that a job started by."""
        position, needs, event = self.targets[self.wait[job]]
        return position, needs[job], event


class _Walk:
    """What stages and units are asked on the way, found when it is."""

    def __init__(self, schedule: Schedule, timeline: Timeline) -> None:
        self._schedule, self._timeline = schedule, timeline
        self._positions = schedule.positions
        self._times = dict(zip(_EVENTS, (timeline.start, timeline.free, timeline.done), strict=True))
        self._bounds: dict[int, _Bound] = {}
        self._returns: dict[str, dict[int, tuple[int, int]]] = {}

    def of(self, position: int) -> _Bound:
        """What the jobs of a stage were started by."""
        if position not in self._bounds:
            self._bounds[position] = self._bound(self._schedule.stages[position])
        return self._bounds[position]

    def gave_back(self, position: int, cycle: int) -> tuple[int, int]:
        """The job that gave back a slot of a stage's unit in a cycle."""
        unit = self._schedule.stages[position].unit
        assert unit is not None
        if unit not in self._returns:
            self._returns[unit] = self._returned(unit)
        return self._returns[unit][cycle]

    def _bound(self, stage: Stage) -> _Bound:
        start, ran = self._timeline.start[stage.name], self._timeline.ran[stage.name]
        latest = np.zeros(stage.n_jobs, np.int64)
        latest[1:] = self._timeline.free[stage.name][:-1]
        reason, by = np.full(stage.n_jobs, ORDER), np.full(stage.n_jobs, -1)
        reason[:1] = BEGIN
        targets: list[tuple[int, list[int], str]] = []
        for wait in sorted(stage.waits, key=lambda wait: wait.stall == "blocked"):
            met = self._met(wait.stage, wait.event, wait.needs)
            later = met > latest
            reason[later], by[later] = SPACE if wait.stall == "blocked" else DATA, len(targets)
            latest = np.maximum(latest, met)
            targets.append((self._positions[wait.stage], wait.needs.tolist(), str(wait.event)))
        late = start > latest
        reason[late & ran] = UNIT
        if stage.unless is not None:
            reason[late & ~ran], by[late & ~ran] = DECISION, len(targets)
            targets.append((self._positions[stage.unless.stage], stage.unless.needs.tolist(), "done"))
        own = [self._times[event][stage.name].tolist() for event in _EVENTS]
        return _Bound((own[0], own[1], own[2]), reason.tolist(), by.tolist(), targets)

    def _met(self, stage: str, event: str, needs: NDArray[np.int64]) -> NDArray[np.int64]:
        """When what each job needs happened, -1 where it needs nothing."""
        times = self._times[event][stage]
        return np.where(needs >= 0, times[needs], -1) if times.size else np.full(needs.shape, -1, np.int64)

    def _returned(self, unit: str) -> dict[int, tuple[int, int]]:
        """By cycle, the job that gave back a slot of a unit in it: of several, that of the first stage."""
        found: dict[int, tuple[int, int]] = {}
        for position, stage in enumerate(self._schedule.stages):
            if stage.unit == unit:
                held = np.flatnonzero(self._timeline.ran[stage.name] & (stage.service > 0))
                for cycle, job in zip(self._timeline.free[stage.name][held].tolist(), held.tolist(), strict=True):
                    found.setdefault(cycle, (position, job))
        return found
