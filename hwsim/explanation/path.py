"""The critical path of a sample, job by job, merged into runs of a stage and folded where runs repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from hwsim.engine.critical_path import DATA, DECISION, ORDER, SPACE, UNIT, Path, critical_path
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage
from hwsim.run.replay import Replay

Cause = Literal["work", "data", "buffer full", "shared unit", "decision", "answer"]
"""Why the cycles of a job are on the path: its stage has the next job to do; the next stage waits for its result; a
stage before it waits for the place that it reads from; another stage waits for the unit that it holds; its decision
makes a job void; it is the answer."""
_CAUSES: dict[int, Cause] = {
    ORDER: "work",
    DATA: "data",
    SPACE: "buffer full",
    UNIT: "shared unit",
    DECISION: "decision",
}
_LONGEST_PATTERN = 16
"""Runs in a pattern that is looked for; our choice."""


@dataclass(frozen=True, slots=True)
class PathJob:
    """One job on the path, with the cycles that it has there."""

    stage: str
    layer: str
    unit: str  # that the stage shares, or the stage itself
    job: int
    timestep: int
    begin_cycle: int
    work_cycles: int  # of its service
    delay_cycles: int  # from then until its result could be read
    cause: Cause

    @property
    def cycles(self) -> int:
        """Both."""
        return self.work_cycles + self.delay_cycles


@dataclass(frozen=True, slots=True)
class PathRun:
    """Jobs of one stage that follow each other on the path for one cause."""

    stage: str
    layer: str
    unit: str
    cause: Cause
    jobs: int
    begin_cycle: int
    work_cycles: int
    delay_cycles: int

    @property
    def cycles(self) -> int:
        """All of them."""
        return self.work_cycles + self.delay_cycles


@dataclass(frozen=True, slots=True)
class Fold:
    """Runs that follow each other, and the same stages and causes again and again: `times` times in all."""

    runs: tuple[PathRun, ...]  # each added up over all times
    times: int

    @property
    def begin_cycle(self) -> int:
        """Where the first of them begins."""
        return self.runs[0].begin_cycle

    @property
    def cycles(self) -> int:
        """Of all of them."""
        return sum(run.cycles for run in self.runs)


def jobs_on(replay: Replay) -> list[PathJob]:
    """The jobs on the critical path of a sample in the order of time; their cycles are its latency.

    In a stream what lies before the sample's own first start is cut off.
    """
    path = critical_path(replay.schedule, replay.timeline, replay.end)
    begin, names = replay.begin_cycle, _Named(replay.schedule)
    served = path.start + path.service
    done = served + path.latency
    first = int(np.argmax(done > begin))
    since = np.maximum(path.start, begin) - begin
    work = (served - begin - since).clip(0)
    delay = done - np.maximum(served, begin)
    columns = (column[first:].tolist() for column in (path.stage, path.job, since, work, delay))
    return [names.job(*step) for step in zip(*columns, _causes(path)[first:], strict=True)]


def _causes(path: Path) -> list[Cause]:
    """Why each job is there: what the next one started by."""
    return [*(_CAUSES[reason] for reason in path.reason[1:].tolist()), "answer"]


class _Named:
    """Jobs by the names of their stages."""

    def __init__(self, schedule: Schedule) -> None:
        self._stages: Sequence[Stage] = schedule.stages

    def job(self, position: int, job: int, begin: int, work: int, delay: int, cause: Cause) -> PathJob:
        stage = self._stages[position]
        unit = str(stage.unit or stage.name)
        return PathJob(str(stage.name), stage.layer, unit, job, int(stage.timestep[job]), begin, work, delay, cause)


def merged(jobs: Sequence[PathJob]) -> list[PathRun]:
    """Neighbours of the same stage and cause as one; jobs without a cycle on the path are left out."""
    spent = [job for job in jobs if job.cycles]
    return [_run(list(each)) for _, each in groupby(spent, key=lambda job: (job.stage, job.cause))]


def by_stage(jobs: Sequence[PathJob]) -> list[PathRun]:
    """All jobs of the same stage and cause as one, wherever on the path, most cycles first."""
    together: dict[tuple[str, Cause], list[PathJob]] = {}
    for job in jobs:
        if job.cycles:
            together.setdefault((job.stage, job.cause), []).append(job)
    return sorted(map(_run, together.values()), key=lambda run: -run.cycles)


def _run(jobs: Sequence[PathJob] | Sequence[PathRun]) -> PathRun:
    first = jobs[0]
    return PathRun(
        stage=first.stage,
        layer=first.layer,
        unit=first.unit,
        cause=first.cause,
        jobs=sum(job.jobs if isinstance(job, PathRun) else 1 for job in jobs),
        begin_cycle=first.begin_cycle,
        work_cycles=sum(job.work_cycles for job in jobs),
        delay_cycles=sum(job.delay_cycles for job in jobs),
    )


def folded(jobs: Sequence[PathJob]) -> list[Fold]:
    """Runs of a stage, whether it has the next job to do or gives its result, repeats of up to 16 of them told once.

    At each place the shortest pattern that repeats is taken.
    """
    spent = [job for job in jobs if job.cycles]
    runs = [_run(list(each)) for _, each in groupby(spent, key=lambda job: (job.stage, _kind(job.cause)))]
    keys = [(run.stage, _kind(run.cause)) for run in runs]
    return [
        Fold(tuple(_run(runs[start + i : start + length * times : length]) for i in range(length)), times)
        for start, length, times in _patterns(keys)
    ]


def _kind(cause: Cause) -> str:
    """What a stage is there for by its own work is one."""
    return "" if cause in ("work", "data", "answer") else cause


def _patterns(keys: Sequence[object]) -> Iterator[tuple[int, int, int]]:
    """Where each pattern begins, how long it is and how often it comes in a row."""
    start = 0
    while start < len(keys):
        length, times = 1, 1
        for size in range(1, _LONGEST_PATTERN + 1):
            found = _times(keys, start, size)
            if found > 1:
                length, times = size, found
                break
        yield start, length, times
        start += length * times


def _times(keys: Sequence[object], start: int, size: int) -> int:
    pattern, times = keys[start : start + size], 1
    while keys[start + times * size : start + (times + 1) * size] == pattern:
        times += 1
    return times
