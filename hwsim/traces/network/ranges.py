"""The smallest and largest sums that a layer can come to, from its weights and the largest input: what registers must
hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.distinct import distinct
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


def sum_range(layer: Conv2d | Linear, largest: int, least: int = 0) -> Range:
    """The range of the sums of weights times inputs from `least`, 0 or below, to `largest`, and of their partial sums.

    That is over all output channels what its negative weights times the one and its positive ones times the other come
    to; over a spread map of those that meet its places together.  More than `MOST_DRAWN` seeded weights are not drawn
    but all taken at their largest.
    """
    if isinstance(layer.weights, SeededWeights) and not drawn(layer.weights):
        most = math.prod(layer.weights.shape[:3]) * weight_range(layer.weights.bits)[1] * max(largest, -least)
        return -most, most
    negative, positive = kept_with(layer.weights).once(("sums", window(layer)), lambda: _sums_by_sign(layer))
    low, high = negative * largest + positive * least, positive * largest + negative * least
    return min(int(low.min()), 0), max(int(high.max()), 0)


def _sums_by_sign(layer: Conv2d | Linear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums of negative weights, and of positive ones, of all taps that meet places together: [taps, channel] each."""
    weights = weights_of(layer).astype(np.int64)
    by_tap = weights.reshape(-1, *weights.shape[2:])
    together = [by_tap[taps] for taps in taps_together(layer)]
    negative, positive = (
        np.stack([part(met, 0).sum(axis=(0, 1)) for met in together]) for part in (np.minimum, np.maximum)
    )
    return negative, positive


def taps_together(layer: Conv2d | Linear) -> NDArray[np.bool_]:
    """Which taps of a window meet a map or its padding at once, for each way in which any do: [way, tap].

    Between the places of a spread map there is nothing, so that not all do; elsewhere there is one way.
    """
    if window(layer).spread == (1, 1):
        return np.ones((1, window(layer).taps), np.bool_)
    rows, columns = (distinct(window(layer).asked(axis, layer.shape[axis]), axis=0) for axis in (0, 1))
    together: NDArray[np.bool_] = rows[:, None, :, None] & columns[None, :, None, :]
    return together.reshape(len(rows) * len(columns), -1)


def current_ranges(network: Network) -> Mapping[str, Range]:
    """The range of what every layer passes on that gives currents: sums of weights with their bias, and sums of those.

    A layer that is followed by its own neurons gives spikes and has none.
    """
    found: dict[str, Range] = {}
    for layer in network:
        if not network.gives_currents(layer.name):
            continue
        if isinstance(layer, Conv2d | Linear):
            least, largest = network.values(layer.inputs[0])
            low, high = sum_range(layer, largest, least)
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
    """The range of a class's votes, of its membrane, or of what that may change by in a timestep."""
    if layer.of == "spikes":
        low, high = network.values(layer.inputs[0])
        return layer.votes * low, layer.votes * high
    neuron = neuron_of(network[layer.inputs[0]])
    assert neuron is not None
    if layer.of == "mean_membrane":
        return -(1 << neuron.membrane_bits - 1), (1 << neuron.membrane_bits - 1) - 1
    return -((1 << neuron.membrane_bits) - 1), (1 << neuron.membrane_bits) - 1


def added(layer: Add, network: Network, ranges: Mapping[str, Range]) -> Range:
    """The range of a sum of currents and activations, each with its gain."""
    low = high = 0
    for gain, name in zip(layer.gains, layer.inputs, strict=True):
        least, most = ranges[name] if network.gives_currents(name) else network.values(name)
        low, high = low + min(gain * least, gain * most), high + max(gain * least, gain * most)
    return low, high
