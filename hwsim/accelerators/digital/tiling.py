"""How the outputs of a layer are cut into tiles of the array, and tiles grouped into jobs.

A tile is `array.rows` output positions, neighbours in raster order, times `array.columns` output channels of one group.
Tiles run channels outermost, so that the weights of a channel tile serve all positions.  A job is a run of tiles: one
tile in layers of up to 64 x 64 tiles, as many as keep it to 64 x 64 jobs in larger ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from hwsim.accelerators.digital.spec import Array
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.traces.network.geometry import fan_in, input_shape, window
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network, Shape

MOST_GROUPS = 64  # jobs along positions and along channels, our choice: bounds them at any size of array


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiles of one layer; arrays over position tiles `pt` and channel tiles `ct`."""

    taps: int  # weights of one output channel
    groups: int
    positions: IntArray  # [pt] rows in use
    places: tuple[IntArray, ...]  # of each map that is read: [pt] distinct places of it under the windows
    inside: IntArray  # [pt] taps on the picture, not on its padding, over all positions
    asked: IntArray  # [pt] taps on the picture or its padding, not between the places of a spread map
    longest: IntArray  # [pt] those of the position that has most
    together: IntArray  # [pt] those that any position of the tile has
    widths: IntArray  # [ct] columns in use
    group_of: IntArray  # [ct]
    position_starts: IntArray  # [position job] first pt
    channel_starts: IntArray  # [channel job] first ct

    @property
    def shape(self) -> tuple[int, int]:
        """Channel jobs and position jobs."""
        return self.channel_starts.size, self.position_starts.size

    @property
    def jobs(self) -> int:
        """Jobs of one timestep."""
        return self.channel_starts.size * self.position_starts.size

    @property
    def tiles(self) -> int:
        """Tiles of one timestep."""
        return self.positions.size * self.widths.size

    def combine(self, per_channel_tile: IntArray, per_position_tile: IntArray) -> IntArray:
        """Sum of products over the tiles of each job.

        int64 [ct] and [..., group or 1, pt] give int64 [..., channel job, position job].
        """
        alone = self.position_starts.size == per_position_tile.shape[-1]
        tiles = per_position_tile if alone else np.add.reduceat(per_position_tile, self.position_starts, axis=-1)
        if tiles.shape[-2] == 1:
            return np.asarray(np.add.reduceat(per_channel_tile, self.channel_starts)[:, None] * tiles)
        job = np.searchsorted(self.channel_starts, np.arange(per_channel_tile.size), side="right") - 1
        columns = np.zeros((self.channel_starts.size, self.groups), np.int64)
        np.add.at(columns, (job, self.group_of), per_channel_tile)
        product: IntArray = np.einsum("cg,...gp->...cp", columns, tiles)
        return product


def tile_layer(network: Network, layer: Layer, reads: Sequence[Piece], array: Array) -> Tiling:
    """The tiles of a layer that reads some maps.

    What pools or adds has no columns: all its channels are one tile.
    """
    height, width, channels = layer.shape
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    weighted = isinstance(layer, Conv2d | Linear)
    columns = array.columns if weighted else channels
    tile_of = np.arange(height * width, dtype=np.int64) // array.rows
    n_tiles = int(tile_of[-1]) + 1
    positions = np.bincount(tile_of).astype(np.int64)
    source = input_shape(layer, network)
    tile, y, x = _covered(layer, source, tile_of)
    taps = fan_in(layer, network) if weighted else window(layer).taps
    per_tap = taps // window(layer).taps
    inside = np.bincount(tile, minlength=n_tiles).astype(np.int64) * per_tap
    asked, longest, together = (each * per_tap for each in _asked(layer, tile_of, positions))
    per_group = channels // groups
    widths = np.minimum(columns, per_group - np.arange(0, per_group, columns, dtype=np.int64))
    return Tiling(
        taps=taps,
        groups=groups,
        positions=positions,
        places=tuple(_places(piece, source, (tile, y, x), n_tiles) for piece in reads),
        inside=inside,
        asked=asked,
        longest=longest,
        together=together,
        widths=np.tile(widths, groups),
        group_of=np.repeat(np.arange(groups, dtype=np.int64), widths.size),
        position_starts=_starts(n_tiles),
        channel_starts=_starts(widths.size * groups),
    )


def _starts(tiles: int) -> IntArray:
    return np.arange(0, tiles, ceil(tiles / MOST_GROUPS), dtype=np.int64)


def _asked(layer: Layer, tile_of: IntArray, positions: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Taps of all positions of each tile, of the one with most, and of any, that do not lie between places: [pt] each.

    Where the map is not spread these are all.
    """
    moves = window(layer)
    if moves.spread == (1, 1):
        return positions * moves.taps, np.full_like(positions, moves.taps), np.full_like(positions, moves.taps)
    row, column = np.divmod(np.arange(tile_of.size, dtype=np.int64), layer.shape[1])
    rows, columns = (moves.asked(axis, layer.shape[axis]) for axis in (0, 1))
    taps = (rows[row][:, :, None] & columns[column][:, None, :]).reshape(tile_of.size, -1)
    starts = np.cumsum(positions) - positions
    each = taps.sum(axis=1, dtype=np.int64)
    any_of_them = np.logical_or.reduceat(taps, starts).sum(axis=1, dtype=np.int64)
    return np.add.reduceat(each, starts), np.maximum.reduceat(each, starts), any_of_them


def _covered(layer: Layer, source: Shape, tile_of: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Tile, row and column of all places that windows cover, as often as they do: int64 [covered] each."""
    row, column = np.divmod(np.arange(tile_of.size, dtype=np.int64), layer.shape[1])
    rows, columns = (window(layer).places(axis, layer.shape[axis], source[axis]) for axis in (0, 1))
    tile, y, x = np.broadcast_arrays(tile_of[:, None, None], rows[row][:, :, None], columns[column][:, None, :])
    on_picture = (y >= 0) & (x >= 0)
    return tile[on_picture], y[on_picture], x[on_picture]


def _places(piece: Piece, source: Shape, covered: tuple[IntArray, IntArray, IntArray], n_tiles: int) -> IntArray:
    """Distinct places of a map under the windows of each tile: int64 [pt]."""
    if piece.flat:
        return np.full(n_tiles, piece.height * piece.width, np.int64)
    tile, y, x = covered
    pair = (tile * source[0] + y // piece.repeats[0]) * source[1] + x // piece.repeats[1]
    distinct = np.unique(pair) // (source[0] * source[1])
    return np.bincount(distinct, minlength=n_tiles).astype(np.int64)
