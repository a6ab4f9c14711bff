"""What the search for a blocking knows of a layer: its sizes, the maps that it reads, and what blocks meet of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from hwsim.accelerators.digital.blocking import LOOPS, Blocking, Loop, Trips, block_sizes, every_size
from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct
from hwsim.traces.network.window import Window

Pair = tuple[int, int]
SMALL = 64  # rows or columns of outputs up to which blocks of every size are known


class Source(NamedTuple):
    """A stored map that a layer reads."""

    size: Pair  # rows and columns
    repeats: Pair  # that each of its places stands for
    flat: bool  # whether only the whole of it can be read
    bits: tuple[int, ...]  # of each group of channels at a place
    in_dram: bool


@dataclass(frozen=True)
class Geometry:
    """All that the search for a blocking knows of a layer and its machine; equal ones have equal blockings."""

    outputs: Pair  # rows and columns
    read: Pair  # of what the window slides over
    window: Window
    sources: tuple[Source, ...]
    groups: int
    widths: tuple[int, ...]  # output channels of each channel tile
    input_channels: int  # of a group
    weight_bits: int
    sum_bits: int
    state_bits: int  # of a neuron, where a timestep hands them to the next through memory if it is in another block
    timesteps: int  # of the layer in one go
    reading: int  # timesteps at which it reads inputs
    images: int
    array_rows: int
    port_bits: int
    scratchpad_bits: int  # of one column; 0 for none
    space_bits: int  # of the global buffer, that the layer's blocks may take
    also: Pair = (1, 1)  # rows and columns of a block beside those that the search tries

    @property
    def tiles(self) -> int:
        """Channel tiles of a group."""
        return len(self.widths) // self.groups

    @property
    def cuts_inputs(self) -> bool:
        """Whether input channels can be cut: of one group of one map."""
        return self.groups == 1 and len(self.sources) == 1 and not self.sources[0].flat

    @property
    def positions(self) -> int:
        """Outputs of a channel."""
        return prod(self.outputs)

    @property
    def weight_total(self) -> int:
        """Bits of all weights."""
        return sum(self.widths) * self.window.taps * self.input_channels * self.weight_bits

    def sizes(self, axis: str, every: bool = False) -> IntArray:
        """Sizes of a block to be tried along an axis, rising: every one, or the smallest for each number of blocks."""
        some = every_size if every else block_sizes
        match axis:
            case "rows":
                return some(self.outputs[0])
            case "columns":
                return some(self.outputs[1])
            case "channels":
                whole = self.tiles * some(self.groups) if self.groups > 1 else np.zeros(0, np.int64)
                return distinct(np.concatenate([some(self.tiles), whole]))
            case "inputs":
                return some(self.input_channels) if self.cuts_inputs else np.array([self.input_channels])
            case "timesteps":
                return some(self.timesteps) if self.reading == self.timesteps else np.array([self.timesteps])
        return some(self.images)

    @property
    def loops(self) -> tuple[Loop, ...]:
        """Loops that may have more than one trip."""
        more = {"images": self.images > 1, "timesteps": self.timesteps > 1, "inputs": self.input_channels > 1}
        more |= {"positions": self.positions > 1, "channels": len(self.widths) > 1}
        return tuple(loop for loop in LOOPS if more[loop])

    def trips(self, block: Blocking) -> Trips:
        """How many blocks there are along each loop."""
        return Trips(
            rows=-(-self.outputs[0] // block.rows),
            columns=-(-self.outputs[1] // block.columns),
            channels=-(-len(self.widths) // block.channels)
            if block.channels >= self.tiles
            else self.groups * -(-self.tiles // block.channels),
            inputs=-(-self.input_channels // block.inputs),
            timesteps=-(-self.timesteps // block.timesteps),
            images=-(-self.images // block.images),
        )

    @cached_property
    def _axes(self) -> tuple[list[tuple[IntArray, IntArray]], ...]:
        return tuple([_axis(self, source, axis) for source in self.sources] for axis in (0, 1))

    def places(self, source: int, axis: int) -> tuple[IntArray, IntArray]:
        """Rows or columns of a map under each block, added up and at most, by size 1, 2 ...: int64 [size] each."""
        return self._axes[axis][source]


@lru_cache(maxsize=4096)
def _met(window: Window, axis: int, sizes: tuple[int, int, int], repeats: int, also: int) -> tuple[IntArray, IntArray]:
    """Distinct places of an axis under blocks of each size: their sum, and the most of any block.

    `sizes` are the outputs, what is read and the map along the axis; a size that is not tried has 0.
    """
    outputs, read, size = sizes
    met = window.places(axis, outputs, read)
    there = np.zeros((outputs, size + 1), np.bool_)
    np.put_along_axis(there, np.where(met < 0, size, met // repeats), True, axis=1)
    total, most = np.zeros(outputs + 1, np.int64), np.zeros(outputs + 1, np.int64)
    sizes_tried = every_size(outputs) if outputs <= SMALL else block_sizes(outputs)
    for block in {*sizes_tried.tolist(), min(also, outputs)}:
        each = np.logical_or.reduceat(there[:, :size], np.arange(0, outputs, block), axis=0).sum(axis=1)
        total[block], most[block] = each.sum(), each.max()
    return total, most


def _axis(geometry: Geometry, source: Source, axis: int) -> tuple[IntArray, IntArray]:
    outputs = geometry.outputs[axis]
    if source.flat:
        blocks = -(-outputs // np.maximum(np.arange(outputs + 1), 1))
        return source.size[axis] * blocks, np.full(outputs + 1, source.size[axis], np.int64)
    sizes = outputs, geometry.read[axis], source.size[axis]
    return _met(geometry.window, axis, sizes, source.repeats[axis], geometry.also[axis])
