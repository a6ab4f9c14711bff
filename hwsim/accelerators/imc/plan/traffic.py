"""What travels over the mesh and which tiles keep it: flits on each link for one row of each step.

A row of activations goes from the tiles where it is made to every tile of every layer with weights that reads it, as
one multicast along X-first routes.  Layers that work channel by channel get what they lack: the rest is where they are.
Partial sums go to the home of their column block, currents of a layer without neurons to the sum that takes them, both
`accumulator.bits` wide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.plan.homes import Part
from hwsim.accelerators.imc.plan.mesh import Link, Mesh
from hwsim.accelerators.imc.plan.placement import Placement
from hwsim.accelerators.imc.plan.sites import Sites, read_of, sites_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece, arranges, pieces
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network, Readout, Shape, neuron_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of a step under way: flits on each link, and links of the longest route."""

    flits: Mapping[Link, int]
    hops: int

    @property
    def most(self) -> int:
        """Flits on the busiest link."""
        return max(self.flits.values())


@dataclass(frozen=True, slots=True)
class Traffic:
    """Everything that travels, and where it is kept."""

    mesh: Mesh
    sites: Sites
    transfers: Mapping[str, Transfer]  # step -> what one of its rows sends, of those that send anything
    kept: Mapping[str, Mapping[int, IntArray]]  # layer that gives activations -> tile -> values [position] kept there

    def flit_hops(self, step: str) -> int:
        """Links that the flits of one row of a step cross."""
        return sum(self.transfers[step].flits.values()) if step in self.transfers else 0


def words(values: IntArray, bits: int, word_bits: int) -> int:
    """Words that the values [position] fill, position by position."""
    return int((-(-values * bits // word_bits)).sum())


class _Sending:
    """A transfer being put together."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.flits: defaultdict[Link, int] = defaultdict(int)
        self.hops = 0

    def multicast(self, source: int, destinations: Iterable[int], flits: int) -> None:
        """Add flits from one tile to others."""
        others = [tile for tile in destinations if tile != source]
        for link in self.mesh.tree(source, others):
            self.flits[link] += flits
        self.hops = max([self.hops, *(self.mesh.hops(source, tile) for tile in others)])

    def then(self, later: _Sending) -> _Sending:
        """One transfer that is followed by another."""
        both = _Sending(self.mesh)
        for part in (self, later):
            both.hops += part.hops
            for link, flits in part.flits.items():
                both.flits[link] += flits
        return both


def route(spec: ImcSpec, network: Network, placement: Placement) -> Traffic:
    """Routes of all that every step sends."""
    mesh, sites = Mesh.of(placement.tiles), sites_of(spec, network, placement)
    away = spec.assumptions.off_chip(network)
    sent: dict[str, _Sending] = {}
    kept: dict[str, Mapping[int, IntArray]] = {}
    for layer in network:
        if layer.name in away or arranges(layer):
            continue
        currents = network.gives_currents(layer.name)
        bits = spec.psum_bits if currents else network.bits(layer.name)
        wants = _wants(network, sites, layer, away)
        sums, results = _Sending(mesh), _Sending(mesh)
        for home, part in sites.sums.get(layer.name, ()):
            sums.multicast(part.tile, [home], part.words(spec.psum_bits, spec.noc.flit_bits))
        made = masks(sites.parts[layer.name], layer.shape)
        _deliver(results, made, wants, (bits, spec.noc.flit_bits))
        if isinstance(layer, Conv2d | Linear) and neuron_of(layer) is not None:
            sent[layer.name], sent[f"{layer.name}.neuron"] = sums, results
        else:
            sent[layer.name] = sums.then(results)
        if not currents:
            at_home = _Wants(frozenset(), made)  # what nobody here reads stays there
            kept[layer.name] = _kept(layer, wants if wants.whole or wants.some else at_home)
    transfers = {step: Transfer(dict(sending.flits), sending.hops) for step, sending in sent.items() if sending.flits}
    return Traffic(mesh, sites, transfers, kept)


@dataclass(frozen=True, slots=True)
class _Wants:
    """Tiles that want a layer's whole rows, and what others want of them: bool [position, channel]."""

    whole: frozenset[int]
    some: Mapping[int, Mask]


def masks(parts: Iterable[Part], shape: Shape) -> dict[int, Mask]:
    """What of a row of a map the parts at each tile cover: bool [position, channel]."""
    found: dict[int, Mask] = {}
    for part in parts:
        mask = found.setdefault(part.tile, np.zeros(shape[1:], np.bool_))
        mask[slice(*part.positions), slice(*part.channels)] = True
    return found


def _wants(network: Network, sites: Sites, layer: Layer, away: frozenset[str]) -> _Wants:
    """What the readers of a layer want of its rows; of a flattened row everything."""
    whole: set[int] = set()
    parts: list[Part] = []
    for piece, reader in _readers(network, layer):
        if reader.name in away or (isinstance(reader, Readout) and reader.of_membrane):
            continue
        if reader.name in sites.tiles:
            whole.update(sites.tiles[reader.name])
        elif piece.flat:
            whole.update(part.tile for part in sites.parts[reader.name])
        else:
            parts += [read_of(network, reader, piece, part) for part in sites.parts[reader.name]]
    wanted = (part for part in parts if part.tile not in whole and part.values)
    return _Wants(frozenset(whole), masks(wanted, layer.shape))


def _readers(network: Network, layer: Layer) -> Iterator[tuple[Piece, Layer]]:
    """Who reads a layer's stored result, and as what."""
    names = {layer.name: None}  # in order, itself and what arranges it
    ahead = [layer.name]
    for name in ahead:
        for reader in map(network.__getitem__, network.consumers[name]):
            if not arranges(reader):
                yield from ((piece, reader) for piece in pieces(network, name) if piece.map == layer.name)
            elif reader.name not in names:
                names[reader.name] = None
                ahead.append(reader.name)


def _kept(layer: Layer, wants: _Wants) -> dict[int, IntArray]:
    everything = np.full(layer.shape[1], layer.shape[2], np.int64)
    some = {tile: mask.sum(axis=1, dtype=np.int64) for tile, mask in wants.some.items()}
    return dict.fromkeys(sorted(wants.whole), everything) | some


def _deliver(sending: _Sending, made: Mapping[int, Mask], wants: _Wants, widths: tuple[int, int]) -> None:
    """Send what of a row is made at each tile to where it is wanted, whole rows as one multicast.

    `widths` are value and flit bits.
    """
    for source, here in made.items():
        sending.multicast(source, wants.whole, words(here.sum(axis=1, dtype=np.int64), *widths))
        for tile, mask in wants.some.items():
            share = (here & mask).sum(axis=1, dtype=np.int64)
            if share.any():
                sending.multicast(source, [tile], words(share, *widths))
