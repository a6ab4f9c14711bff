"""What a layer of a network reads, and of how much it makes a result."""

from __future__ import annotations

from hwsim.traces.network.layers import Flatten, Layer, Network, Pool, Readout


def origin(network: Network, name: str) -> str:
    """The layer whose result is stored for a layer: itself, or what a Flatten reads in another order."""
    while isinstance(network[name], Flatten):
        name = network[name].inputs[0]
    return name


def operands(layer: Layer) -> int:
    """Values that a layer without weights pools or adds for one result."""
    if isinstance(layer, Readout):
        return layer.votes
    return layer.kernel**2 if isinstance(layer, Pool) else len(layer.inputs)
