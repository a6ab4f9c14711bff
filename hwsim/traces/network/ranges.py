"""The smallest and largest sums that a layer can come to, from its weights and the largest input: what registers must
hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import kept_with
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Flatten,
    Linear,
    Network,
    Pool,
    Readout,
    SeededWeights,
    Weights,
    neuron_of,
)
from hwsim.traces.network.weights import weight_range, weights_of

Range = tuple[int, int]
MOST_DRAWN = 1 << 22
"""Seeded weights of a layer that are drawn to find their sums: more would take longer than all else."""


def signed_bits(low: int, high: int) -> int:
    """Bits of a two's complement register that holds all from low <= 0 to high >= 0; without a sign where low is 0."""
    return max(high.bit_length() + (low < 0), (-low - 1).bit_length() + 1 if low < 0 else 0)


def drawn(weights: Weights) -> bool:
    """Whether the weights themselves are looked at."""
    return not isinstance(weights, SeededWeights) or math.prod(weights.shape) <= MOST_DRAWN


def sum_range(layer: Conv2d | Linear, largest: int) -> Range:
    """The range of the sums of weights times inputs from 0 to `largest`, and of all their partial sums.

    That is the sum of an output channel's negative weights, and of its positive ones, over all channels; over a spread
    map of those that meet its places together.  More than `MOST_DRAWN` seeded weights are not drawn but all taken at
    their largest.
    """
    if isinstance(layer.weights, SeededWeights) and not drawn(layer.weights):
        most = math.prod(layer.weights.shape[:3]) * weight_range(layer.weights.bits)[1] * largest
        return -most, most
    low, high = kept_with(layer.weights).once(("sums", window(layer)), lambda: _extreme_sums(layer))
    return low * largest, high * largest


def _extreme_sums(layer: Conv2d | Linear) -> Range:
    """The least sum of an output channel's negative weights, and the largest of its positive ones."""
    weights, low, high = weights_of(layer).astype(np.int64), 0, 0
    rows, columns = (np.unique(window(layer).asked(axis, layer.shape[axis]), axis=0) for axis in (0, 1))
    for met in (weights[row][:, column] for row in rows for column in columns):
        low = min(low, int(np.minimum(met, 0).sum(axis=(0, 1, 2)).min()))
        high = max(high, int(np.maximum(met, 0).sum(axis=(0, 1, 2)).max()))
    return low, high


def current_ranges(network: Network) -> Mapping[str, Range]:
    """The range of what every layer passes on that gives currents: sums of weights with their bias, and sums of those.

    A layer that is followed by its own neurons gives spikes and has none.
    """
    found: dict[str, Range] = {}
    for layer in network:
        if not network.gives_currents(layer.name):
            continue
        if isinstance(layer, Conv2d | Linear):
            low, high = sum_range(layer, network.max_value(layer.inputs[0]))
            bias: NDArray[np.int32] | None = layer.bias
            if bias is not None:
                low, high = low + min(0, int(bias.min())), high + max(0, int(bias.max()))
            found[layer.name] = low, high
        elif isinstance(layer, Add):
            found[layer.name] = added(layer, network, found)
        elif isinstance(layer, Pool):
            low, high = found[layer.inputs[0]]
            times = layer.window.taps if layer.kind == "avg" else 1
            found[layer.name] = min(low, low * times), max(high, high * times)
        elif isinstance(layer, Flatten):
            found[layer.name] = found[layer.inputs[0]]
        elif isinstance(layer, Readout):
            found[layer.name] = _read_out(layer, network)
    return found


def _read_out(layer: Readout, network: Network) -> Range:
    """The range of a class's votes, or of what a membrane may change by in a timestep."""
    if layer.of == "spikes":
        return 0, layer.votes * network.max_value(layer.inputs[0])
    neuron = neuron_of(network[layer.inputs[0]])
    assert neuron is not None
    return -((1 << neuron.membrane_bits) - 1), (1 << neuron.membrane_bits) - 1


def added(layer: Add, network: Network, ranges: Mapping[str, Range]) -> Range:
    """The range of a sum of currents and activations, each with its gain."""
    low = high = 0
    for gain, name in zip(layer.gains, layer.inputs, strict=True):
        least, most = ranges[name] if network.gives_currents(name) else (0, network.max_value(name))
        low, high = low + min(gain * least, gain * most), high + max(gain * least, gain * most)
    return low, high
