"""Whether the machine's registers hold what a network's weights and inputs can come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.adc_range import signed as converts_differences
from hwsim.accelerators.imc.exit.uncertainty import FRACTION_BITS, ONE
from hwsim.accelerators.imc.first_layer import widths
from hwsim.accelerators.imc.plan.placement import conversion_blocks
from hwsim.accelerators.imc.plan.stored_weights import offset_of, slices_of, stored_together, unit_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.fit import Width, neuron_widths, refuse_narrow
from hwsim.contract.neuron_parts import synapse_widths
from hwsim.errors import ArchitectureError
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Add, Conv2d, Integers, Linear, Network, Pool, is_delayed, neuron_of
from hwsim.traces.network.ranges import added, current_ranges, drawn, signed_bits, sum_range, taps_together
from hwsim.traces.network.weights import weights_of


def check_fit(spec: ImcSpec, network: Network) -> None:
    """Raise ArchitectureError, with the bits that it needs, for the first layer on the chip that does not fit.

    Without spikes there are no membranes.
    """
    away = spec.assumptions.off_chip(network)
    digital = spec.digital_layers(network)
    _check_delayed(spec, network, away)
    ranges = current_ranges(network)
    for layer in network:
        if layer.name in away:
            continue
        neuron = neuron_of(layer)
        if neuron is not None and network.activation_bits is None:
            refuse_narrow(layer.name, neuron_widths("neuron", neuron, spec.neuron))
            refuse_narrow(layer.name, synapse_widths("neuron", neuron, spec.neuron))
        if layer.name in digital and isinstance(layer, Conv2d | Linear):
            refuse_narrow(layer.name, widths(spec, network, layer))
        elif isinstance(layer, Conv2d | Linear):
            refuse_narrow(layer.name, _sum_widths(spec, network, layer))
        elif isinstance(layer, Add):
            refuse_narrow(
                layer.name, [("pooling.bits", signed_bits(*added(layer, network, ranges)), spec.pooling.bits)]
            )
        elif layer.name in ranges:
            refuse_narrow(layer.name, [("pooling.bits", signed_bits(*ranges[layer.name]), spec.pooling.bits)])
        elif isinstance(layer, Pool):
            refuse_narrow(layer.name, [("pooling.bits", network.bits(layer.name), spec.pooling.bits)])


def _check_delayed(spec: ImcSpec, network: Network, away: frozenset[str]) -> None:
    """Refuse orders in which the timestep before is not complete when it is read, and reading off the chip."""
    for layer in filter(is_delayed, network):
        what = f"layer '{layer.name}' reads '{layer.inputs[0]}' of the timestep before"
        if spec.loop_order == "layer_outer" and network[layer.inputs[0]].shape[0] > 1:
            raise ArchitectureError(f"loop_order: {what}, which is complete only with timestep_outer")
        if away & {layer.name, layer.inputs[0]}:
            raise ArchitectureError(f"assumptions.classifier: {what}, so both must be on_chip")


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
    """What is added up for one digit of the input in one read, that less the offset, and all of it."""
    bits, signed_input = network.bits(layer.inputs[0]), network.signed(layer.inputs[0])
    largest = (1 << bits - 1) - 1 if signed_input else network.max_value(layer.inputs[0])  # of all digits but a sign
    least, sign = (-1 << bits - 1, [bits - 1]) if signed_input else (0, [])
    if network.fires_both(layer.inputs[0]):
        least, sign = -1, [0]
    places = [*range(0, largest.bit_length(), spec.dac.bits), *sign]
    reads = Reads.of(spec, network, layer, min(largest, (1 << spec.dac.bits) - 1))
    signed = spec.signs.encoding == "differential"
    yield "shift_add.bits", reads.highest.bit_length() + signed, spec.shift_add.bits
    if not signed:
        highest = reads.highest * reads.unit
        yield "offset_corrector.bits", signed_bits(reads.lowest, highest), spec.offset_corrector.bits
    most = reads.codes * reads.unit * reads.n * sum(1 << place for place in places)
    needed = min(signed_bits(*sum_range(layer, largest, least)), most.bit_length() + 1)
    yield "accumulator.bits", needed, spec.accumulator.bits


@dataclass(frozen=True, slots=True)
class Reads:
    """The reads that make up an output, each of the rows that are driven together, all with the highest digit.

    Of a spread map those are the rows of taps that meet its places at once.  Weights are stored with the offset that
    makes them positive, or as pairs of which one is zero; bit slices are put together.  Codes that are cut to the ADC's
    range add up to less than what was driven, but the whole offset is taken off them: where S is the sum of stored
    weights and O of offsets, min(S, top) - O is least with all rows driven if that is below what the negative weights
    come to.
    """

    n: int  # how many
    codes: int  # what the codes of one read add up to at most
    highest: int  # what it adds up to at most
    lowest: int  # what is least left of that without the offset
    unit: int  # what 1 of a code of the lowest slice is worth in weights

    @classmethod
    def of(cls, spec: ImcSpec, network: Network, layer: Conv2d | Linear, digit: int) -> Reads:
        """Those of a layer, from its weights, or from the largest ones where they are too many to draw."""
        channels = input_shape(layer, network)[2]
        per_group = channels // (layer.groups if isinstance(layer, Conv2d) else 1)
        block, within = conversion_blocks(spec, window(layer).taps, per_group)
        _, read = np.unique(block * spec.crossbar.rows + within // spec.rows_at_once, return_inverse=True)
        ways = [np.flatnonzero(way) for way in np.repeat(taps_together(layer), per_group, axis=1)]
        bits, n = layer.weights.bits, int(read.max()) + 1
        half, unit = 1 << (bits - 1), unit_of(spec, bits)
        codes = _top_code(spec) * sum(1 << place for place in slices_of(spec, bits))
        if not drawn(layer.weights):
            most = max((int(np.bincount(read[way]).max()) for way in ways if way.size), default=0) * digit
            stored = (1 << bits) - 1 if offset_of(spec, bits) else half
            return cls(n, codes, min(most * stored, codes), -half * most, unit)
        weights = weights_of(layer).reshape(block.size, -1)
        found = [_least_and_most(spec, weights, bits, read, way, digit) for way in ways if way.size]
        lowest, highest = min((low for low, _ in found), default=0), max((high for _, high in found), default=0)
        if spec.devices.full_scale != "level":  # registers count in steps of the ADC, the offset too
            lowest = max(lowest, -codes * unit)
        return cls(n, codes, min(highest, codes), lowest, unit)


def _top_code(spec: ImcSpec) -> int:
    return (1 << (spec.adc.bits - converts_differences(spec))) - 1


def _least_and_most(
    spec: ImcSpec, weights: Integers, bits: int, read: NDArray[np.int64], rows: NDArray[np.int64], digit: int
) -> tuple[int, int]:
    """What is least left of a read without the offset, and the most that one adds up to, of some `rows` of all.

    `weights` [row, column] are those of all rows, `read` [row] the read of each.
    """
    # One read after another: whether rows lie so already depends on the placement.
    rows = rows[np.argsort(read[rows], kind="stable")]
    weights = weights[rows].astype(np.int32)
    _, driven = np.unique(read[rows], return_counts=True)
    kept, ends = stored_together(spec, weights, bits), np.cumsum(driven)

    def summed(values: Integers) -> NDArray[np.int64]:
        each = [values[end - n : end].sum(axis=0) for end, n in zip(ends, driven, strict=True)]
        return np.stack(each).astype(np.int64) * digit

    mask, top = (1 << spec.crossbar.cell_bits) - 1, _top_code(spec)
    columns = {place: summed((kept >> place) & mask) for place in slices_of(spec, bits)}
    stored = sum(levels << place for place, levels in columns.items())
    highest, corrected = int(np.max(stored)), summed(np.minimum(weights, 0))
    if spec.devices.full_scale != "level":
        return int(corrected.min()), highest
    cut = np.any([levels > top for levels in columns.values()], axis=0)
    offset = offset_of(spec, bits) * digit * driven[:, None]
    return int(np.where(cut, np.minimum(corrected, top * unit_of(spec, bits) - offset), corrected).min()), highest
