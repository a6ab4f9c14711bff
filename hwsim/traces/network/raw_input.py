"""Which layers follow from the raw input alone, and so are the same at every timestep."""

from __future__ import annotations

from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network


def follows_input(network: Network, name: str) -> bool:
    """Whether a layer is the input, perhaps flattened, pooled or added, with no weights and no neuron in between."""
    return name in network.following_input


def multiplies_input(network: Network, layer: Layer) -> bool:
    """Whether a layer has weights and multiplies them with what follows from the raw input alone."""
    return isinstance(layer, Conv2d | Linear) and follows_input(network, layer.inputs[0])
