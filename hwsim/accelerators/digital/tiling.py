"""How the outputs of a layer are cut into tiles of the array, and tiles grouped into jobs.

A tile is `array.rows` output positions, neighbours in raster order, times `array.columns` output channels of one group.
Tiles run channels outermost, so that the weights of a channel tile serve all positions.  A job is a run of tiles: one
tile in layers of up to 64 x 64 tiles, as many as keep it to 64 x 64 jobs in larger ones.

A layer that is cut into blocks (see `blocking`) has its positions in the order of blocks, raster order in each, and no
tile or job lies in two blocks.  Where its input channels are cut, too, each part of them has channel tiles of its own,
which add to the same sums.  Several images have positions one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from hwsim.accelerators.digital.blocking import Blocking, tiles_of
from hwsim.accelerators.digital.places import count_fresh, count_places, covered
from hwsim.accelerators.digital.spec import Array
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network

MOST_GROUPS = 64  # jobs along positions and along channels, our choice: bounds them at any size of array


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiles of one layer; arrays over position tiles `pt`, channel tiles `ct` and parts of the input channels `part`.

    A part is the input channels of a group, or those of a group that one block reads.
    """

    groups: int
    images: int
    taps: IntArray  # [part] weights of one output channel
    parts: IntArray  # [part, 2] input channels, first and one past the last
    tile_of: IntArray  # [position of one image in raster order] pt
    positions: IntArray  # [pt] rows in use
    places: tuple[IntArray, ...]  # of each map that is read: [pt] distinct places of it under the windows
    inside: IntArray  # [part, pt] taps on the picture, not on its padding, over all positions
    asked: IntArray  # [part, pt] taps on the picture or its padding, not between the places of a spread map
    longest: IntArray  # [part, pt] those of the position that has most
    together: IntArray  # [part, pt] those that any position of the tile has
    widths: IntArray  # [ct] columns in use
    part_of: IntArray  # [ct]
    slice_of: IntArray  # [ct] how many parts of the input channels come before
    position_starts: IntArray  # [position job] first pt
    channel_starts: IntArray  # [channel job] first ct
    fresh: tuple[IntArray, ...] = ()  # of each map that is read in blocks: [pt] places that no tile of the block had

    @property
    def slices(self) -> int:
        """Parts that the input channels of a group are cut into."""
        return int(self.slice_of[-1]) + 1

    @property
    def finished(self) -> IntArray:
        """Columns whose sums are complete after each channel tile: [ct]."""
        return self.widths if self.slices == 1 else self.widths * (self.slice_of == self.slices - 1)

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

    @property
    def channel_tiles(self) -> int:
        """Channel tiles of all output channels."""
        return self.widths.size // self.slices

    def at(self, per_part: IntArray) -> IntArray:
        """Values [part] as those of the channel tiles: [ct]."""
        found: IntArray = per_part[self.part_of]
        return found

    def combine(self, per_channel_tile: IntArray, per_position_tile: IntArray) -> IntArray:
        """Sum of products over the tiles of each job.

        int64 [ct] and [..., part or 1, pt] give int64 [..., channel job, position job].
        """
        tiles = self._of_position_jobs(per_position_tile)
        if tiles.shape[-2] == 1:
            return np.asarray(np.add.reduceat(per_channel_tile, self.channel_starts)[:, None] * tiles)
        job = np.searchsorted(self.channel_starts, np.arange(per_channel_tile.size), side="right") - 1
        columns = np.zeros((self.channel_starts.size, self.taps.size), np.int64)
        np.add.at(columns, (job, self.part_of), per_channel_tile)
        product: IntArray = np.einsum("cg,...gp->...cp", columns, tiles)
        return product

    def summed(self, per_tile: IntArray) -> IntArray:
        """Sum over the tiles of each job: int64 [..., ct, pt] give int64 [..., channel job, position job]."""
        return np.add.reduceat(self._of_position_jobs(per_tile), self.channel_starts, axis=-2)

    def _of_position_jobs(self, per_position_tile: IntArray) -> IntArray:
        """Sum over the position tiles of each job: int64 [..., pt] give int64 [..., position job]."""
        if self.position_starts.size == per_position_tile.shape[-1]:
            return per_position_tile
        return np.add.reduceat(per_position_tile, self.position_starts, axis=-1)


def tile_layer(
    network: Network, layer: Layer, reads: Sequence[Piece], array: Array, images: int = 1, block: Blocking | None = None
) -> Tiling:
    """The tiles of a layer that reads some maps, whole or in blocks.

    What pools or adds has no columns: all its channels are one tile.
    """
    height, width, channels = layer.shape
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    weighted = isinstance(layer, Conv2d | Linear)
    columns = array.columns if weighted else channels
    tile_of, block_of = tiles_and_blocks(height, width, array.rows, block)
    n_tiles = block_of.size
    positions = np.bincount(tile_of).astype(np.int64)
    source = input_shape(layer, network)
    under = covered(layer, source, tile_of)
    parts = _parts(source[2] // groups if weighted else 1, groups, None if block is None else block.inputs)
    slices = len(parts) // groups
    sizes = parts[:, 1] - parts[:, 0] if weighted else np.ones(len(parts), np.int64)
    per_tap = (sizes[:1] if slices == 1 else sizes)[:, None]  # groups are alike
    inside = np.bincount(under[0], minlength=n_tiles).astype(np.int64) * per_tap
    asked, longest, together = (each * per_tap for each in _asked(layer, tile_of, positions))
    per_group = channels // groups
    widths = np.minimum(columns, per_group - np.arange(0, per_group, columns, dtype=np.int64))
    n_channel_tiles = widths.size * groups
    every = np.arange(n_channel_tiles * slices, dtype=np.int64)
    blocks = _channel_blocks(n_channel_tiles, widths.size, n_channel_tiles if block is None else block.channels)
    return Tiling(
        groups=groups,
        images=images,
        taps=sizes * window(layer).taps,
        parts=parts,
        tile_of=tile_of,
        positions=_repeated(positions, images),
        places=tuple(_repeated(count_places(piece, source, under, n_tiles), images) for piece in reads),
        inside=_repeated(inside, images),
        asked=_repeated(asked, images),
        longest=_repeated(longest, images),
        together=_repeated(together, images),
        widths=_repeated(widths, groups * slices),
        part_of=every // n_channel_tiles * groups + every % n_channel_tiles // widths.size,
        slice_of=every // n_channel_tiles,
        position_starts=_starts(np.array([n_tiles]) if block is None else np.bincount(block_of), images),
        channel_starts=_starts(blocks, slices),
        fresh=()
        if block is None
        else tuple(_repeated(count_fresh(piece, source, under, block_of), images) for piece in reads),
    )


def tiles_and_blocks(height: int, width: int, rows: int, block: Blocking | None) -> tuple[IntArray, IntArray]:
    """The tile of each output position in raster order, and the block of each tile: int64 [position], [pt]."""
    position = np.arange(height * width, dtype=np.int64)
    if block is None:
        tile_of = position // rows
        return tile_of, np.zeros(int(tile_of[-1]) + 1, np.int64)
    tile_of = tiles_of((height, width), (block.rows, block.columns), rows)
    y, x = np.divmod(position, width)
    block_of = np.zeros(int(tile_of.max()) + 1, np.int64)
    block_of[tile_of] = y // block.rows * -(-width // block.columns) + x // block.columns
    return tile_of, block_of


def _parts(channels: int, groups: int, size: int | None) -> IntArray:
    """Input channels of every part, those of all groups before the next part of any: int64 [part, 2]."""
    first = np.arange(0, channels, size or channels, dtype=np.int64)
    ends = np.minimum(first + (size or channels), channels)
    start = np.arange(groups, dtype=np.int64) * channels
    return np.stack([(edge[:, None] + start).ravel() for edge in (first, ends)], axis=1)


def _channel_blocks(tiles: int, per_group: int, size: int) -> IntArray:
    """Channel tiles of each block: of part of a group, or of some whole ones."""
    if size >= tiles:
        return np.array([tiles], np.int64)
    if size >= per_group:
        return np.diff(np.append(np.arange(0, tiles, size, dtype=np.int64), tiles))
    within = np.diff(np.append(np.arange(0, per_group, size, dtype=np.int64), per_group))
    return np.tile(within, tiles // per_group)


def _starts(blocks: IntArray, times: int) -> IntArray:
    """First tile of each job, of blocks of so many tiles, all of them several times over."""
    every = _repeated(blocks, times)
    each = max(1, MOST_GROUPS // every.size)
    if every.size == 1:
        return _runs(int(every[0]), each)
    first = np.cumsum(every) - every
    return np.concatenate([start + _runs(n, each) for start, n in zip(first.tolist(), every.tolist(), strict=True)])


def _runs(tiles: int, most: int) -> IntArray:
    """First of each of at most so many equal runs of tiles."""
    return np.arange(0, tiles, ceil(tiles / most), dtype=np.int64)


def _repeated(values: IntArray, times: int) -> IntArray:
    """Values one after another so many times."""
    return values if times == 1 else np.tile(values, times)


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
    taps = taps[np.argsort(tile_of, kind="stable")]
    starts = np.cumsum(positions) - positions
    each = taps.sum(axis=1, dtype=np.int64)
    any_of_them = np.logical_or.reduceat(taps, starts).sum(axis=1, dtype=np.int64)
    return np.add.reduceat(each, starts), np.maximum.reduceat(each, starts), any_of_them
