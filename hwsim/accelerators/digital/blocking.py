"""A layer cut into blocks that pass through the global buffer: how large they are and in which order they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct

Loop = Literal["images", "timesteps", "positions", "channels", "inputs"]
LOOPS: tuple[Loop, ...] = get_args(Loop)
RELEVANT: dict[str, frozenset[Loop]] = {
    "inputs": frozenset({"images", "timesteps", "positions", "inputs"}),
    "weights": frozenset({"channels", "inputs"}),
    "sums": frozenset({"images", "timesteps", "positions", "channels"}),
    "states": frozenset({"images", "positions", "channels"}),
}
"""The loops that take another block of each kind of data: all others may use the same one again."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """Sizes of a block, and the loops over blocks, outermost first."""

    rows: int  # of outputs
    columns: int
    channels: int  # channel tiles of the array
    inputs: int  # input channels of a group
    timesteps: int
    images: int
    order: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Trips:
    """How many blocks there are along each loop."""

    rows: int
    columns: int
    channels: int
    inputs: int
    timesteps: int
    images: int

    @property
    def positions(self) -> int:
        """Blocks of one image's positions."""
        return self.rows * self.columns

    def of(self, loop: Loop) -> int:
        """Blocks along one loop."""
        count: int = getattr(self, loop)
        return count

    @property
    def steps(self) -> int:
        """Blocks of the layer."""
        return int(np.prod([self.of(loop) for loop in LOOPS]))


def block_sizes(size: int) -> IntArray:
    """Sizes that cut an axis into fewer or smaller blocks than any smaller or larger one does, rising: int64 [any]."""
    sizes: IntArray = distinct(-(-size // np.arange(1, size + 1, dtype=np.int64)))
    return sizes


def every_size(size: int) -> IntArray:
    """All sizes that a block can have along an axis: int64 [size]."""
    return np.arange(1, size + 1, dtype=np.int64)


def tiles_of(outputs: tuple[int, int], block: tuple[int, int], rows: int) -> IntArray:
    """The tile of each output position in raster order, numbered block by block: int64 [position]."""
    y, x = np.divmod(np.arange(outputs[0] * outputs[1], dtype=np.int64), outputs[1])
    block_of = y // block[0] * -(-outputs[1] // block[1]) + x // block[1]
    wide = np.minimum(block[1], outputs[1] - x // block[1] * block[1])
    tiles = -(-np.bincount(block_of) // rows)
    tile: IntArray = (np.cumsum(tiles) - tiles)[block_of] + (y % block[0] * wide + x % block[1]) // rows
    return tile
