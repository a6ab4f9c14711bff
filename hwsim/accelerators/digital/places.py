"""Places of maps that a layer reads: those under the windows of each tile, and those that no tile of its block had."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.distinct import distinct
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Layer, Shape

Covered = tuple[IntArray, IntArray, IntArray]
"""Tile, row and column of all places that windows cover, as often as they do: int64 [covered] each."""


class Met(NamedTuple):
    """Places that tiles take: int64 [taken] each, tiles rising."""

    tile: IntArray
    place: IntArray  # of the map, in raster order


def covered(layer: Layer, source: Shape, tile_of: IntArray) -> Covered:
    """What the windows of a layer cover of a source of this shape, by the tile [position] of each of its outputs."""
    row, column = np.divmod(np.arange(tile_of.size, dtype=np.int64), layer.shape[1])
    rows, columns = (window(layer).places(axis, layer.shape[axis], source[axis]) for axis in (0, 1))
    tile, y, x = np.broadcast_arrays(tile_of[:, None, None], rows[row][:, :, None], columns[column][:, None, :])
    on_picture = (y >= 0) & (x >= 0)
    return tile[on_picture], y[on_picture], x[on_picture]


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
    return np.bincount(met(piece, source, under, n_tiles).tile, minlength=n_tiles).astype(np.int64)


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
