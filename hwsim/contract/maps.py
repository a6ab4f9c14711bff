"""What a layer of a network reads, and of how much it makes a result.

A Flatten, a Concat and an Upsample store nothing and take no time: whoever reads one reads the maps that it arranges,
each where it is, at other addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.kept import kept_with
from hwsim.kernels.crossbar.rows import Sliding
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Concat, Flatten, Layer, Network, Pool, Readout, Upsample

Range = tuple[int, int]
"""First and one past the last."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stored map as a part of what a layer reads."""

    map: str  # the layer whose result it is
    height: int
    width: int  # of the map
    channels: Range  # of what is read, that are this map's
    repeats: tuple[int, int] = (1, 1)  # rows and columns that each of its places stands for
    flat: bool = False  # its places lie one after another in the channels, so that only the whole can be read

    def rows(self, rows: IntArray) -> IntArray:
        """Its rows under rows of what is read: int64 [any, 2] each, first and one past the last."""
        if self.flat:
            return np.broadcast_to(np.array([0, self.height]), rows.shape)
        return np.stack([rows[:, 0] // self.repeats[0], -(-rows[:, 1] // self.repeats[0])], axis=1)

    def columns(self, columns: Range) -> Range:
        """Its columns under columns of what is read."""
        return (0, self.width) if self.flat else (columns[0] // self.repeats[1], -(-columns[1] // self.repeats[1]))

    def own(self, channels: Range) -> Range:
        """Those of its own channels that are among some channels of what is read; an empty range where none is."""
        first, end = (min(max(c, self.channels[0]), self.channels[1]) - self.channels[0] for c in channels)
        return first, end


def arranges(layer: Layer) -> bool:
    """Whether a layer only arranges what others have stored."""
    return isinstance(layer, Flatten | Concat | Upsample)


def pieces(network: Network, name: str) -> tuple[Piece, ...]:
    """The stored maps that make up what a layer gives, in the order of their channels; one that is there twice, twice.

    That is the layer's own map where it is stored.
    """
    return kept_with(network).once("pieces", lambda: _all_pieces(network))[name]


def _all_pieces(network: Network) -> Mapping[str, tuple[Piece, ...]]:
    known: dict[str, tuple[Piece, ...]] = {}
    for layer in network:
        known[layer.name] = tuple(_pieces(network, layer, known))
    return known


def _pieces(network: Network, layer: Layer, known: Mapping[str, tuple[Piece, ...]]) -> Iterator[Piece]:
    match layer:
        case Flatten():
            (name,) = layer.inputs
            height, width, channels = network[name].shape
            for piece in known[name]:
                low, high = (layer.shape[2] * channel // channels for channel in piece.channels)
                yield piece if (height, width) == (1, 1) else replace(piece, channels=(low, high), flat=True)
        case Concat():
            first = 0
            for name in layer.inputs:
                for piece in known[name]:
                    low, high = piece.channels
                    yield replace(piece, channels=(first + low, first + high))
                first += network[name].shape[2]
        case Upsample():
            for piece in known[layer.inputs[0]]:
                rows, columns = (old * new for old, new in zip(piece.repeats, layer.factor, strict=True))
                yield replace(piece, repeats=(rows, columns))
        case _:
            yield Piece(layer.name, *layer.shape[:2], (0, layer.shape[2]))


def origin(network: Network, name: str) -> str:
    """The first stored map of what a layer gives: where it is, what reads it channel by channel is."""
    return pieces(network, name)[0].map


def sliding(network: Network, layer: Layer) -> Sliding:
    """How the window of a layer slides over the map that it reads, spread out."""
    moves = window(layer)
    size = moves.spread_size(*input_shape(layer, network)[:2])
    return Sliding(*size, moves.kernel, moves.stride, moves.before, moves.dilation, *layer.shape[:2])


def operands(layer: Layer) -> int:
    """Values that a layer without weights pools or adds for one result."""
    if isinstance(layer, Readout):
        return layer.votes
    return layer.window.taps if isinstance(layer, Pool) else len(layer.inputs)
