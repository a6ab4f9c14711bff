"""Whether the registers of a digital machine hold what a network's weights, inputs and neurons can come to."""

from __future__ import annotations

from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.contract.dense import Dense
from hwsim.contract.fit import neuron_widths, refuse_narrow
from hwsim.contract.neuron_parts import synapse_widths
from hwsim.traces.network.layers import Add, Conv2d, Input, Layer, Linear, Network, Pool, neuron_of
from hwsim.traces.network.ranges import Range, added, current_ranges, signed_bits, sum_range
from hwsim.traces.network.raw_input import multiplies_input


def check_fit(spec: DigitalSpec, network: Network, dense: Dense | None) -> None:
    """Raise ArchitectureError, with the bits that it needs, for the first layer that does not fit.

    An equation that counts operations by the mean fan-out has no registers for sums: its units are floating-point.
    """
    ranges = current_ranges(network)
    for layer in network:
        if isinstance(layer, Conv2d | Linear):
            _check_sums(spec, network, layer, dense, ranges.get(layer.name, (0, 0)))
        elif isinstance(layer, Add) and spec.pooling != "none":
            refuse_narrow(
                layer.name, [("pooling.bits", signed_bits(*added(layer, network, ranges)), spec.pooling.bits)]
            )
        elif layer.name in ranges and spec.pooling != "none":
            refuse_narrow(layer.name, [("pooling.bits", signed_bits(*ranges[layer.name]), spec.pooling.bits)])
        elif isinstance(layer, Pool) and spec.pooling != "none":
            refuse_narrow(layer.name, [("pooling.bits", _value_bits(network, layer.name, dense), spec.pooling.bits)])
        neuron = neuron_of(layer)
        if neuron is not None and dense is None:
            if spec.neuron != "none":
                refuse_narrow(layer.name, neuron_widths("neuron", neuron, spec.neuron))
                refuse_narrow(layer.name, synapse_widths("neuron", neuron, spec.neuron))
            else:  # the accumulators keep the membranes
                refuse_narrow(layer.name, [("ac.bits", neuron.membrane_bits, spec.ac.bits)])


def _check_sums(
    spec: DigitalSpec, network: Network, layer: Conv2d | Linear, dense: Dense | None, currents: Range
) -> None:
    """`currents` are those that the layer passes on, with its bias; (0, 0) where it gives spikes."""
    direct = multiplies_input(network, layer)
    value_bits = _value_bits(network, layer.inputs[0], dense)
    signed = network.signed(layer.inputs[0])
    largest = (1 << (value_bits - signed)) - 1
    sums = signed_bits(*sum_range(layer, largest, -largest - 1 if signed else 0))
    needed = [("mac.weight_bits", layer.weights.bits, spec.mac.weight_bits)]
    if direct:
        needed.append(("mac.input_bits", value_bits, spec.mac.input_bits))
    if spec.fan_out == "mean":
        refuse_narrow(layer.name, needed)
        return
    if direct or dense is not None:
        needed.append(("mac.sum_bits", sums, spec.mac.sum_bits))
    kept = direct and spec.direct_input == "once"
    if dense is None and (not direct or kept or network.gives_currents(layer.name)):
        needed.append(("ac.bits", max(sums, signed_bits(*currents)), spec.ac.bits))
    if dense is not None and neuron_of(layer) is not None and spec.pooling != "none":
        needed.append(("pooling.bits", sums, spec.pooling.bits))  # whose lanes apply the activation function
    refuse_narrow(layer.name, needed)


def _value_bits(network: Network, name: str, dense: Dense | None) -> int:
    """Bits of the activations that a layer gives."""
    layer: Layer = network[name]
    if dense is not None and not isinstance(layer, Input):
        return dense.activation_bits
    return network.bits(name)
