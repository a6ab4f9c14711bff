"""What would shorten the latency of a sample: changes of its own schedule, each played by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hwsim import engine as engines
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage
from hwsim.engine.timeline import sample_latency
from hwsim.explanation.path import PathRun
from hwsim.run.replay import Replay

MOST_PLAYED = 8
"""Changes that are played, of what has most cycles on the path; our choice."""
LEAST_GAIN = 0.005


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change by itself, and the latency with it; what it costs to build is not asked."""

    what: str
    latency_cycles: int
    latency: float  # over that without it


def remedies(replay: Replay, by_stage: Sequence[PathRun], engine: EngineName = "auto") -> list[Remedy]:
    """What helps most first, of the changes to what has most cycles on the path; those of less than 0.5 % left out.

    Durations, buffers and slots of the sample's schedule are changed and it is played again, so that a path that is
    then the longest counts.
    """
    found = []
    for what, changed in _unique(_changes(replay.schedule, by_stage)):
        latency = _latency(replay, changed(), engine)
        ratio = latency / replay.latency_cycles if replay.latency_cycles else 1.0
        if ratio <= 1 - LEAST_GAIN:
            found.append(Remedy(what, latency, ratio))
    return sorted(found, key=lambda remedy: remedy.latency)


Change = tuple[str, Callable[[], Schedule]]


def _changes(schedule: Schedule, by_stage: Sequence[PathRun]) -> Iterator[Change]:
    for run in by_stage:
        if run.cause == "buffer full":
            yield f"unlimited buffers in front of {run.stage}", partial(_unblocked, schedule, run.stage)
        if run.cause == "shared unit":
            yield f"another slot of {run.unit}", partial(_with_slot, schedule, run.unit)
        if run.work_cycles >= run.delay_cycles:
            yield f"{run.stage} twice as fast", partial(_faster, schedule, run.stage)
        else:
            yield f"results of {run.stage} in half the time", partial(_sooner, schedule, run.stage)


def _unique(changes: Iterator[Change]) -> Iterator[Change]:
    """The first ones, each once."""
    seen: set[str] = set()
    for what, changed in changes:
        if what not in seen and len(seen) < MOST_PLAYED:
            seen.add(what)
            yield what, changed


def _latency(replay: Replay, schedule: Schedule, engine: EngineName) -> int:
    """Latency of the same sample in another schedule of the same jobs."""
    timeline = engines.run(schedule, engine)
    stage, job = replay.end
    place = np.flatnonzero(schedule.answer[1] == job)
    if len(schedule.answer[1]) > 1 and schedule.answer[0] == stage and place.size:
        return int(sample_latency(schedule, timeline)[place[0]])
    return int(timeline.done[stage][job])


def _with(schedule: Schedule, change: Callable[[Stage], Stage]) -> Schedule:
    return Schedule(tuple(map(change, schedule.stages)), schedule.units, schedule.answer)


def _faster(schedule: Schedule, name: str) -> Schedule:
    """Services of a stage halved, rounded up."""
    return _with(schedule, lambda s: replace(s, service=-(-s.service // 2)) if s.name == name else s)


def _sooner(schedule: Schedule, name: str) -> Schedule:
    """Latencies of a stage halved, rounded up."""
    return _with(schedule, lambda s: replace(s, latency=-(-s.latencies // 2)) if s.name == name else s)


def _unblocked(schedule: Schedule, name: str) -> Schedule:
    """No stage waits for space that a stage reads from."""

    def change(stage: Stage) -> Stage:
        kept = tuple(wait for wait in stage.waits if wait.stall != "blocked" or wait.stage != name)
        return stage if len(kept) == len(stage.waits) else replace(stage, waits=kept)

    return _with(schedule, change)


def _with_slot(schedule: Schedule, unit: str) -> Schedule:
    return Schedule(schedule.stages, {**schedule.units, unit: schedule.units[unit] + 1}, schedule.answer)
