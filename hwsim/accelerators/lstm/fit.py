"""Whether a network fits the widths and memories of an LSTM machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwsim.accelerators.lstm.plan import Plan, memory_bits
from hwsim.contract.fit import Width, neuron_widths, refuse_narrow, refuse_small
from hwsim.traces.sequence.trace import GATES, LstmLayer


def check_fit(plan: Plan) -> None:
    """Raise ArchitectureError where a width or a memory of the machine is too small for a network."""
    spec, network = plan.spec, plan.network
    for layer in network.layers:
        refuse_narrow(layer.name, _widths(plan, layer))
    readout = network.readout
    sums = int(np.abs(readout.weights.astype(np.int64)).sum(axis=0).max())
    steps = network.n_elements if readout.over == "all" else 1
    bits = (sums * steps + int(np.abs(readout.bias.astype(np.int64)).max())).bit_length() + 1
    refuse_narrow("readout", [("readout.bits", bits, spec.readout.bits)])
    for key, (needed, there) in memory_bits(plan).items():
        refuse_small(key, "the network needs", needed, there, " in one memory")


def _widths(plan: Plan, layer: LstmLayer) -> Iterator[Width]:
    """Bits that a layer needs of a part, and that the part has, by key."""
    spec = plan.spec
    if plan.multiplies(layer):
        yield "mac.input_bits", plan.network.input_bits, spec.mac.input_bits
    if plan.multiplies(layer) or plan.dense is not None:
        yield "mac.weight_bits", layer.weight_bits, spec.mac.weight_bits
        yield "mac.sum_bits", _multiplied_bits(plan, layer), spec.mac.sum_bits
    yield "state.bits", layer.state_bits, spec.state.bits
    yield "elementwise.state_bits", layer.state_bits, spec.elementwise.state_bits
    if plan.dense is not None:
        return
    yield "ac.bits", _current_bits(plan, layer), spec.ac.bits
    for units in layer.units.values():
        if units.spiking:
            yield from neuron_widths("neuron", units, spec.neuron)
        else:
            yield "elementwise.value_bits", layer.fraction_bits + 1 + units.signed, spec.elementwise.value_bits


def _multiplied_bits(plan: Plan, layer: LstmLayer) -> int:
    """Signed bits of what the multipliers add up: the input product, and without spikes that of the hidden values."""
    if plan.dense is None:
        return _product_bits(plan, layer)
    hidden = np.abs(layer.hidden_weights.astype(np.int64)).sum(axis=1) << plan.dense.activation_bits
    inputs = np.abs(layer.input_weights.astype(np.int64)).sum(axis=1)
    bits = plan.network.input_bits - 1 if plan.multiplies(layer) else plan.dense.activation_bits
    return int((hidden + (inputs << bits)).max()).bit_length() + 1


def _product_bits(plan: Plan, layer: LstmLayer) -> int:
    """Signed bits of the input product."""
    largest = 1 << (plan.network.input_bits - 1)
    return int(np.abs(layer.input_weights.astype(np.int64)).sum(axis=1).max() * largest).bit_length() + 1


def _current_bits(plan: Plan, layer: LstmLayer) -> int:
    """Signed bits of the currents of the gates: both products, each shifted to the same unit, and the bias."""
    largest = 1 << (plan.network.input_bits - 1) if plan.multiplies(layer) else 1
    most = 0
    for gate, name in enumerate(GATES):
        units = layer.units[name]
        own, hidden = (
            np.abs(weights[gate].astype(np.int64)).sum(axis=0)
            for weights in (layer.input_weights, layer.hidden_weights)
        )
        bias = np.abs(units.bias.astype(np.int64))
        currents = (own * largest << units.input_shift) + (hidden << units.hidden_shift) + bias
        most = max(most, int(currents.max()))
    return most.bit_length() + 1
