"""When each job ran, and what its stage did with its cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage

Cycles = Mapping[str, NDArray[np.int64]]
"""int64 [job], or [sample, job], of every stage, by its name, in the order of the schedule."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Start, free and done cycle of every job; a void job has all three equal and `ran` False."""

    start: Cycles
    free: Cycles
    done: Cycles
    ran: Mapping[str, NDArray[np.bool_]]
    makespan_cycles: int  # latest done over the jobs that ran, 0 if none did


@dataclass(frozen=True, slots=True, eq=False)
class Timelines:
    """When the jobs of some samples ran, each by a schedule of its own, and what their stages did meanwhile."""

    start: Cycles  # [sample, job]
    free: Cycles
    done: Cycles
    ran: Mapping[str, NDArray[np.bool_]]
    makespan_cycles: NDArray[np.int64]  # [sample]
    accounts: Mapping[str, NDArray[np.int64]]  # stage -> [account] in the order of `StageCycles`, of all samples
    spans: Mapping[str, NDArray[np.int64]]  # layer -> first start and last done of its jobs that ran, of all samples

    @classmethod
    def of(cls, schedules: Sequence[Schedule], played: Sequence[Timeline]) -> Timelines:
        """Those of samples that were played one by one."""
        names = [stage.name for stage in schedules[0].stages]
        accounts = {name: np.zeros(len(ACCOUNTS), np.int64) for name in names}
        spans = {stage.layer: np.zeros(2, np.int64) for stage in schedules[0].stages}
        for schedule, timeline in zip(schedules, played, strict=True):
            for name, cycles in stalls(schedule, timeline).items():
                accounts[name] += astuple(cycles)
            for layer, span in _spans(schedule, timeline).items():
                spans[layer] += span
        return cls(
            start={name: np.stack([each.start[name] for each in played]) for name in names},
            free={name: np.stack([each.free[name] for each in played]) for name in names},
            done={name: np.stack([each.done[name] for each in played]) for name in names},
            ran={name: np.stack([each.ran[name] for each in played]) for name in names},
            makespan_cycles=np.array([each.makespan_cycles for each in played], np.int64),
            accounts=accounts,
            spans=spans,
        )

    def __getitem__(self, sample: int) -> Timeline:
        """That of one sample."""
        start, free, done = (
            {name: each[sample] for name, each in times.items()} for times in (self.start, self.free, self.done)
        )
        ran = {name: each[sample] for name, each in self.ran.items()}
        return Timeline(start, free, done, ran, int(self.makespan_cycles[sample]))


@dataclass(frozen=True, slots=True)
class StageCycles:
    """What one stage did over the makespan; the five sum to it."""

    busy: int
    starved: int  # waited for data
    blocked: int  # had its data, waited for space
    arbitrating: int  # had both, waited for a slot of its unit
    idle: int  # the rest: before void jobs, and after its last job


ACCOUNTS = tuple(field.name for field in fields(StageCycles))


def stalls(schedule: Schedule, timeline: Timeline) -> dict[str, StageCycles]:
    """Account for every cycle of every stage, from the timeline alone (so it cannot depend on the engine).

    For each job that ran, a = free of the job before it (0 for the first), d = max(a, times of its starved waits),
    b = max(d, times of its blocked waits): it was starved for d - a, blocked for b - d, arbitrating for start - b.
    """
    return {stage.name: _stage_cycles(stage, timeline) for stage in schedule.stages}


def _stage_cycles(stage: Stage, timeline: Timeline) -> StageCycles:
    ran = timeline.ran[stage.name]
    available, has_data, has_space = moments(stage, timeline)
    busy = int(stage.service[ran].sum())
    starved = int((has_data - available)[ran].sum())
    blocked = int((has_space - has_data)[ran].sum())
    arbitrating = int((timeline.start[stage.name] - has_space)[ran].sum())
    idle = timeline.makespan_cycles - busy - starved - blocked - arbitrating
    return StageCycles(busy, starved, blocked, arbitrating, idle)


def moments(stage: Stage, timeline: Timeline) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """When the stage is there for each job, when the job has its data too, and when also its space: int64 [job]."""
    available = np.zeros(stage.n_jobs, dtype=np.int64)
    available[1:] = timeline.free[stage.name][:-1]
    has_data = _latest(available, stage, "starved", timeline)
    return available, has_data, _latest(has_data, stage, "blocked", timeline)


def _latest(since: NDArray[np.int64], stage: Stage, stall: str, timeline: Timeline) -> NDArray[np.int64]:
    times = {"start": timeline.start, "free": timeline.free, "done": timeline.done}
    latest = since
    for wait in stage.waits:
        if wait.stall == stall and len(times[wait.event][wait.stage]):
            met = times[wait.event][wait.stage][wait.needs]
            latest = np.maximum(latest, np.where(wait.needs >= 0, met, 0))
    return latest


def _spans(schedule: Schedule, timeline: Timeline) -> dict[str, tuple[int, int]]:
    """First start and last done of the jobs of every layer that ran; 0 and 0 where none did."""
    by_layer: dict[str, list[Stage]] = {}
    for stage in schedule.stages:
        by_layer.setdefault(stage.layer, []).append(stage)
    found = {}
    for layer, stages in by_layer.items():
        start, done = (
            np.concatenate([times[stage.name][timeline.ran[stage.name]] for stage in stages])
            for times in (timeline.start, timeline.done)
        )
        found[layer] = (int(start.min()), int(done.max())) if start.size else (0, 0)
    return found


def sample_latency(schedule: Schedule, timeline: Timeline) -> NDArray[np.int64]:
    """Cycles from the start of each sample to the done of its answer job: int64 [sample].

    A schedule with one answer holds one sample, which enters an empty pipeline at cycle 0. Several answers are a
    stream: each counts from the first start among the jobs that bear its answer job's sample label. Speculative work
    may end after the answer; it is no latency.
    """
    name, jobs = schedule.answer
    done = timeline.done[name][jobs]
    if len(jobs) <= 1:
        return done
    labels, sample = np.unique(schedule.stages[schedule.positions[name]].sample[jobs], return_inverse=True)
    return np.asarray(done - _first_starts(schedule, timeline, labels)[sample])


def _first_starts(schedule: Schedule, timeline: Timeline, labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """First start of the jobs that ran, for each of the sorted sample labels: int64 [label]."""
    first = np.full(len(labels), timeline.makespan_cycles, dtype=np.int64)
    for stage in schedule.stages:
        counted = timeline.ran[stage.name] & np.isin(stage.sample, labels)
        np.minimum.at(first, np.searchsorted(labels, stage.sample[counted]), timeline.start[stage.name][counted])
    return first
