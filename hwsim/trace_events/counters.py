"""Counters of what was played: how full buffers are, and power over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage, Wait
from hwsim.report.power import Power
from hwsim.run.replay import Replay
from hwsim.trace_events.events import Clock, Event, count


@dataclass(frozen=True, slots=True)
class Filling:
    """How many results of jobs of one stage lie in the buffer before another, from each of some cycles on."""

    writer: str
    reader: str
    cycles: NDArray[np.int64]
    full: NDArray[np.int64]
    places: int


def fillings(played: Replay) -> Iterator[Filling]:
    """Every buffer between a stage that waits for space and the stage that reads what it writes.

    A result takes a place from the start of its job until the job is free whose end lets the job so many places later
    start, and at the end until the reader's last one is.
    """
    by_name = {stage.name: stage for stage in played.schedule.stages}
    for writer in played.schedule.stages:
        for wait in writer.waits:
            reader = by_name[wait.stage]
            if wait.stall == "blocked" and reader is not writer and _reads(reader, writer, by_name):
                found = _filling(played, writer, reader, wait)
                if found is not None:
                    yield found


def _reads(reader: Stage, writer: Stage, stages: Mapping[str, Stage]) -> bool:
    """Whether a stage waits for data of another, from it or over a stage between the two, such as a link."""
    near = _sources(reader)
    return writer.name in near or any(writer.name in _sources(stages[name]) for name in near)


def _sources(stage: Stage) -> set[str]:
    return {wait.stage for wait in stage.waits if wait.stall == "starved" and wait.event == "done"}


def _filling(played: Replay, writer: Stage, reader: Stage, wait: Wait) -> Filling | None:
    """None where waits do not say how many places there are: the first job already waits, or none does."""
    waiting = wait.needs >= 0
    places = int(np.argmax(waiting))
    happened = np.flatnonzero(played.happened(writer))
    read = played.timeline.free[reader.name][played.happened(reader)]
    if not waiting.any() or not places or not happened.size or not read.size:
        return None
    times = played.timeline.free if wait.event == "free" else played.timeline.start
    given = np.maximum.accumulate(np.where(waiting, times[reader.name][wait.needs], 0))  # when each job has its place
    left = np.concatenate([given[places:], np.full(places, read.max())])[: writer.n_jobs]
    taken = played.timeline.start[writer.name][happened]
    left = np.maximum(np.minimum(left[happened], read.max()), taken)
    cycles = np.concatenate([taken, left])
    change = np.concatenate([np.ones(taken.size, np.int64), -np.ones(left.size, np.int64)])
    at, place = np.unique(cycles, return_inverse=True)
    steps = np.zeros(at.size, np.int64)
    np.add.at(steps, place, change)
    return Filling(str(writer.name), str(reader.name), at, np.cumsum(steps), places)


def buffer_counters(played: Replay, clock: Clock, pid: int) -> Iterator[Event]:
    """A counter a buffer: results that lie in it."""
    for each in fillings(played):
        name = f"buffer {each.writer} to {each.reader} (of {each.places})"
        for cycle, full in zip(each.cycles.tolist(), each.full.tolist(), strict=True):
            yield count(pid, name, clock.us(cycle), {"results": full})


def power_counter(found: Power, clock: Clock, pid: int) -> Iterator[Event]:
    """Power in mW, what leaks at the bottom; nothing from its end on."""
    rows = zip(found.leakage_uw.tolist(), found.clock_uw.tolist(), found.dynamic_uw.tolist(), strict=True)
    for cycle, row in zip(found.edges_cycles.tolist(), [*rows, (0.0, 0.0, 0.0)], strict=True):
        values = {what: uw / units.UW_PER_MW for what, uw in zip(("leakage", "clock", "dynamic"), row, strict=True)}
        yield count(pid, "power, mW", cycle / clock.mhz, values)


def most_events(schedule: Schedule) -> int:
    """How many events the jobs of a schedule may be at most: stalls, work, its unit, and both ends of its buffers."""
    return sum(
        stage.n_jobs * (4 + (stage.unit is not None) + 2 * sum(wait.stall == "blocked" for wait in stage.waits))
        for stage in schedule.stages
    )
