"""What the jobs of each task do, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.mean_fan_out import mean_accumulates
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.timing import (
    TaskWork,
    finish_operations,
    in_job_order,
    roles_of,
    scan_cycles,
    stage_name,
)
from hwsim.accelerators.digital.traffic import array_runs, runs, skips
from hwsim.components.pricing.price import Priced
from hwsim.contract.ledger import OPERATIONS, Ledger, Posting
from hwsim.traces.direct.trace import Trace

IntArray = NDArray[np.int64]
UNIT_ACTION = {"mac": "mac", "narrow_mac": "mac", "ac": "add"}


class Samples(NamedTuple):
    """The samples of a batch."""

    trace: Trace
    chosen: range


def post_all(
    plan: Plan, storage: Storage, works: list[TaskWork], samples: Samples, parts: Mapping[str, Priced]
) -> Ledger:
    """Post every action of every task, and nothing of what the machine has but this network does not use."""
    n = len(samples.chosen)
    ledger, missing = Ledger(n), {(name, action) for name, part in parts.items() for action in part.actions}
    for work in works:
        for stage, component, action, counts in _actions(plan, storage, work, samples):
            if component != OPERATIONS and component not in parts:
                continue
            shape = (n, plan.timesteps, *work.task.tiling.shape) if counts.shape[0] > 1 else counts.shape
            ordered = in_job_order(plan, np.broadcast_to(counts, shape))
            ledger.post(stage, component, action, ordered if len(ordered) > 1 else ordered[0])
            missing.discard((component, action))
    task = works[0].task
    idle = np.zeros(plan.timesteps * task.tiling.jobs, np.int64)
    for component, action in sorted(missing):
        if component != "clock":
            ledger.post(stage_name(task, roles_of(plan, task)[-1]), component, action, idle)
    return ledger


def _actions(plan: Plan, storage: Storage, work: TaskWork, samples: Samples) -> Iterator[Posting]:
    task, moved = work.task, work.traffic
    if task.unit is not None:
        yield from _array_actions(plan, work, samples)
    if task.finish is not None:
        yield from _finish_actions(plan, task)
    if task.name in storage.in_scratchpad:
        yield Posting(stage_name(task, "array"), "scratchpad", "write", moved.pad_writes)
        yield Posting(stage_name(task, "array"), "scratchpad", "read", moved.pad_reads)
    if plan.spec.global_buffer != "none":
        yield Posting(stage_name(task, "buffer"), "global_buffer", "read", moved.buffer_reads)
        yield Posting(stage_name(task, "buffer"), "global_buffer", "write", moved.buffer_fills)
        yield Posting(stage_name(task, "store"), "global_buffer", "write", moved.buffer_writes)
    if plan.spec.dram != "none":
        yield Posting(stage_name(task, "dram"), "dram", "read", moved.dram_reads)
        yield Posting(stage_name(task, "spill"), "dram", "write", moved.dram_writes)


def _array_actions(plan: Plan, work: TaskWork, samples: Samples) -> Iterator[Posting]:
    """Products or accumulates, what the network asked for, and the scans for spikes."""
    task, tiling = work.task, work.task.tiling
    done = array_runs(plan, task)[None]
    asked = OPERATIONS, "AC" if task.unit == "ac" else "MAC"
    if task.unit == "ac":
        assert work.tiles is not None
        accumulates = tiling.combine(tiling.widths, work.tiles.ones * done)
        yield Posting(stage_name(task, "array"), *asked, accumulates)
    else:
        yield Posting(
            stage_name(task, "array"), *asked, tiling.combine(tiling.widths, done * tiling.positions * tiling.taps)
        )
    assert task.unit is not None
    yield Posting(stage_name(task, "array"), task.unit, UNIT_ACTION[task.unit], _unit_counts(plan, work, samples))
    if skips(plan, work.tiles):
        scans = tiling.positions * scan_cycles(plan, task)
        yield Posting(
            stage_name(task, "array"), "detector", "scan", tiling.combine(np.ones_like(tiling.widths), done * scans)
        )


def _unit_counts(plan: Plan, work: TaskWork, samples: Samples) -> IntArray:
    """How often the PEs' unit switches.

    skip: none    every tap of every output, padding too
    gate, skip    inputs that are not zero; of raw inputs all on the picture
    fan_out: mean the published equation: all taps, times the mean of the inputs' spikes
    """
    task, tiling, spec = work.task, work.task.tiling, plan.spec
    done = array_runs(plan, task)[None]
    if spec.fan_out == "mean":
        if task.unit == "ac":
            return mean_accumulates(plan, task, samples.trace, slice(samples.chosen.start, samples.chosen.stop))
        density = plan.dense.density if plan.dense is not None and task.unit == "narrow_mac" else 1.0
        if density == "trace":
            assert work.tiles is not None
            return tiling.combine(tiling.widths, work.tiles.ones * done)
        dense = tiling.combine(tiling.widths, done * tiling.positions * tiling.taps)
        return np.asarray(np.rint(dense * density), np.int64)
    if spec.skip == "none":
        return tiling.combine(tiling.widths, done * tiling.positions * (tiling.taps * task.digits))
    if work.tiles is not None:
        return tiling.combine(tiling.widths, work.tiles.ones * done)
    return tiling.combine(tiling.widths, done * tiling.inside)


def _finish_actions(plan: Plan, task: Task) -> Iterator[Posting]:
    """Membrane updates; or pooling, adding and, without spikes, the activation function."""
    tiling = task.tiling
    results = tiling.combine(tiling.widths, runs(plan, task.only_first)[None] * tiling.positions)
    if task.finish == "neuron":
        yield Posting(stage_name(task, "finish"), OPERATIONS, "membrane update", results)
        yield Posting(stage_name(task, "finish"), "neuron", "update", results)
        if plan.layer_outer:
            yield Posting(stage_name(task, "finish"), "neuron", "hold", results)
        yield Posting(stage_name(task, "finish"), "pooling", "add", results * (len(task.reads) - 1))
    else:
        yield Posting(stage_name(task, "finish"), "pooling", "add", results * finish_operations(task))
