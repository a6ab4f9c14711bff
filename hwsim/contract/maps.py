"""What a layer of a network reads, and of how much it makes a result."""

from __future__ import annotations

from hwsim.kernels.crossbar.rows import Sliding
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Flatten, Layer, Network, Pool, Readout


def origin(network: Network, name: str) -> str:
    """The layer whose result is stored for a layer: itself, or what a Flatten reads in another order."""
    while isinstance(network[name], Flatten):
        name = network[name].inputs[0]
    return name


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
