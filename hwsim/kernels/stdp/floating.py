"""Arithmetic of a learning network in 32-bit floats, as `hwsim.traces.plastic.trace` says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.rules import DEPRESSED, POTENTIATED, WEIGHTS_HIGH, WEIGHTS_LOW, Membranes, Synapses


@kernel(allocates=False)
def leak_floats(values: NDArray[np.float32], leak: np.float32) -> None:
    """What a step leaves of each value, in place."""
    for i in range(values.size):
        values[i] *= leak


@kernel(allocates=False)
def leak_some_floats(values: NDArray[np.float32], some: NDArray[np.int32], leak: np.float32) -> int:
    """The same for `some` of the values; moves those that stay above zero to the front, and returns how many do."""
    left = 0
    for j in some:
        values[j] *= leak
        some[left] = j
        left += 1 if values[j] else 0
    return left


@kernel(allocates=False)
def charge_float(membranes: Membranes, current: NDArray[np.float32]) -> None:
    """Add sums of weights to the potentials of neurons that are not refractory."""
    v, refractory = membranes.v, membranes.refractory
    for j in range(v.size):
        if refractory[j] == 0:
            v[j] += current[j]


@kernel(allocates=False)
def depress_float(
    synapses: Synapses,
    rate: np.float32,
    pixels: NDArray[np.int32],
    neurons: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Lower the weights of some pixels to some neurons by the neurons' traces."""
    weights, post, held = synapses.weights, synapses.post, 0
    for i in pixels:
        row = weights[i]
        for j in neurons:
            w = row[j] - post[j] * rate
            held += w < 0
            row[j] = max(w, np.float32(0))
    counted[DEPRESSED] += pixels.size * neurons.size
    counted[WEIGHTS_LOW] += held


@kernel(allocates=False)
def potentiate_float(
    synapses: Synapses, rate: np.float32, highest: np.float32, j: int, counted: NDArray[np.int64]
) -> None:
    """Raise the weights to neuron j by the pixels' traces times a rate."""
    weights, pre = synapses.weights, synapses.pre
    for i in range(pre.size):
        if pre[i] > 0:
            w = weights[i, j] + pre[i] * rate
            counted[POTENTIATED] += 1
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)


@kernel(allocates=False)
def scale_float(
    weights: NDArray[np.float32], factors: NDArray[np.float32], highest: np.float32, counted: NDArray[np.int64]
) -> None:
    """Multiply each neuron's weights by its factor."""
    pixels, n = weights.shape
    held = 0
    for i in range(pixels):
        row = weights[i]
        for j in range(n):
            w = row[j] * factors[j]
            held += w > highest
            row[j] = min(w, highest)
    counted[WEIGHTS_HIGH] += held
