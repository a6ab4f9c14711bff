"""What multiplies the raw input beside the crossbars: lanes of multipliers with a memory of weights, at tile 0.

A layer of K taps, c -> o channels in each of G groups, makes an output row of W positions on L lanes in passes.  Lanes
take outputs of one group: floor(L / o) positions of all its channels side by side, or of one position L channels after
another, so a pass fills ceil(W / floor(L / o)) or W ceil(o / L) times.  In each cycle of a pass one input a position is
multiplied with the weights of its lanes, so it has K c cycles; it has as many more as the words that these weights fill
beyond the first.  Sums stay in the lanes and are complete with the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.fit import Width
from hwsim.errors import ArchitectureError
from hwsim.traces.network.geometry import fan_in
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network
from hwsim.traces.network.ranges import signed_bits, sum_range

MAC, WEIGHTS = "first_layer_mac", "first_layer_weights"


def weight_words(spec: ImcSpec, network: Network, layer: Layer) -> int:
    """Words of weights that are read for an output row, which is the cycles that it takes, as each takes one."""
    assert isinstance(layer, Conv2d | Linear)
    assert spec.first_layer_mac != "none"
    assert spec.first_layer_weights != "none"
    lanes, port_bits, bits = spec.first_layer_mac.lanes, spec.first_layer_weights.port_bits, layer.weights.bits
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    _, width, channels = layer.shape
    outputs = channels // groups
    if outputs <= lanes:
        a_step = ceil(width / (lanes // outputs)) * ceil(outputs * bits / port_bits)
    else:
        full, left = divmod(outputs, lanes)
        a_step = width * (full * ceil(lanes * bits / port_bits) + ceil(left * bits / port_bits))
    return groups * fan_in(layer, network) * a_step


def weight_bits(spec: ImcSpec, network: Network) -> int:
    """Bits that the weights of all layers take that multiply the raw input."""
    own = spec.digital_layers(network)
    return sum(
        fan_in(layer, network) * layer.shape[2] * layer.weights.bits
        for layer in network.weighted()
        if layer.name in own
    )


def widths(spec: ImcSpec, network: Network, layer: Conv2d | Linear) -> Iterator[Width]:
    """Registers of the unit, and what keeps its currents, with the bits that a layer needs of each."""
    mac = spec.first_layer_mac
    assert mac != "none"
    source = layer.inputs[0]
    bits, signed = network.bits(source), network.signed(source)
    largest = (1 << (bits - 1)) - 1 if signed else network.max_value(source)
    needed = signed_bits(*sum_range(layer, largest, -1 << (bits - 1) if signed else 0))
    yield "first_layer_mac.input_bits", bits, mac.input_bits
    yield "first_layer_mac.weight_bits", layer.weights.bits, mac.weight_bits
    yield "first_layer_mac.sum_bits", needed, mac.sum_bits
    yield "accumulator.bits", needed, spec.accumulator.bits


def refuse_alone(spec: ImcSpec, network: Network) -> None:
    """Raise ArchitectureError where the unit would leave nothing for the crossbars."""
    if {layer.name for layer in network.weighted()} <= spec.digital_layers(network):
        raise ArchitectureError(
            "direct_input: digital multiplies the raw input beside the crossbars, and this network has no other layer "
            "with weights; direct_input=once has it on them"
        )
