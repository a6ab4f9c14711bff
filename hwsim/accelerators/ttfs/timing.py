"""How long sorts and passes take and what they wait for.

A layer begins when the one before it is complete.  For each output position the sorter puts the spikes under the window
in the order of their times into one memory of the queue, while the array plays the passes of the position before from
the other; every pass of a position reads the list again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.ttfs.counting import PassCounts, places_under_windows
from hwsim.accelerators.ttfs.plan import LayerPlan, Plan
from hwsim.engine.schedule import Schedule, Stage, Wait

IntArray = NDArray[np.int64]
QUEUES = 2  # memories of the queue


@dataclass(frozen=True, slots=True)
class LayerWork:
    """One layer of a batch of samples with what was counted for it."""

    planned: LayerPlan
    counts: PassCounts


def sort_stage(planned: LayerPlan) -> str:
    """Name of the stage that sorts a layer's input."""
    return f"{planned.name}.sort"


def sort_cycles(plan: Plan, work: LayerWork) -> IntArray:
    """One cycle a place under the window, to read how many spikes it has, and one a spike: int64 [sample, position]."""
    return work.counts.listed[:, :, 0] + places_under_windows(work.planned, plan)


def pass_cycles(plan: Plan, work: LayerWork) -> IntArray:
    """Spikes times issue, ticks times their cycles: int64 [sample, pass], the passes of a position in a row."""
    issue = np.array(work.planned.issue_cycles, np.int64)
    cycles = work.counts.spikes * issue + work.counts.ticks * plan.spec.array.tick_cycles
    return cycles.reshape(len(cycles), -1)


def schedules(plan: Plan, works: Sequence[LayerWork], n_samples: int) -> list[Schedule]:
    """One schedule for each sample of a batch."""
    blank = _stages(plan, 1)
    cycles = _cycles(plan, works)
    return [_schedule(plan, blank, [rows[i : i + 1] for rows in cycles]) for i in range(n_samples)]


def streamed(plan: Plan, works: Sequence[LayerWork], n_samples: int) -> Schedule:
    """One schedule of all samples of a batch, each layer going on to the next sample as soon as it can."""
    return _schedule(plan, _stages(plan, n_samples), _cycles(plan, works))


def answer_job(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its last job [1]."""
    output = plan.layers[-1]
    return output.name, np.array([output.passes - 1], np.int64)


def _cycles(plan: Plan, works: Sequence[LayerWork]) -> list[IntArray]:
    """Service [sample, job] of every stage."""
    return [cycles for work in works for cycles in (sort_cycles(plan, work), pass_cycles(plan, work))]


def _schedule(plan: Plan, blank: Sequence[Stage], cycles: Sequence[IntArray]) -> Schedule:
    """Samples in order; a core gives its array to whichever of its layers is ready."""
    stages = [replace(stage, service=rows.reshape(-1)) for stage, rows in zip(blank, cycles, strict=True)]
    units = {stage.unit: 1 for stage in blank if stage.unit is not None}
    stage, last = answer_job(plan)
    return Schedule(tuple(stages), units, (stage, last + np.arange(len(cycles[0])) * plan.layers[-1].passes))


def _stages(plan: Plan, n: int) -> list[Stage]:
    """Every stage for n samples, without its durations."""
    stages: list[Stage] = []
    before: LayerPlan | None = None
    for planned in plan.layers:
        array_waits, sort_waits = _waits(planned, before, n)
        stages += [
            _stage(sort_stage(planned), planned, planned.positions, n, sort_waits),
            _stage(planned.name, planned, planned.passes, n, array_waits, plan.spec.array.latency_cycles),
        ]
        before = planned
    return stages


def _stage(name: str, planned: LayerPlan, jobs: int, n: int, waits: tuple[Wait, ...], latency: int = 0) -> Stage:
    """The jobs of n samples in a row, on the sorter or the array of the layer's core."""
    return Stage(
        name=name,
        layer=planned.name,
        service=np.zeros(n * jobs, np.int64),
        latency=latency,
        waits=waits,
        unit=f"{'core' if name == planned.name else 'sorter'} {planned.core}",
        sample=np.repeat(np.arange(n, dtype=np.int32), jobs),
        timestep=np.zeros(n * jobs, np.int32),
    )


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
