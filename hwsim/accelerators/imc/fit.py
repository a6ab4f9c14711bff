"""Whether the machine's registers hold what a network's weights and inputs can come to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwsim.accelerators.imc.exit.uncertainty import FRACTION_BITS, ONE
from hwsim.accelerators.imc.functional.conversion import signed as converts_differences
from hwsim.accelerators.imc.plan.placement import conversion_blocks
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.fit import Width, neuron_widths, refuse_narrow
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Add, Conv2d, Linear, Network, Pool, neuron_of
from hwsim.traces.network.ranges import added, current_ranges, drawn, signed_bits, sum_range
from hwsim.traces.network.weights import weights_of


def check_fit(spec: ImcSpec, network: Network) -> None:
    """Raise ArchitectureError, with the bits that it needs, for the first layer on the chip that does not fit.

    Without spikes there are no membranes.
    """
    away = spec.assumptions.off_chip(network)
    ranges = current_ranges(network)
    for layer in network:
        if layer.name in away:
            continue
        neuron = neuron_of(layer)
        if neuron is not None and network.activation_bits is None:
            refuse_narrow(layer.name, neuron_widths("neuron", neuron, spec.neuron))
        if isinstance(layer, Conv2d | Linear):
            refuse_narrow(layer.name, _sum_widths(spec, network, layer))
        elif isinstance(layer, Add):
            refuse_narrow(
                layer.name, [("pooling.bits", signed_bits(*added(layer, network, ranges)), spec.pooling.bits)]
            )
        elif isinstance(layer, Pool):
            refuse_narrow(layer.name, [("pooling.bits", network.max_value(layer.name).bit_length(), spec.pooling.bits)])


def check_decision(spec: ImcSpec, network: Network, timesteps: int) -> None:
    """Raise ArchitectureError where the unit that decides is too small for its tables, logits and classes."""
    unit, (low, high) = spec.early_exit.unit, current_ranges(network)[network.output.name]
    entries = 1 << FRACTION_BITS
    refuse_narrow(
        network.output.name,
        [
            ("early_exit.unit.accumulator_bits", signed_bits(low * timesteps, high * timesteps), unit.accumulator_bits),
            ("early_exit.unit.fifo_depth", network.n_classes, unit.fifo_depth),
            ("early_exit.unit.exponent_entries", entries, unit.exponent_entries),
            ("early_exit.unit.exponent_bits", ONE.bit_length(), unit.exponent_bits),
            ("early_exit.unit.logarithm_entries", entries, unit.logarithm_entries),
            ("early_exit.unit.logarithm_bits", FRACTION_BITS, unit.logarithm_bits),
        ],
    )


def _sum_widths(spec: ImcSpec, network: Network, layer: Conv2d | Linear) -> Iterator[Width]:
    """What is added up for one digit of the input in one read, that less the offset, and all of it.

    None of them is more than what the codes of the ADC add up to.
    """
    largest = network.max_value(layer.inputs[0])
    digits = range(0, largest.bit_length(), spec.dac.bits)
    digit = min(largest, (1 << spec.dac.bits) - 1)
    reads, stored = _reads(spec, network, layer)
    highest = (1 << (spec.adc.bits - converts_differences(spec))) - 1
    codes = highest * sum(1 << place for place in range(0, layer.weights.bits, spec.crossbar.cell_bits))
    read = min(stored * digit, codes)
    signed = spec.signs.encoding == "differential"
    yield "shift_add.bits", read.bit_length() + signed, spec.shift_add.bits
    if not signed:
        yield "offset_corrector.bits", read.bit_length() + 1, spec.offset_corrector.bits
    most = codes * reads * sum(1 << place for place in digits)
    needed = min(signed_bits(*sum_range(layer, largest)), most.bit_length() + 1)
    yield "accumulator.bits", needed, spec.accumulator.bits


def _reads(spec: ImcSpec, network: Network, layer: Conv2d | Linear) -> tuple[int, int]:
    """How many reads make up an output, and the largest sum of stored weights that one of them drives together.

    Weights are stored with the offset that makes them positive, or as pairs of which one is zero; bit slices are put
    together.
    """
    kernel, channels = window(layer)[0], input_shape(layer, network)[2]
    per_group = channels // (layer.groups if isinstance(layer, Conv2d) else 1)
    block, within = conversion_blocks(spec, kernel, per_group)
    _, read = np.unique(block * spec.crossbar.rows + within // spec.rows_at_once, return_inverse=True)
    reads, bits = int(read.max()) + 1, layer.weights.bits
    if not drawn(layer.weights):
        top = (1 << bits) - 1 if spec.signs.encoding == "offset" else 1 << (bits - 1)
        return reads, int(np.bincount(read).max()) * top
    weights = weights_of(layer).astype(np.int64).reshape(block.size, -1)
    weights = weights + (1 << (bits - 1)) if spec.signs.encoding == "offset" else np.abs(weights)
    sums = np.zeros((reads, weights.shape[1]), np.int64)
    np.add.at(sums, read, weights)
    return reads, int(sums.max())
