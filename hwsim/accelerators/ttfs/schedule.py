"""The stages of sorters and arrays, and what their jobs wait for.

A layer begins when the one before it is complete.  For each output position the sorter puts the spikes under the window
in the order of their times into one memory of the queue, while the array plays the passes of the position before from
the other; every pass of a position reads the list again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwsim.accelerators.ttfs.plan import LayerPlan, Plan
from hwsim.accelerators.ttfs.timing import LayerWork, pass_cycles, sort_cycles, sort_stage
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage, Wait

QUEUES = 2  # memories of the queue


def schedules(plan: Plan, works: Sequence[LayerWork], n_samples: int) -> Schedules:
    """One schedule for each sample of a batch."""
    return schedules_of(_stages(plan, works, 1), answer_job(plan), n_samples)


def streamed(plan: Plan, works: Sequence[LayerWork], n_samples: int) -> Schedule:
    """One schedule of all samples of a batch, each layer going on to the next sample as soon as it can."""
    stage, last = answer_job(plan)
    answers = last + np.arange(n_samples, dtype=np.int64) * plan.layers[-1].passes
    (schedule,) = schedules_of(_stages(plan, works, n_samples), (stage, answers), 1)
    samples = np.arange(n_samples, dtype=np.int32)
    stages = (replace(one, sample=np.repeat(samples, one.n_jobs // n_samples)) for one in schedule.stages)
    return replace(schedule, stages=tuple(stages))


def answer_job(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its last job [1]."""
    output = plan.layers[-1]
    return output.name, np.array([output.passes - 1], np.int64)


def _stages(plan: Plan, works: Sequence[LayerWork], together: int) -> list[BatchStage]:
    """Every stage, with the jobs of as many samples in a row as run together in one schedule."""
    stages: list[BatchStage] = []
    before: LayerPlan | None = None
    for work in works:
        planned = work.planned
        array_waits, sort_waits = _waits(planned, before, together)
        sorts, passes = (cycles(plan, work) for cycles in (sort_cycles, pass_cycles))
        for name, unit, cycles, waits, latency in (
            (sort_stage(planned), "sorter", sorts, sort_waits, 0),
            (planned.name, "core", passes, array_waits, plan.spec.array.latency_cycles),
        ):
            service = cycles.reshape(len(cycles) // together, -1)
            labels = np.zeros(service.shape[1], np.int32)
            stages.append(BatchStage(name, planned.name, service, latency, waits, labels, f"{unit} {planned.core}"))
        before = planned
    return stages


def _waits(planned: LayerPlan, before: LayerPlan | None, n: int) -> tuple[tuple[Wait, ...], tuple[Wait, ...]]:
    """Waits of the passes and of the sorts."""
    tiles, positions = len(planned.widths), planned.positions
    sort = np.arange(n * positions, dtype=np.int64)
    array = np.repeat(sort, tiles)
    last_pass = (sort + 1) * tiles - 1
    sort_waits = [Wait(planned.name, np.where(sort >= QUEUES, last_pass - QUEUES * tiles, -1), "free", "blocked")]
    if before is not None:
        complete = (sort // positions + 1) * before.passes - 1
        sort_waits.append(Wait(before.name, np.where(sort % positions == 0, complete, -1)))
    return (Wait(sort_stage(planned), array),), tuple(sort_waits)
