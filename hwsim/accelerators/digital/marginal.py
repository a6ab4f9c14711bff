"""What one spike more or less costs on the machine.

Energy is in proportion to the set bits under a layer's windows, position by position, which is exact; what is packed in
DRAM (`codec`) counts as it is.  Where rows skip, the cycles of a tile are those of its slowest row or of its memory,
and the difference that one bit makes to them is taken as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.counting import TileWork
from hwsim.accelerators.digital.layout import Layout
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.posting import post_all
from hwsim.accelerators.digital.timing import TaskWork, driven, in_job_order, stage_name
from hwsim.accelerators.digital.traffic import array_runs, pad_accesses, traffic
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import OPERATIONS, Action
from hwsim.contract.maps import sliding
from hwsim.contract.marginal import Asked, Floats, Marginals, met
from hwsim.kernels.chosen import chosen
from hwsim.kernels.crossbar.tile_marginals import Pace, tile_marginals
from hwsim.kernels.crossbar.window_tiles import channel_runs
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.planes import magnitudes, unpack_channels


def marginals(laid_out: Layout, trace: Trace, asked: Asked) -> Marginals:
    """Those of every layer that accumulates spikes."""
    activations, found = Activations(trace, slice(None)), {}
    if "prices" not in asked.memo:
        asked.memo["prices"] = _prices(laid_out, asked)
    prices = asked.memo["prices"]
    assert isinstance(prices, dict)
    for task in laid_out.plan.tasks:
        if task.unit == "ac":
            linear = prices[task.name] * asked.energy.astype(np.float32)[:, None, None, None]
            found[task.name] = _of_task(laid_out, task, activations, linear, asked)
    return found


def _of_task(
    laid_out: Layout, task: Task, activations: Activations, linear: NDArray[np.float32], asked: Asked
) -> NDArray[np.float32]:
    """[plane or 1, sample, timestep, place, channel] of a layer, from its linear costs [sample, timestep, part, place].

    Planes are those of the map that it reads, as they are in memory.
    """
    plan, layer, tiling = laid_out.plan, task.weights, task.tiling
    channels = input_shape(layer, plan.network)[2]
    signed, wide = plan.network.signed(layer.inputs[0]), False
    more = less = linear
    if plan.spec.skip == "skip" and _is_weighed(laid_out, task, asked):
        planes = activations.met_by(layer)
        groups, wide = channel_runs(channels, tiling.parts), True
        found = tile_marginals(
            magnitudes(planes) if signed else planes,
            sliding(plan.network, layer),
            groups,
            tiling.tile_of,
            _pace(laid_out, task),
            *_weights(laid_out, task, asked),
        )
        more, less = (linear + _folded(each, plan, task) for each in found)
    if not (wide or signed):
        each = more[:, :, _part_of(task, channels)] if len(tiling.parts) > 1 else more
        return each.swapaxes(2, 3)[None]
    read = activations.read_by(layer)
    if not signed:
        return chosen(read, tiling.parts, more, less)
    size, negative = chosen(read[:1], tiling.parts, more, less), unpack_channels(read[-1:], channels) > 0
    return np.where(negative, -size, size)  # by value: -1 costs what 1 does


def _part_of(task: Task, channels: int) -> IntArray:
    """The part that each input channel is of: int64 [channel]."""
    found = np.zeros(channels, np.int64)
    for part, (first, end) in enumerate(task.tiling.parts.tolist()):
        found[first:end] = part
    return found


def _folded(wide: NDArray[np.float32], plan: Plan, task: Task) -> NDArray[np.float32]:
    """What is known of the places of a spread map, at those of the map: [sample, timestep, part, place]."""
    down, right = window(task.layer).spread
    if (down, right) == (1, 1):
        return wide
    spread = sliding(plan.network, task.layer)
    picture = wide.reshape(*wide.shape[:3], spread.height, spread.width)[..., ::down, ::right]
    return np.ascontiguousarray(picture).reshape(*wide.shape[:3], -1)


def _prices(laid_out: Layout, asked: Asked) -> dict[str, NDArray[np.float32]]:
    """PJ of a bit at each place, by layer: float32 [1, timestep, part, place], from what is posted for counts of 1.

    Counts are in proportion to bits, so that the difference to no bits at all is what one costs.
    """
    plan, tasks = laid_out.plan, [task for task in laid_out.plan.tasks if task.unit == "ac"]
    n = 1 + max((len(task.tiling.parts) for task in tasks), default=0)
    works = [_probed(laid_out, task, n) for task in plan.tasks]
    ledger = post_all(plan, laid_out.storage, works, n, laid_out.taken, laid_out.fixed)
    energy: dict[str, Floats] = {}
    of_stage = {stage_name(task, role): task.name for task in tasks for role in driven(plan, laid_out.storage, task)}
    for posted in ledger.postings:
        if posted.component != OPERATIONS and posted.stage in of_stage and len(posted.rows) == n:
            name = of_stage[posted.stage]
            pj = posted.rows * asked.prices(Action(name, posted.component, posted.action))
            energy[name] = np.add(energy.get(name, 0.0), pj)
    return {task.name: _by_place(plan, task, energy.get(task.name)) for task in tasks}


def _probed(laid_out: Layout, task: Task, n: int) -> TaskWork:
    """A task that meets nothing, and then a bit of one part after another in each tile."""
    plan, tiling, tiles = laid_out.plan, task.tiling, None
    if task.unit == "ac":
        ones = np.zeros((n, plan.timesteps, len(tiling.parts), tiling.positions.size), np.int64)
        for part in range(len(tiling.parts)):
            ones[1 + part, :, part] = 1
        tiles = TileWork(ones, ones)
    return TaskWork(task, tiles, None, traffic(plan, laid_out.storage, task, tiles))


def _by_place(plan: Plan, task: Task, energy: Floats | None) -> NDArray[np.float32]:
    """From the energies of a task's jobs [probe, job] to those of a bit at each place."""
    tiling, parts = task.tiling, len(task.tiling.parts)
    outputs, size = task.layer.shape[:2], input_shape(task.layer, plan.network)[:2]
    if energy is None:
        return np.zeros((1, plan.timesteps, parts, size[0] * size[1]), np.float32)
    by_job = _grid(plan, task, energy[1 : 1 + parts] - energy[0]).sum(axis=2)  # [part, timestep, position job]
    per_tile = _of_tiles(task, by_job) / _tiles_of_jobs(task)
    of_position = per_tile.reshape(parts, plan.timesteps, tiling.images, -1).sum(axis=2)[..., tiling.tile_of]
    rows, columns = (each.sum(axis=1) for each in met(window(task.layer), outputs, size))
    grid = of_position.reshape(parts, plan.timesteps, *outputs)
    places = np.einsum("ptyx,yi,xj->tpij", grid, rows, columns)
    found: NDArray[np.float32] = places.reshape(1, plan.timesteps, parts, -1).astype(np.float32)
    return found


def _grid(plan: Plan, task: Task, of_jobs: Floats) -> Floats:
    """[..., job] as [..., timestep, channel job, position job]."""
    shape = plan.timesteps, *task.tiling.shape
    place = in_job_order(plan, task, np.arange(of_jobs.shape[-1], dtype=np.int64).reshape(shape))
    found = np.empty_like(of_jobs)
    found[..., place] = of_jobs
    return found.reshape(*of_jobs.shape[:-1], *shape)


def _tiles_of_jobs(task: Task) -> IntArray:
    """How many position tiles the job of each position tile has: int64 [pt]."""
    sizes = np.diff(np.append(task.tiling.position_starts, task.tiling.positions.size))
    return np.repeat(sizes, sizes)


def _of_tiles(task: Task, of_jobs: Floats) -> Floats:
    """[..., position job] as [..., pt]."""
    return np.repeat(of_jobs, np.diff(np.append(task.tiling.position_starts, task.tiling.positions.size)), axis=-1)


def _is_weighed(laid_out: Layout, task: Task, asked: Asked) -> bool:
    roles = driven(laid_out.plan, laid_out.storage, task)
    return any(np.any(asked.cycles.get(stage_name(task, role), 0)) for role in roles)


def _weights(laid_out: Layout, task: Task, asked: Asked) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a cycle of each tile weighs, and a bit by the fetches of its weights: [sample, timestep, part, pt] each."""
    plan, tiling = laid_out.plan, task.tiling
    columns = np.zeros((tiling.channel_starts.size, len(tiling.parts)))
    job = np.searchsorted(tiling.channel_starts, np.arange(tiling.widths.size), side="right") - 1
    np.add.at(columns, (job, tiling.part_of), 1.0)
    width, cycles = np.zeros_like(columns), asked.cycles
    np.add.at(width, (job, tiling.part_of), tiling.widths.astype(np.float64))
    found = []
    for role, each in (("array", columns), ("buffer", width * _fetch_cycles(plan, task))):
        weight = cycles.get(stage_name(task, role)) if role in driven(plan, laid_out.storage, task) else None
        if weight is None:
            found.append(np.zeros((len(asked.energy), plan.timesteps, len(tiling.parts), tiling.positions.size)))
        else:
            by_part = np.einsum("stcp,cg->stgp", _grid(plan, task, weight), each) * array_runs(plan, task)
            found.append(_of_tiles(task, by_part))
    one, other = (_of_one_image(task, each).astype(np.float32) for each in found)
    return one, other


def _of_one_image(task: Task, values: Floats) -> Floats:
    """[..., pt] of all images that run together, added up: each is the same sample."""
    found: Floats = values.reshape(*values.shape[:-1], task.tiling.images, -1).sum(axis=-2)
    return found


def _fetch_cycles(plan: Plan, task: Task) -> float:
    """Cycles of the global buffer for the weight of one bit in one column, shared out to its banks."""
    buffer = plan.spec.global_buffer
    if buffer == "none":
        return 0.0
    return plan.spec.access_cycles(buffer) / buffer.banks * -(-task.weights.weights.bits // buffer.port_bits)


def _pace(laid_out: Layout, task: Task) -> Pace:
    """How the scratchpads pace a tile (see `timing.array_cycles`)."""
    plan, pad = laid_out.plan, laid_out.plan.spec.scratchpad
    if pad == "none" or task.name not in laid_out.storage.in_scratchpad:
        return Pace(0, 1, 1, by_row=False)
    return Pace(pad_accesses(plan, task), pad.banks, plan.spec.access_cycles(pad), pad.per == "pe")
