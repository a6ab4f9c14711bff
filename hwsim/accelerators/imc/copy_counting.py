"""What the spikes of a chunk of samples ask of a layer whose copies share out the positions of its rows.

Every copy is counted by itself, over the columns of the input under its own windows, so the slowest is known exactly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.accelerators.imc.counting import Cells, LayerCounts, count_layer
from hwsim.accelerators.imc.plan.pace import row_cycles
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.replication import shares
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.kernels.crossbar.rows import extent, padded
from hwsim.traces.planes import Words


def count_copies(spec: ImcSpec, placed: LayerPlacement, planes: Words, cells: Cells) -> LayerCounts:
    """As `count_layer`; of several copies the counts add up, and `serial` and `silent` are those of the slowest."""
    if placed.copies == 1:
        return count_layer(placed, planes, cells)
    window, (height, width), (top, left) = placed.window, padded(placed.window), placed.window.padding
    maps = planes.reshape(*planes.shape[:3], window.height, window.width, planes.shape[4])
    sides = [(top, height - top - window.height), (left, width - left - window.width)]
    framed = np.pad(maps, [(0, 0)] * 3 + sides + [(0, 0)])
    total: LayerCounts | None = None
    for first, end in shares(window.out_width, placed.copies):
        columns = slice(first * window.stride[1], (end - 1) * window.stride[1] + extent(window)[1])
        part = np.ascontiguousarray(framed[..., columns, :])
        sliding = window._replace(height=height, width=part.shape[-2], padding=(0, 0), out_width=end - first)
        positions = part.reshape(*planes.shape[:3], -1, planes.shape[4])
        counts = count_layer(replace(placed, window=sliding), positions, cells)
        total = counts if total is None else _joined(spec, placed, total, counts)
    assert total is not None
    return total


def _joined(spec: ImcSpec, placed: LayerPlacement, a: LayerCounts, b: LayerCounts) -> LayerCounts:
    later = row_cycles(spec, placed, b.serial, b.silent) > row_cycles(spec, placed, a.serial, a.silent)
    return LayerCounts(
        driven=a.driven + b.driven,
        ones=a.ones + b.ones,
        active=a.active + b.active,
        serial=np.where(later, b.serial, a.serial),
        over_range=a.over_range + b.over_range,
        silent=np.where(later, b.silent, a.silent),
        levels=a.levels + b.levels,
    )
