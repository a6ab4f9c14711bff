"""Tracks of what was played: one a stage with its work and stalls, one a slot of each shared unit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from hwsim.engine.stage import Stage
from hwsim.engine.timeline import moments
from hwsim.run.replay import Replay
from hwsim.trace_events.events import STALLS, WORK, Clock, Event, named, stretch

Held = tuple[int, int, str]
"""When a slot is taken and given back, and by which stage."""


def stage_tracks(played: Replay, clock: Clock, pid: int) -> Iterator[Event]:
    """A track a stage: its jobs, and before each why it waited, as rule 6 of the engines books it."""
    for tid, stage in enumerate(played.schedule.stages, start=1):
        yield from named(pid, tid, str(stage.name))
        yield from _jobs(played, stage, clock, pid, tid)


def _jobs(played: Replay, stage: Stage, clock: Clock, pid: int, tid: int) -> Iterator[Event]:
    start = played.timeline.start[stage.name]
    edges = np.stack([*moments(stage, played.timeline), start])
    for job in np.flatnonzero(played.happened(stage)).tolist():
        since = edges[:, job].tolist()
        for cause, (begin, end) in zip(STALLS, pairwise(since), strict=True):
            if begin < end:
                times = clock.us(begin), clock.length_us(begin, end)
                yield stretch(pid, tid, cause, times, {"job": job, "cycles": end - begin})
        begin, cycles = since[-1], int(stage.service[job])
        said: dict[str, object] = {"job": job, "timestep": int(stage.timestep[job]), "sample": int(stage.sample[job])}
        said |= {"layer": stage.layer, "cycle": begin, "cycles": cycles, "then until read": int(stage.latencies[job])}
        yield stretch(pid, tid, WORK, (clock.us(begin), clock.length_us(begin, begin + cycles)), said)


def unit_tracks(played: Replay, clock: Clock, pid: int) -> Iterator[Event]:
    """A track a slot of every shared unit: the stage that holds it."""
    tid = len(played.schedule.stages)
    for unit, slots in played.schedule.units.items():
        for place, held in enumerate(_slots(played, unit)):
            tid += 1
            yield from named(pid, tid, f"unit {unit}" + (f", slot {place}" if slots > 1 else ""))
            for begin, end, stage in held:
                times = clock.us(begin), clock.length_us(begin, end)
                yield stretch(pid, tid, WORK, times, {"stage": stage, "cycles": end - begin})


def _slots(played: Replay, unit: str) -> list[list[Held]]:
    """What each slot was held for, one after another: a job takes the first that is free."""
    jobs: list[Held] = []
    for stage in played.schedule.stages:
        if stage.unit == unit:
            chosen = played.happened(stage) & (stage.service > 0)
            start, free = (times[stage.name][chosen] for times in (played.timeline.start, played.timeline.free))
            jobs += [(*pair, str(stage.name)) for pair in zip(start.tolist(), free.tolist(), strict=True)]
    slots: list[list[Held]] = []
    for job in sorted(jobs):
        slot = next((slot for slot in slots if slot[-1][1] <= job[0]), None)
        if slot is None:
            slots.append(slot := [])
        slot.append(job)
    return slots
