"""The stages of sorters and arrays, and what their jobs wait for.

A layer begins when the one before it is complete.  For each output position the sorter puts the spikes under the window
in the order of their times into one memory of the queue, while the array plays the passes of the position before from
the other; every pass of a position reads the list again.

In a stream a core has one sample at a time, as its two memories of spikes hold what a layer reads and what it gives:
the next sample enters the core's first layer once its last layer has sorted all that it reads.  What the core gives
goes on to the next core when it is complete, if that has read the sample before; passes that would write over it wait.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwsim.accelerators.ttfs.plan import LayerPlan, Plan
from hwsim.accelerators.ttfs.timing import LayerWork, pass_cycles, sort_cycles, sort_stage
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.contract.streams import StreamWaits, after_sample_before
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Wait

QUEUES = 2  # memories of the queue


def schedules(plan: Plan, works: Sequence[LayerWork], n_samples: int) -> Schedules:
    """One schedule for each sample of a batch."""
    return schedules_of(_stages(plan, works), step_ends(plan), n_samples)


def streamed(plan: Plan, n: int) -> StreamWaits:
    """What the jobs of so many samples in a row wait for."""
    waits: dict[str, tuple[Wait, ...]] = {}
    before: LayerPlan | None = None
    last_of = {planned.core: planned for planned in plan.layers}  # core -> its last layer
    for planned in plan.layers:
        array, sort = _waits(planned, before, n)
        if before is None or before.core != planned.core:  # the first layer of its core
            last = last_of[planned.core]
            sorted_all, stage = last.positions - 1, sort_stage(last)
            left = after_sample_before(stage, _first(planned.positions, sorted_all), n, last.positions)
            sort = (*sort, left)
            if before is not None:
                taken = after_sample_before(stage, _first(before.passes, sorted_all), n, last.positions, back=2)
                waits[before.name] = (*waits[before.name], taken)
        waits |= {planned.name: array, sort_stage(planned): sort}
        before = planned
    return waits


def _first(jobs: int, needs: int) -> IntArray:
    """Something that the first of some jobs needs, and the others do not: int64 [job]."""
    return np.where(np.arange(jobs) == 0, np.int64(needs), np.int64(-1))


def step_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, which is one timestep, and the job that does: int64 [1]."""
    output = plan.layers[-1]
    return output.name, np.array([output.passes - 1], np.int64)


def _stages(plan: Plan, works: Sequence[LayerWork]) -> list[BatchStage]:
    """Every stage."""
    stages: list[BatchStage] = []
    before: LayerPlan | None = None
    for work in works:
        planned = work.planned
        array_waits, sort_waits = _waits(planned, before, 1)
        sorts, passes = (cycles(plan, work) for cycles in (sort_cycles, pass_cycles))
        for name, unit, cycles, waits, latency in (
            (sort_stage(planned), "sorter", sorts, sort_waits, 0),
            (planned.name, "core", passes, array_waits, plan.spec.array.latency_cycles),
        ):
            labels = np.zeros(cycles.shape[1], np.int32)
            stages.append(BatchStage(name, planned.name, cycles, latency, waits, labels, f"{unit} {planned.core}"))
        before = planned
    return stages


def _waits(planned: LayerPlan, before: LayerPlan | None, n: int) -> tuple[tuple[Wait, ...], tuple[Wait, ...]]:
    """Waits of the passes and of the sorts of so many samples in a row."""
    tiles, positions = len(planned.widths), planned.positions
    sort = np.arange(n * positions, dtype=np.int64)
    array = np.repeat(sort, tiles)
    last_pass = (sort + 1) * tiles - 1
    sort_waits = [Wait(planned.name, np.where(sort >= QUEUES, last_pass - QUEUES * tiles, -1), "free", "blocked")]
    if before is not None:
        complete = (sort // positions + 1) * before.passes - 1
        sort_waits.append(Wait(before.name, np.where(sort % positions == 0, complete, -1)))
    return (Wait(sort_stage(planned), array),), tuple(sort_waits)
