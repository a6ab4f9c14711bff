"""Which layers follow from the raw input alone, and so are the same at every timestep; it knows no hardware."""

from __future__ import annotations

from hwsim.traces.network import Conv2d, Layer, Linear, Network, neuron_of


def follows_input(network: Network, name: str) -> bool:
    """Whether a layer is the input, perhaps flattened, pooled or added, with no weights and no neuron in between."""
    layer = network[name]
    if isinstance(layer, Conv2d | Linear) or neuron_of(layer) is not None:
        return False
    return all(follows_input(network, source) for source in layer.inputs)


def multiplies_input(network: Network, layer: Layer) -> bool:
    """Whether a layer has weights and multiplies them with what follows from the raw input alone."""
    return isinstance(layer, Conv2d | Linear) and follows_input(network, layer.inputs[0])


def kept_currents(network: Network, layer: Layer) -> int:
    """Direct-coded currents that a neuron or sum takes: what is read again where they are kept over the timesteps."""
    if isinstance(layer, Conv2d | Linear):
        return int(multiplies_input(network, layer))
    return sum(neuron_of(network[name]) is None and multiplies_input(network, network[name]) for name in layer.inputs)
