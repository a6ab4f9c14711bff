"""Arithmetic of a learning network in 32-bit floats, as `hwsim.traces.plastic.trace` says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.rules import DEPRESSED, POTENTIATED, WEIGHTS_HIGH, WEIGHTS_LOW, Core


@kernel
def leak_float(core: Core) -> None:
    """What a step leaves of potentials and, when learning, of traces."""
    leaks, membranes, synapses = core.leaks, core.membranes, core.synapses
    for j in range(membranes.v.size):
        membranes.v[j] *= leaks.v
    if core.inhibiting.layer:
        for j in range(membranes.u.size):
            membranes.u[j] *= leaks.u
    if not core.learning.plastic:
        return
    for j in range(membranes.v.size):
        synapses.post[j] *= leaks.post
    for i in range(synapses.pre.size):
        synapses.pre[i] *= leaks.pre


@kernel
def integrate_float(core: Core, step_spikes: NDArray[np.int32]) -> None:
    """Add the weights of the pixels that fire to the potentials of neurons that are not refractory."""
    membranes, weights, current = core.membranes, core.synapses.weights, core.synapses.current
    n = current.size
    current[:] = 0
    for i in step_spikes:
        row = weights[i]
        for j in range(n):
            current[j] += row[j]
    for j in range(n):
        if membranes.refractory[j] == 0:
            membranes.v[j] += current[j]


@kernel
def depress_float(core: Core, pixels: NDArray[np.int32], j: int, counted: NDArray[np.int64]) -> None:
    """Lower the weights of some pixels to neuron j by its trace."""
    weights = core.synapses.weights
    delta = core.synapses.post[j] * core.learning.depression
    for i in pixels:
        w = weights[i, j] - delta
        counted[DEPRESSED] += 1
        counted[WEIGHTS_LOW] += w < 0
        weights[i, j] = max(w, np.float32(0))


@kernel
def potentiate_float(core: Core, j: int, factor: int | np.int64, counted: NDArray[np.int64]) -> None:
    """Raise the weights to neuron j by a multiple of the pixels' traces."""
    weights, pre, highest = core.synapses.weights, core.synapses.pre, core.learning.w_highest
    rate = core.learning.potentiation * np.float32(factor)
    for i in range(pre.size):
        if pre[i] > 0:
            w = weights[i, j] + pre[i] * rate
            counted[POTENTIATED] += 1
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)


@kernel
def normalise_float(
    weights: NDArray[np.float32],
    target: np.float32,
    highest: np.float32,
    sums: NDArray[np.float32],
    counted: NDArray[np.int64],
) -> None:
    """Scale each neuron's weights to the sum `target`; `sums` float32 [neuron] is overwritten, zero sums stay."""
    pixels, n = weights.shape
    sums[:] = 0
    for i in range(pixels):
        for j in range(n):
            sums[j] += weights[i, j]
    for j in range(n):
        sums[j] = target / sums[j] if sums[j] > 0 else np.float32(0)
    for i in range(pixels):
        for j in range(n):
            w = weights[i, j] * sums[j]
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)
