"""What the activations of some samples ask of the array, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import sliding
from hwsim.kernels.crossbar.window_tiles import TileCounts, channel_runs, count_tiles
from hwsim.traces.direct.encode import Activations
from hwsim.traces.network.geometry import input_shape
from hwsim.traces.planes import magnitudes


@dataclass(frozen=True, slots=True)
class TileWork:
    """Inputs that are not zero, tile by tile: int64 [sample or 1, timestep or 1, part or 1, position tile] each."""

    ones: IntArray  # set bits (or values) under the windows of all positions
    most: IntArray  # those of the slowest row


def counts_inputs(plan: Plan, task: Task) -> bool:
    """Whether the array's work on a task depends on which inputs are zero."""
    return task.unit == "ac" or (task.unit == "narrow_mac" and plan.dense is not None)


def count_task(plan: Plan, task: Task, activations: Activations) -> TileWork | None:
    """Count the inputs of one task that are not zero; None where the machine takes all inputs as they come."""
    dense, tiling = plan.dense, task.tiling
    if task.unit == "ac":
        planes = activations.met_by(task.layer)
        return _count(task, magnitudes(planes) if plan.network.signed(task.layer.inputs[0]) else planes, plan)
    if task.unit != "narrow_mac" or dense is None:
        return None
    density = input_density(plan, task)
    if density == "trace":
        planes = activations.met_by(task.layer)
        seen = np.bitwise_or.reduce(np.bitwise_or.reduce(planes, axis=0), axis=1)
        return _count(task, seen[None, :, None], plan)
    ones = np.rint(density * tiling.inside).astype(np.int64)
    most = np.array([[ceil(density * taps) for taps in part] for part in tiling.longest.tolist()], np.int64)
    return TileWork(ones[None, None], most[None, None])


def input_density(plan: Plan, task: Task) -> float | Literal["trace"]:
    """The share of what a task multiplies that is not zero: the mean over the channels of the maps that it reads."""
    dense = plan.dense
    assert dense is not None
    if not dense.by_layer:
        return dense.density
    channels = [piece.channels[1] - piece.channels[0] for piece in task.pieces]
    shares = [float(dense.share(piece.map)) for piece in task.pieces]
    return sum(n * share for n, share in zip(channels, shares, strict=True)) / sum(channels)


def _count(task: Task, planes: NDArray[np.uint64], plan: Plan) -> TileWork:
    layer = task.weights
    parts = channel_runs(input_shape(layer, plan.network)[2], task.tiling.parts)
    found: TileCounts = count_tiles(planes, sliding(plan.network, layer), parts, task.tiling.tile_of)
    if plan.images == 1:
        return TileWork(*found)
    return TileWork(*(np.tile(each, plan.images) for each in found))
