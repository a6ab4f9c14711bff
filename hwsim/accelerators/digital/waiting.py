"""What the jobs of each step wait for: data, double buffers, and the layers before.

A block is what runs in one go: a layer at one timestep, or with `layer_outer` a layer at all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Home, Storage
from hwsim.accelerators.digital.timing import AHEAD, Role, last_jobs, roles_of, stage_name, timestep_of
from hwsim.contract.arrays import IntArray
from hwsim.engine.stage import Wait
from hwsim.traces.network.layers import is_delayed


def waits_of(plan: Plan, storage: Storage, task: Task) -> dict[Role, tuple[Wait, ...]]:
    """Everything that the steps of a task's jobs wait for; layers run one after another."""
    roles = roles_of(plan, task)
    waits: dict[Role, list[Wait]] = {role: [] for role in roles}
    job = np.arange(plan.timesteps * task.tiling.jobs, dtype=np.int64)
    in_block = job % (task.tiling.jobs * (plan.timesteps if plan.layer_outer else 1))
    freed = np.where(in_block >= AHEAD, job - AHEAD, -1)  # by the next step: the place of the job before the last
    before, last = _block_before(plan, task)
    for role, following in pairwise(roles):
        waits[following].append(Wait(stage_name(task, role), job))
        waits[role].append(Wait(stage_name(task, following), freed, event="free", stall="blocked"))
        if before is not None and role in ("dram", "buffer"):
            # What is loaded ahead of a block takes places that the block before gives back.
            there = roles_of(plan, before)
            stage = stage_name(before, following if following in there else _core(there))
            waits[role].append(Wait(stage, np.where(in_block == 0, last, -1), event="start", stall="blocked"))
            waits[role].append(Wait(stage, np.where(in_block == 1, last, -1), event="free", stall="blocked"))
    for role, wait in _blocks(plan, task, before, np.where(in_block == 0, last, -1)):
        waits[role].append(wait)
    if before is not None:
        core = stage_name(before, _core(roles_of(plan, before)))
        waits[_core(roles)].append(Wait(core, np.where(in_block == 0, last, -1), event="free"))
    for role, wait in _data(plan, storage, task, roles):
        waits[role].append(wait)
    return {role: tuple(found) for role, found in waits.items()}


def _blocks(plan: Plan, task: Task, before: Task | None, ended: IntArray) -> Iterator[tuple[Role, Wait]]:
    """Blocks come where there is room; partial sums and states that are read again must have been written."""
    if before is not None and (task.cells is not None or before.cells is not None):
        yield "dram", Wait(stage_name(before, _core(roles_of(plan, before))), ended, event="free", stall="blocked")
    if task.cells is None:
        return
    cells, shape = task.cells, (plan.timesteps, *task.tiling.shape)
    yield "dram", Wait(task.name, cells.room, event="free", stall="blocked")
    place = np.empty(cells.order.size, np.int64)
    place[cells.order] = np.arange(cells.order.size)
    time, channel, position = np.unravel_index(cells.order, shape)
    per_slice = shape[1] // task.tiling.slices
    earlier = (
        (cells.sums, channel >= per_slice, (time, channel - per_slice, position)),
        (cells.states, (cells.starts[time] > 0) & (time > 0), (time - 1, channel, position)),
    )
    for home, there, of in earlier:
        if home != "none":
            written = place[np.ravel_multi_index(tuple(np.maximum(index, 0) for index in of), shape)]
            reader, writer = _at(home)
            yield reader, Wait(stage_name(task, writer), np.where(there, written, -1))


def _at(home: Home) -> tuple[Role, Role]:
    """The steps that read from a memory and write to it."""
    return ("buffer", "store") if home == "global_buffer" else ("dram", "spill")


def _core(roles: tuple[Role, ...]) -> Role:
    """The step that does the work of a task."""
    return "array" if "array" in roles else "finish"


def _block_before(plan: Plan, task: Task) -> tuple[Task | None, IntArray]:
    """The task of the block before, and its last job for each job's block (-1 where there is none): int64 [job]."""
    position = plan.position[task.name]
    if plan.layer_outer:
        before = plan.tasks[position - 1] if position else None
        last = 0 if before is None else plan.timesteps * before.tiling.jobs - 1
        return before, np.full(plan.timesteps * task.tiling.jobs, last, np.int64)
    before, step = plan.tasks[position - 1], timestep_of(plan, task)
    ends = last_jobs(plan, before)
    if position:
        return before, ends[step]
    return before, np.where(step > 0, ends[step - 1], -1)


def _data(plan: Plan, storage: Storage, task: Task, roles: tuple[Role, ...]) -> Iterator[tuple[Role, Wait]]:
    """Maps that are read must be complete.

    Membranes and kept sums need no more: the next timestep begins after the last layer, which needs all the others.
    """
    step = timestep_of(plan, task)
    for name in task.reads:
        if name == plan.network.input.name:
            continue
        producer = plan.tasks[plan.position[name]]
        ends = last_jobs(plan, producer)
        if producer.only_first:
            ends = np.full_like(ends, ends[-1] if plan.layer_outer else ends[0])
        needs = np.full_like(step, ends[-1]) if plan.layer_outer else ends[step]
        if is_delayed(task.layer):
            needs = np.where(step > 0, ends[step - 1], -1)
        final = roles_of(plan, producer)[-1]
        yield _reader(storage.homes["map", name], roles), Wait(stage_name(producer, final), needs)


def _reader(home: Home, roles: tuple[Role, ...]) -> Role:
    """The step that reads from a home."""
    wanted: Role = "dram" if home == "dram" else "buffer"
    return wanted if home in ("dram", "global_buffer") else _core(roles)
