"""One weighted layer on its crossbars: how many of them, and what each read takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct
from hwsim.kernels.crossbar.rows import Segments, Sliding
from hwsim.traces.network.layers import Shape


@dataclass(frozen=True, slots=True)
class Part:
    """What of a layer a placement has that is less than all of it."""

    layer: str
    outputs: tuple[int, int]  # channels, first and one past the last
    groups: tuple[int, int]  # that they are of
    of_outputs: int  # of the whole layer
    of_groups: int


@dataclass(frozen=True, slots=True)
class LayerPlacement:
    """One weighted layer, or a part of one, on its crossbars."""

    name: str
    window: Sliding
    out_shape: Shape
    segments: Segments
    words_per_block: int | None  # of packed input that a row block covers; None where one straddles kernel offsets
    groups: int
    row_blocks: int  # of all groups
    sum_blocks: int  # the same, but row blocks whose columns are converted together count once
    column_blocks: int  # per group
    phases: int  # row groups of a crossbar that are driven one after another
    digits: int  # input digits of `dac_bits` bits; the sign is one of its own
    pulses: int  # the largest digit, in unit pulses
    rows_used: int  # of all row blocks
    columns_used: int  # weight columns of one row block, over its column blocks
    reference_columns: int  # of one row block, over its column blocks
    block_channels: int  # output channels of a column block, fewer in the last one of a group
    block_rows: tuple[int, ...]  # rows in use of each row block of a group
    signed: bool = False  # its inputs, in two's complement, or if they are -1, 0 and 1
    by_sign: bool = False  # the latter: one digit is who fires 1, the other who fires -1
    copies: int = 1  # each with its share of the positions of a row
    pe_of: IntArray = field(default_factory=lambda: np.zeros((1, 1), np.int64))  # see `packing`: [copy, crossbar]
    place_of: IntArray = field(default_factory=lambda: np.zeros((1, 1), np.int64))  # crossbar of the chip, likewise
    part: Part | None = None  # of a layer that several passes have

    @property
    def layer(self) -> str:
        """The network's layer that it is of."""
        return self.name if self.part is None else self.part.layer

    @property
    def crossbars_of_copy(self) -> int:
        """How many crossbars hold the layer once."""
        return self.row_blocks * self.column_blocks

    @property
    def sums_of_copy(self) -> int:
        """How many sets of converters they have, where row blocks whose columns are converted together share one."""
        return self.sum_blocks * self.column_blocks

    @property
    def crossbars(self) -> int:
        """How many crossbars hold the layer, all copies together."""
        return self.copies * self.crossbars_of_copy

    @property
    def pes(self) -> int:
        """How many PEs have any of its crossbars, all copies together."""
        return int(distinct(self.pe_of).size)
