"""Some column blocks of a layer by themselves: a layer of fewer outputs that reads the same rows."""

from __future__ import annotations

from dataclasses import replace

from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement, Part
from hwsim.kernels.crossbar.rows import Segments


def part_of(placed: LayerPlacement, first: int, end: int, name: str) -> LayerPlacement:
    """Column blocks `first` to `end` of a layer, counted group by group: of whole groups, or of one."""
    blocks, outputs = placed.column_blocks, placed.out_shape[2] // placed.groups
    group, column = divmod(first, blocks)
    last_group = (end - 1) // blocks
    groups = last_group + 1 - group
    whole = column == 0 and end % blocks == 0
    assert whole or groups == 1, "blocks of several groups, not all of them"
    columns = blocks if whole else end - first
    low = column * placed.block_channels
    each = min(low + columns * placed.block_channels, outputs) - low
    channels = group * outputs + low, last_group * outputs + low + each
    return replace(
        placed,
        name=name,
        out_shape=(*placed.out_shape[:2], channels[1] - channels[0]),
        segments=_of_groups(placed, group, last_group + 1),
        groups=groups,
        row_blocks=placed.row_blocks // placed.groups * groups,
        sum_blocks=placed.sum_blocks // placed.groups * groups,
        column_blocks=columns,
        rows_used=placed.rows_used // placed.groups * groups,
        columns_used=placed.columns_used // outputs * each,
        reference_columns=placed.reference_columns // blocks * columns,
        part=Part(placed.name, channels, (group, last_group + 1), placed.out_shape[2], placed.groups),
    )


def _of_groups(placed: LayerPlacement, first: int, end: int) -> Segments:
    """The words that these groups read."""
    every = placed.segments
    phases = placed.row_blocks // placed.groups * every.phases
    starts = every.start[first * phases : end * phases + 1]
    own = slice(int(starts[0]), int(starts[-1]))
    return every._replace(
        row=every.row[own],
        column=every.column[own],
        word=every.word[own],
        mask=every.mask[own],
        start=starts - starts[0],
    )
