"""What the jobs of each task do, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from hwsim.accelerators.digital.codes import compresses
from hwsim.accelerators.digital.counting import input_density
from hwsim.accelerators.digital.parts import Taken
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.timing import (
    Role,
    TaskWork,
    driven,
    finish_operations,
    in_job_order,
    results,
    roles_of,
    scan_cycles,
    stage_name,
)
from hwsim.accelerators.digital.traffic import array_runs, skips
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import OPERATIONS, Checked, Ledger, Postings
from hwsim.contract.neuron_parts import part_operations, state_words
from hwsim.traces.network.layers import neuron_of

Doing = tuple[Role, str, str, IntArray]
"""A step, a component, its action and the counts [sample or 1, timestep, channel job, position job]."""
Fixed = Mapping[tuple[str, int], Sequence[Checked]]
"""What does not depend on spikes: by task and number of the group of actions."""


def fixed_postings(plan: Plan, storage: Storage, works: Iterable[TaskWork], parts: Taken) -> Fixed:
    """Postings of all groups of actions that spikes do not drive."""
    found = {}
    for work in works:
        changing = driven(plan, storage, work.task)
        for number, (role, doings) in enumerate(_groups(plan, storage, work)):
            if role not in changing:
                found[work.task.name, number] = [*map(Checked.of, _postings(plan, work.task, doings(), parts))]
    return found


def post_all(plan: Plan, storage: Storage, works: list[TaskWork], n: int, parts: Taken, fixed: Fixed) -> Ledger:
    """Post every action of every task, and nothing of what the machine has but this network does not use."""
    postings: list[Postings | Checked] = []
    for work in works:
        for number, (_, doings) in enumerate(_groups(plan, storage, work)):
            known = fixed.get((work.task.name, number))
            postings += _postings(plan, work.task, doings(), parts) if known is None else known
    done = {(component, action) for each in postings for component, action, _ in each.actions}
    missing = {(name, action) for name, part in parts.items() for action in part} - done
    task = works[0].task
    idle = np.zeros((1, 1, plan.timesteps * task.tiling.jobs), np.int64)
    for component, action in sorted(missing):
        if component != "clock":
            stage = stage_name(task, roles_of(plan, task)[-1])
            postings.append(Postings(stage, [(component, action, 0)], idle))
    return Ledger.of(n, postings)


def _postings(plan: Plan, task: Task, doings: Iterable[Doing], parts: Taken) -> Iterator[Postings]:
    """Counts of what the machine has, in the order of jobs; those of one array are put into it once."""
    known: dict[int, tuple[IntArray, IntArray]] = {}  # an array is kept so that no other has its number
    for role, component, action, counts in doings:
        if component != OPERATIONS and component not in parts:
            continue
        if id(counts) not in known:
            shape = (len(counts), plan.timesteps, *task.tiling.shape)
            whole = counts if counts.shape == shape else np.broadcast_to(counts, shape)
            known[id(counts)] = counts, in_job_order(plan, task, whole)[None]
        yield Postings(stage_name(task, role), [(component, action, 0)], known[id(counts)][1])


def _groups(plan: Plan, storage: Storage, work: TaskWork) -> Iterator[tuple[Role, Callable[[], Iterable[Doing]]]]:
    """Actions of a task that one step does, found when they are asked for."""
    task, moved = work.task, work.traffic
    if task.unit is not None:
        yield "array", lambda: _array_actions(plan, work)
    if task.finish is not None:
        yield "finish", lambda: _finish_actions(plan, task)
    if task.name in storage.in_scratchpad:
        pad = "scratchpad"
        yield "array", lambda: [("array", pad, "write", moved.pad_writes), ("array", pad, "read", moved.pad_reads)]
    if plan.spec.global_buffer != "none":
        buffer = "global_buffer"
        yield (
            "buffer",
            lambda: [("buffer", buffer, "read", moved.buffer_reads), ("buffer", buffer, "write", moved.buffer_fills)],
        )
        yield "store", lambda: [("store", buffer, "write", moved.buffer_writes)]
    if plan.spec.dram != "none":
        yield "dram", lambda: [("dram", "dram", "read", moved.dram_reads)]
        yield "spill", lambda: [("spill", "dram", "write", moved.dram_writes)]
    if compresses(plan.spec):
        yield "dram", lambda: [("dram", "codec", "decode", moved.decoded)]
        yield "spill", lambda: [("spill", "codec", "encode", moved.encoded)]


def _array_actions(plan: Plan, work: TaskWork) -> Iterator[Doing]:
    """Products or accumulates, what the network asked for, and the scans for spikes."""
    task, tiling, done = work.task, work.task.tiling, array_runs(plan, work.task)[None]
    assert task.unit is not None
    if task.unit == "ac":
        assert work.tiles is not None
        yield "array", OPERATIONS, "AC", tiling.combine(tiling.widths, work.tiles.ones * done)
        yield "array", "ac", "add", _unit_counts(plan, work)
    else:
        yield "array", OPERATIONS, "MAC", tiling.combine(tiling.widths, done * tiling.asked)
        yield "array", task.unit, "mac", _unit_counts(plan, work)
    if skips(plan, work.tiles):
        scans = done * tiling.positions * scan_cycles(plan, task)
        yield "array", "detector", "scan", tiling.combine(np.ones_like(tiling.widths), scans)


def _unit_counts(plan: Plan, work: TaskWork) -> IntArray:
    """How often the PEs' unit switches.

    skip: none    every tap of every output, padding too, but nothing between the places of a spread map
    gate, skip    inputs that are not zero; of raw inputs all on the picture
    fan_out: mean the published equation: all taps, times the mean of the inputs' spikes
    """
    task, tiling, spec, done = work.task, work.task.tiling, plan.spec, array_runs(plan, work.task)[None]
    if work.mean is not None:
        return work.mean
    density = input_density(plan, task) if plan.dense is not None and task.unit == "narrow_mac" else 1.0
    if spec.fan_out == "mean" and density != "trace":
        dense = tiling.combine(tiling.widths, done * tiling.asked)
        return np.asarray(np.rint(dense * density), np.int64)
    if spec.skip == "none":
        return tiling.combine(tiling.widths, done * (tiling.asked * task.digits))
    return tiling.combine(tiling.widths, done * (tiling.inside if work.tiles is None else work.tiles.ones))


def _finish_actions(plan: Plan, task: Task) -> Iterator[Doing]:
    """Membrane updates; or pooling, adding and, without spikes, the activation function."""
    finished, updates = results(plan, task), task.finish == "neuron"
    if updates:
        yield "finish", OPERATIONS, "membrane update", finished
        yield "finish", "neuron", "update", finished
    neuron = neuron_of(task.layer)
    if updates and neuron is not None:
        for component, action in part_operations(neuron):
            yield "finish", component, action, finished
        if plan.layer_outer:
            yield "finish", "neuron", "hold", finished * state_words(neuron)
    operations = len(task.layer.inputs) - 1 if updates else finish_operations(task)
    yield "finish", "pooling", "add", finished * operations
