"""What every stage does over time while the first sample of a run is played, in bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim import engine as engines
from hwsim.contract.batches import ByLeaving, OneEach, Overlapped, Scheduled
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Stage
from hwsim.engine.timeline import ACCOUNTS, Timeline, moments

MOST_BINS = 120
CAUSES = ACCOUNTS[:-1]
"""What a cycle of a stage may be; it is idle in all others."""
Cycles = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Binned:
    """One sample of a run: cycles of each stage by cause and bin."""

    edges: Cycles  # [bin + 1] in cycles, from 0 to the end of the sample
    stages: Mapping[str, Cycles]  # stage -> [cause, bin] in the order of CAUSES
    layer_of: Mapping[str, str]


def occupancy(workload: Workload, engine: EngineName = "auto") -> Mapping[RunName, Binned]:
    """The first sample of every run but a stream, by itself, until it leaves; nothing of a design without time."""
    found: dict[RunName, Binned] = {}
    for start in workload.batches.kinds if workload.timed else ():
        for name, scheduled in workload.batches.lower(range(start, start + 1)).runs.items():
            exits = workload.exits
            early = exits is not None and name in exits.runs
            leaves = int(exits.recorded[0]) if exits is not None and early else workload.timesteps
            schedule, stop = _of_one(scheduled, leaves)
            found.setdefault(name, binned(schedule, engines.run(schedule, engine), stop))
    return found


def _of_one(scheduled: Scheduled, leaves: int) -> tuple[Schedule, tuple[str, int] | None]:
    """The schedule of a sample that leaves after a timestep, and the job that ends it where others follow."""
    match scheduled:
        case OneEach(schedules, stage, ends):
            return schedules[0], (stage, int(ends[leaves - 1])) if leaves < len(ends) else None
        case ByLeaving(schedules):
            return schedules[leaves - 1][0], None
        case Overlapped():
            return scheduled.leaving(leaves - 1)[0], None


def binned(schedule: Schedule, timeline: Timeline, stop: tuple[str, int] | None = None) -> Binned:
    """Cycles of all stages by cause in equal bins, up to the end of the job `stop` or of all."""
    end = timeline.makespan_cycles if stop is None else int(timeline.done[stop[0]][stop[1]])
    bins = max(1, min(MOST_BINS, end))
    edges = np.arange(bins + 1, dtype=np.int64) * end // bins
    stages = {stage.name: _causes(stage, timeline, edges) for stage in schedule.stages}
    return Binned(edges, stages, {stage.name: stage.layer for stage in schedule.stages})


def _causes(stage: Stage, timeline: Timeline, edges: Cycles) -> Cycles:
    """Cycles of one stage: int64 [cause, bin]."""
    ran, start = timeline.ran[stage.name], timeline.start[stage.name]
    available, has_data, has_space = moments(stage, timeline)
    spans = (start, timeline.free[stage.name]), (available, has_data), (has_data, has_space), (has_space, start)
    return np.stack([np.diff(_covered(begin[ran], end[ran], edges)) for begin, end in spans])


def _covered(begin: Cycles, end: Cycles, edges: Cycles) -> Cycles:
    """Cycles before each edge that lie in some spans, which are in order and do not overlap."""
    before = np.concatenate([[0], np.cumsum(end - begin)])
    whole = np.searchsorted(end, edges, side="right")
    open_at = np.append(begin, edges[-1])[whole]
    return np.asarray(before[whole] + np.maximum(edges - open_at, 0), dtype=np.int64)
