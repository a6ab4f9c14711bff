"""Places of maps that a layer reads: those under the windows of each tile, and those that no tile of its block had."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.distinct import distinct
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Layer, Shape
from hwsim.traces.network.window import Window

Covered = tuple[IntArray, IntArray, IntArray]
"""Tile, row and column of all places that windows cover, as often as they do: int64 [covered] each."""


_MOST_KEPT = 1 << 15  # taps of all windows whose places are kept, our choice
_FEW = 16  # places of all tiles for each that a window covers, up to which they are marked and not sorted: our choice


class Met(NamedTuple):
    """Places that tiles take: int64 [taken] each, tiles rising."""

    tile: IntArray
    place: IntArray  # of the map, in raster order


def covered(layer: Layer, source: Shape, tile_of: IntArray) -> Covered:
    """What the windows of a layer cover of a source of this shape, by the tile [position] of each of its outputs."""
    moves = window(layer)
    under = _under if tile_of.size * moves.taps <= _MOST_KEPT else _under.__wrapped__
    position, y, x = under(moves, layer.shape[:2], source[:2])
    return tile_of[position], y, x


@lru_cache(maxsize=32)
def _under(moves: Window, outputs: tuple[int, int], source: tuple[int, int]) -> Covered:
    """The same by position, kept as a design with other tiles asks for it again."""
    position = np.arange(outputs[0] * outputs[1], dtype=np.int64)
    row, column = np.divmod(position, outputs[1])
    rows, columns = (moves.places(axis, outputs[axis], source[axis]) for axis in (0, 1))
    at, y, x = np.broadcast_arrays(position[:, None, None], rows[row][:, :, None], columns[column][:, None, :])
    on_picture = (y >= 0) & (x >= 0)
    return at[on_picture], y[on_picture], x[on_picture]


def met(piece: Piece, source: Shape, under: Covered, n_tiles: int) -> Met:
    """Distinct places of a map under the windows of each tile."""
    if piece.flat:
        return _whole(piece, np.arange(n_tiles, dtype=np.int64))
    tile, y, x = under
    pair = (tile * source[0] + y // piece.repeats[0]) * source[1] + x // piece.repeats[1]
    of_tile, place = np.divmod(distinct(pair), source[0] * source[1])
    return Met(of_tile, _in_map(piece, source, place))


def met_first(piece: Piece, source: Shape, under: Covered, block_of: IntArray) -> Met:
    """Those that no tile before has in the block [tile] of each tile."""
    if piece.flat:
        return _whole(piece, np.flatnonzero(np.diff(block_of, prepend=-1) > 0))
    tile, y, x = under
    in_order = np.argsort(tile, kind="stable")
    tile, y, x = tile[in_order], y[in_order], x[in_order]
    place = (block_of[tile] * source[0] + y // piece.repeats[0]) * source[1] + x // piece.repeats[1]
    first = np.sort(np.unique(place, return_index=True)[1])
    return Met(tile[first], _in_map(piece, source, place[first] % (source[0] * source[1])))


def count_places(piece: Piece, source: Shape, under: Covered, n_tiles: int) -> IntArray:
    """How many `met` has of each tile: int64 [tile]."""
    if piece.flat:
        return np.full(n_tiles, piece.height * piece.width, np.int64)
    tile, y, x = under
    if n_tiles * source[0] * source[1] > _FEW * tile.size:
        return np.bincount(met(piece, source, under, n_tiles).tile, minlength=n_tiles).astype(np.int64)
    there = np.zeros((n_tiles, source[0], source[1]), np.bool_)
    there[tile, y // piece.repeats[0], x // piece.repeats[1]] = True
    found: IntArray = np.count_nonzero(there.reshape(n_tiles, -1), axis=1)
    return found


def count_fresh(piece: Piece, source: Shape, under: Covered, block_of: IntArray) -> IntArray:
    """How many `met_first` has of each tile: int64 [tile]."""
    return np.bincount(met_first(piece, source, under, block_of).tile, minlength=block_of.size).astype(np.int64)


def _whole(piece: Piece, tiles: IntArray) -> Met:
    """Every place of a map for some tiles."""
    places = piece.height * piece.width
    return Met(np.repeat(tiles, places), np.tile(np.arange(places, dtype=np.int64), tiles.size))


def _in_map(piece: Piece, source: Shape, place: IntArray) -> IntArray:
    """Places numbered by rows of what is read as those of the map, whose rows may be shorter."""
    row, column = np.divmod(place, source[1])
    numbered: IntArray = row * piece.width + column
    return numbered
