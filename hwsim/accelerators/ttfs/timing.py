"""How long the sorts and passes of each layer take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsim.accelerators.ttfs.counting import PassCounts, places_under_windows
from hwsim.accelerators.ttfs.plan import LayerPlan, Plan
from hwsim.contract.arrays import IntArray


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
