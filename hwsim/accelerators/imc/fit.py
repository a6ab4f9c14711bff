"""Whether a network's neurons fit the machine's."""

from __future__ import annotations

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.fit import neuron_widths, refuse_narrow
from hwsim.traces.network.layers import Network, neuron_of


def check_neurons(spec: ImcSpec, network: Network) -> None:
    """Raise ArchitectureError, with the bits that it needs, for the first layer on the chip that does not fit."""
    away = spec.assumptions.off_chip(network)
    for layer in network.spiking():
        neuron = neuron_of(layer)
        if neuron is not None and layer.name not in away:
            refuse_narrow(layer.name, neuron_widths("neuron", neuron, spec.neuron))
