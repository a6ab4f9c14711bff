"""Whether a network's weights, inputs and neurons fit the widths of a digital machine."""

from __future__ import annotations

from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.contract.dense import Dense
from hwsim.contract.fit import neuron_widths, refuse_narrow
from hwsim.traces.network.layers import Conv2d, Linear, Network, neuron_of
from hwsim.traces.network.raw_input import multiplies_input


def check_widths(spec: DigitalSpec, network: Network, dense: Dense | None) -> None:
    """Raise ArchitectureError, with the bits that it needs, for the first layer that does not fit."""
    for layer in network:
        if isinstance(layer, Conv2d | Linear):
            refuse_narrow(layer.name, [("mac.weight_bits", layer.weights.bits, spec.mac.weight_bits)])
            if multiplies_input(network, layer):
                input_bits = network.max_value(layer.inputs[0]).bit_length()
                refuse_narrow(layer.name, [("mac.input_bits", input_bits, spec.mac.input_bits)])
        neuron = neuron_of(layer)
        if neuron is not None and dense is None and spec.neuron != "none":
            refuse_narrow(layer.name, neuron_widths("neuron", neuron, spec.neuron))
