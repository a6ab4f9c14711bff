"""How long each job takes and what it waits for: cycles from counts, bandwidths and array speed.

A job passes, as far as its task and machine have them, DRAM, global buffer, array, finish (neurons or pooling), store
(to the buffer) and spill (to DRAM).  Each step runs at most two jobs ahead of the next: one in use, one on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwsim import units
from hwsim.accelerators.digital.codes import compresses
from hwsim.accelerators.digital.counting import TileWork, counts_inputs
from hwsim.accelerators.digital.mover import Traffic
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.traffic import accesses_in_a_row, array_runs, pad_accesses, runs, skips
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import operands

Role = Literal["dram", "buffer", "array", "finish", "store", "spill"]
ROLES: tuple[Role, ...] = get_args(Role)
UNITS = {"dram": "dram", "spill": "dram", "buffer": "global_buffer", "store": "global_buffer"}
"""Steps that share a memory's one interface."""
AHEAD = 2  # jobs a step may be ahead of the next: double buffering


@dataclass(frozen=True, slots=True)
class TaskWork:
    """One task of a batch of samples with all that was counted for it."""

    task: Task
    tiles: TileWork | None
    mean: IntArray | None  # accumulates with the mean fan-out
    traffic: Traffic


def roles_of(plan: Plan, task: Task) -> tuple[Role, ...]:
    """The steps of a task's jobs, in order."""
    spec = plan.spec
    there = {
        "dram": spec.dram != "none",
        "buffer": spec.global_buffer != "none",
        "array": task.unit is not None,
        "finish": task.finish is not None,
        "store": spec.global_buffer != "none",
        "spill": spec.dram != "none",
    }
    return tuple(role for role in ROLES if there[role])


def driven(plan: Plan, storage: Storage, task: Task) -> frozenset[Role]:
    """The steps of which counts or cycles depend on spikes; those of all others are the same for any samples."""
    coded: frozenset[Role] = frozenset(("dram", "spill")) if compresses(plan.spec) else frozenset()
    if not counts_inputs(plan, task):
        return coded
    fetched_one_by_one = (
        plan.spec.skip == "skip"
        and task.name not in storage.in_scratchpad
        and storage.homes["weights", task.name] == "global_buffer"
    )
    return coded | frozenset(("array", "buffer") if fetched_one_by_one else ("array",))


def stage_name(task: Task, role: Role) -> str:
    """Name of a step's stage: the layer's for the array."""
    if role == "array":
        return task.name
    return f"{task.name}.{task.finish if role == 'finish' else role}"


def scan_cycles(plan: Plan, task: Task) -> IntArray:
    """Cycles in which a row's detector looks through one window of each tile: int64 [part or 1, position tile]."""
    detector, inputs = plan.spec.detector, task.tiling.together * task.digits
    return 0 * inputs if detector == "none" else -(-inputs // detector.bits)


def array_cycles(plan: Plan, storage: Storage, work: TaskWork) -> IntArray:
    """Cycles of the array: int64 [sample or 1, timestep, channel job, position job].

    A tile takes taps x digits in lock step; skipping, the rows' scan and then the set bits of the slowest row.  The
    scratchpads of the columns, which all rows share, may take longer; the row with most spikes left goes first, so that
    what bounds a tile is the slowest row or the sum over rows.  With a skew each tile fills and drains the array; the
    last operand of a layer's first tile need not wait for any before it, so F tiles of K taps on R x C PEs take
    F (R + C + K - 2) - 1 cycles, what SCALE-Sim's output-stationary runs take.
    """
    task, tiling = work.task, work.task.tiling
    pad = plan.spec.scratchpad if task.name in storage.in_scratchpad else "none"
    each = np.ones_like(tiling.widths)
    if skips(plan, work.tiles):
        assert work.tiles is not None
        cycles = work.tiles.most
        if pad != "none":
            fetches = work.tiles.ones * pad_accesses(plan, task)
            if pad.per == "pe":
                fetches = work.tiles.most * pad_accesses(plan, task)  # each row has its own, the slowest is last
            cycles = np.maximum(cycles, -(-fetches // pad.banks) * plan.spec.access_cycles(pad))
        cycles = cycles + scan_cycles(plan, task)
    else:
        lock_step = tiling.together * task.digits
        if pad != "none":
            accesses = accesses_in_a_row(plan, task)
            lock_step = np.maximum(lock_step, -(-accesses // pad.banks) * plan.spec.access_cycles(pad))
        cycles = lock_step[None, None]
    if plan.spec.array.skew == "none":
        return tiling.combine(each, cycles * array_runs(plan, task)[None])
    cycles = cycles + plan.spec.array.rows + plan.spec.array.columns - 2
    skewed = tiling.combine(each, cycles * array_runs(plan, task)[None])
    skewed[..., 0, 0] -= array_runs(plan, task)[:, 0, 0]
    return skewed


def finish_operations(task: Task) -> int:
    """Operations for each result: operands of a pool or sum, one for an update or an activation function."""
    if task.finish == "pooling" and task.unit is None:
        return operands(task.layer)
    return 1


def results(plan: Plan, task: Task) -> IntArray:
    """Results that a job finishes: int64 [1, timestep, channel job, position job]."""
    return task.tiling.combine(task.tiling.finished, runs(plan, task.only_first)[None] * task.tiling.positions)


def services(
    plan: Plan, storage: Storage, work: TaskWork, roles: Iterable[Role]
) -> Mapping[Role, tuple[IntArray, int]]:
    """Cycles of some steps of a task's jobs, and the cycles until the result of each is visible."""
    spec, moved, found = plan.spec, work.traffic, dict[Role, tuple[IntArray, int]]()
    for role in roles:
        match role:
            case "dram":
                assert spec.dram != "none"
                latency = units.cycles_from_ns(spec.dram.latency_ns, spec.clock.frequency_mhz)
                found[role] = _with_codec(plan, _dram_cycles(plan, moved.dram_reads), moved.decoded), latency
            case "buffer":
                found[role] = _buffer_cycles(plan, moved.buffer_fills + moved.buffer_reads), 0
            case "array":
                found[role] = array_cycles(plan, storage, work), spec.array.latency_cycles
            case "finish":
                part = spec.neuron if work.task.finish == "neuron" else spec.pooling
                operations = results(plan, work.task) * finish_operations(work.task)
                found[role] = (operations * 0, 0) if part == "none" else (-(-operations // part.lanes), part.cycles)
            case "store":
                found[role] = _buffer_cycles(plan, moved.buffer_writes), 0
            case "spill":
                found[role] = _with_codec(plan, _dram_cycles(plan, moved.dram_writes), moved.encoded), 0
    return found


def _with_codec(plan: Plan, cycles: IntArray, values: IntArray) -> IntArray:
    """Cycles of a transfer, or of the codec's lanes, which take the values as they pass, if those take longer."""
    codec = plan.spec.codec
    return cycles if codec == "none" else np.maximum(cycles, -(-values // codec.lanes))


def _buffer_cycles(plan: Plan, words: IntArray) -> IntArray:
    """Cycles of accesses spread over the banks."""
    buffer = plan.spec.global_buffer
    assert buffer != "none"
    return -(-words // buffer.banks) * plan.spec.access_cycles(buffer)


def _dram_cycles(plan: Plan, bursts: IntArray) -> IntArray:
    """Whole cycles that cover a number of bursts: bytes over bandwidth."""
    dram = plan.spec.dram
    assert dram != "none"
    cycles = bursts * (dram.burst_ns * plan.spec.clock.frequency_mhz / 1e3)
    whole: IntArray = np.ceil(cycles * (1 - 1e-9)).astype(np.int64)  # not one more for the last bits of a float
    return whole


def in_job_order(plan: Plan, task: Task, values: IntArray) -> IntArray:
    """[..., timestep, channel job, position job] as [..., job]."""
    if task.cells is not None:
        blocked: IntArray = values.reshape(*values.shape[:-3], -1)[..., task.cells.order]
        return blocked
    first = values.ndim - 3
    ordered = values.transpose(*range(first), first + 1, first + 2, first) if plan.layer_outer else values
    return np.ascontiguousarray(ordered).reshape(*values.shape[:-3], -1)


def timestep_of(plan: Plan, task: Task) -> IntArray:
    """Timestep of every job: int64 [job]."""
    step = np.arange(plan.timesteps, dtype=np.int64)[:, None, None]
    return in_job_order(plan, task, np.broadcast_to(step, (plan.timesteps, *task.tiling.shape)))


def last_jobs(plan: Plan, task: Task) -> IntArray:
    """The last job of each timestep: int64 [timestep]."""
    step = np.arange(plan.timesteps, dtype=np.int64)
    if task.cells is not None:
        steps = timestep_of(plan, task)
        return np.array([np.flatnonzero(steps == t)[-1] for t in range(plan.timesteps)], np.int64)
    return (task.tiling.jobs - 1) * plan.timesteps + step if plan.layer_outer else (step + 1) * task.tiling.jobs - 1
