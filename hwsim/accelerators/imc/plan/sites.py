"""At which tile each share of a layer's rows is made.

The sums of a column block are completed, and its neurons updated, at the tile of its first row block, the block's home.
The raw input comes from tile 0, where the global buffer is, and what multiplies it beside the crossbars.  Layers
without weights lie where the first layer that they read does: they add and pool channel by channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from hwsim.accelerators.imc.plan.homes import Part, on_crossbars
from hwsim.accelerators.imc.plan.placement import Placement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.maps import Piece, arranges, pieces
from hwsim.distinct import distinct
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Input, Layer, Network, Readout


@dataclass(frozen=True, slots=True)
class Sites:
    """Where the layers of a network are."""

    parts: Mapping[str, tuple[Part, ...]]  # layer -> where its results are made, of those that are stored
    sums: Mapping[str, tuple[tuple[int, Part], ...]]  # layer -> partial sums made away from their home, which is first
    tiles: Mapping[str, tuple[int, ...]]  # layer with weights -> tiles of its crossbars, or of what is beside them


def sites_of(spec: ImcSpec, network: Network, placement: Placement) -> Sites:
    """Where everything is made."""
    parts: dict[str, tuple[Part, ...]] = {}
    sums: dict[str, tuple[tuple[int, Part], ...]] = {}
    tiles: dict[str, tuple[int, ...]] = {}
    digital = spec.digital_layers(network)
    for layer in network:
        if layer.name in placement.layers:
            placed = placement.layers[layer.name]
            parts[layer.name], sums[layer.name] = on_crossbars(spec, placed)
            tiles[layer.name] = tuple(distinct(placed.pe_of // placement.pes_per_tile).tolist())
        elif layer.name in digital:
            parts[layer.name], tiles[layer.name] = (Part.whole(0, layer),), (0,)
        elif isinstance(layer, Input):
            parts[layer.name] = (Part.whole(0, layer),)
        elif not arranges(layer):
            read = pieces(network, layer.inputs[0])
            counted = isinstance(layer, Readout) and layer.of == "spikes"
            if counted or any(piece.flat for piece in read):
                parts[layer.name] = (Part.whole(parts[read[0].map][0].tile, layer),)
            else:
                parts[layer.name] = _beside(layer, (_seen(piece, part) for piece in read for part in parts[piece.map]))
    return Sites(parts, sums, tiles)


def _seen(piece: Piece, part: Part) -> Part:
    """A part of a stored map as what is read has it."""
    first, end = part.positions
    positions = first * piece.repeats[1], end * piece.repeats[1]
    low = piece.channels[0]
    return Part(part.tile, positions, (low + part.channels[0], low + part.channels[1]))


def _beside(layer: Layer, sources: Iterable[Part]) -> tuple[Part, ...]:
    """A layer that works channel by channel: each position is where the first one that it reads is."""
    stride, before = window(layer).stride[1], window(layer).before[1]
    parts = []
    for source in sources:
        first, end = (min(ceil((x + before) / stride), layer.shape[1]) if x else 0 for x in source.positions)
        if first < end:
            parts.append(replace(source, positions=(first, end)))
    return tuple(parts)


def read_of(network: Network, layer: Layer, piece: Piece, part: Part) -> Part:
    """What a part of a layer that works channel by channel reads of a stored map.

    Columns between windows are included; of a flat map the channels are those of the flat row.
    """
    read = _read_by(network, layer, part)
    positions = read.positions if piece.flat else piece.columns(read.positions)
    return replace(read, positions=positions, channels=piece.own(read.channels))


def _read_by(network: Network, layer: Layer, part: Part) -> Part:
    """The same of each input, as it is read."""
    if isinstance(layer, Readout):
        return replace(part, channels=(part.channels[0] * layer.votes, part.channels[1] * layer.votes))
    kernel, stride, before = window(layer).kernel[1], window(layer).stride[1], window(layer).before[1]
    first, end = part.positions
    width = network[layer.inputs[0]].shape[1]
    last = width if end == layer.shape[1] else (end - 1) * stride - before + max(kernel, stride)
    return replace(part, positions=(max(first * stride - before, 0), min(last, width)))
