"""Neurons of a float graph in whole numbers of a fraction of the step of what arrives."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.graph import Floats, Neurons, fail
from hwsim.doors.precision import Precision
from hwsim.traces.network.layers import Leak, Neuron, Synapse

_THRESHOLD_STEPS = 4096  # that the lowest threshold of a layer has at least, where fraction bits allow
_MOST_FRACTION_BITS = 12
_SILENT_FRACTION_BITS = 8  # of neurons that never fire, whose membranes are read out
MAX_MEMBRANE_BITS = 32


def rounded(
    node: Neurons, arriving: Floats, bias: Floats | float, precision: Precision
) -> tuple[Neuron, NDArray[np.int32] | None]:
    """Threshold, leak, reset, feedback and bias in whole numbers of a fraction of the step of each channel.

    `arriving` is the step of what arrives, of which a membrane takes `gain` times as much.
    """
    channels = node.shape[2]
    if (np.asarray(node.gain) <= 0).any():
        fail(node, "takes less than nothing of what arrives: wanted a gain above 0")
    step = arriving * node.gain
    threshold = np.broadcast_to(node.threshold, channels) / step
    if (threshold < 0).any() and node.widths is None:  # else it was meant
        fail(node, "has a threshold below zero")
    widths = node.widths
    fraction = _fraction_bits(float(threshold.min())) if widths is None else widths.fraction_bits
    unit = 1 << fraction
    if node.synapse is not None and np.any(node.drive):
        fail(node, "has a potential that it leaks to, beside a synaptic current: wanted v_leak 0")
    whole = np.rint((bias / arriving + node.drive / step) * unit)
    v_reset = np.rint(node.v_reset / step * unit)
    if node.reset == "hard" and node.v_reset and len(set(v_reset.tolist())) > 1:
        fail(node, "has a reset potential that is not zero: choose one step for all channels, per_channel=False")
    silent = bool(np.isinf(threshold).all())
    levels = np.zeros(channels, np.int64) if silent else np.rint(threshold * unit).astype(np.int64)
    feedback = None if node.feedback is None else np.rint(node.feedback / arriving * unit).astype(np.int64)
    largest = max(int(np.abs(each).max()) for each in (levels, feedback) if each is not None)
    bits, leak_bits = max(precision.membrane_bits, largest.bit_length() + 2), precision.leak_bits
    of_current = leak_bits
    if widths is not None:
        bits, leak_bits, of_current = widths.membrane_bits, widths.leak_bits, widths.synapse_leak_bits
    if bits > MAX_MEMBRANE_BITS:
        fail(node, f"needs membranes of {bits} bits: its threshold is far above its weights")
    leak, leak_bits = _leak(node.leak, channels, leak_bits)
    synapse = None
    if node.synapse is not None:
        synapse = Synapse(*_leak(node.synapse.leak, channels, of_current), node.synapse.delayed)
    neuron = Neuron(
        leak=leak,
        leak_bits=leak_bits,
        v_threshold=levels + ((1 << (bits - 1)) - 1) * silent,
        reset=node.reset,
        fraction_bits=fraction,
        membrane_bits=bits,
        v_reset=int(v_reset[0]) if node.reset == "hard" else 0,
        fires_at_threshold=node.fires_at_threshold,
        delayed_reset=node.delayed_reset,
        reset_after_sum=node.reset_after_sum,
        synapse=synapse,
        feedback=feedback,
        signed=node.signed,
    )
    return neuron, whole.astype(np.int32) if whole.any() else None


def _leak(value: Floats, channels: int, bits: int) -> tuple[Leak, int]:
    """A leak and its bits: one where it is the same for all channels, and no bits where nothing leaks."""
    leak = np.rint(np.broadcast_to(value, channels) * (1 << bits)).astype(np.int64)
    if len(set(leak.tolist())) > 1:
        return leak, bits
    return (1, 0) if int(leak[0]) == 1 << bits else (int(leak[0]), bits)


def _fraction_bits(lowest: float) -> int:
    """As many as the lowest threshold, in steps, needs to be one of many."""
    if math.isinf(lowest):
        return _SILENT_FRACTION_BITS
    wanted = math.ceil(math.log2(_THRESHOLD_STEPS / lowest)) if lowest > 0 else 0
    return min(max(wanted, 0), _MOST_FRACTION_BITS)
