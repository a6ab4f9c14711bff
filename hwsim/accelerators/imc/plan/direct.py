"""Which direct-coded currents are kept over the timesteps."""

from __future__ import annotations

from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network, neuron_of
from hwsim.traces.network.raw_input import multiplies_input


def kept_currents(network: Network, layer: Layer) -> int:
    """Direct-coded currents that a neuron or sum takes: what is read again where they are kept over the timesteps."""
    if isinstance(layer, Conv2d | Linear):
        return int(multiplies_input(network, layer))
    return sum(neuron_of(network[name]) is None and multiplies_input(network, network[name]) for name in layer.inputs)
