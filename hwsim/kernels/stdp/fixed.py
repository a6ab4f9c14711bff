"""Arithmetic of a learning network in fixed point, as `hwsim.traces.plastic.trace` says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.counter_bits import random_bits
from hwsim.kernels.stdp.neurons import Number
from hwsim.kernels.stdp.rules import (
    DEPRESSED,
    FACTOR_BITS,
    MEMBRANES_HIGH,
    NEAREST,
    POTENTIATED,
    STOCHASTIC,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
    Core,
    Rounding,
)


@kernel
def half_unit(bits: int, rounding: int) -> int:
    """What is added to a value before `bits` of it are cut off: half of what one more is worth, to the nearest."""
    return 1 << (bits - 1) if rounding == NEAREST and bits > 0 else 0


@kernel
def rounded(value: Number, bits: int, rounding: int, key: np.uint64, counter: int) -> Number:
    """Give value / 2**bits, as the format rounds; below zero too truncation is towards minus infinity.

    No random word is drawn where nothing would be rounded.
    """
    if bits <= 0:
        return value << -bits
    if rounding != STOCHASTIC:
        return (value + half_unit(bits, rounding)) >> bits
    if value & ((1 << bits) - 1) == 0:
        return value >> bits
    return (value + random_bits(key, counter, bits)) >> bits


@kernel
def leak_all(values: NDArray[Any], leak: int, rounding: int, key: np.uint64, first: int) -> None:
    """What a step leaves of each value, in place: int32 [n] times leak / 2**FACTOR_BITS, counters from `first` on."""
    if rounding == STOCHASTIC:
        _leak_randomly(values, leak, key, first)
        return
    # As `rounded` does it, without its choices in the loop.
    half = half_unit(FACTOR_BITS, rounding)
    for i in range(values.size):
        values[i] = (np.int64(values[i]) * leak + half) >> FACTOR_BITS


@kernel
def _leak_randomly(values: NDArray[Any], leak: int, key: np.uint64, first: int) -> None:
    for i in range(values.size):
        values[i] = rounded(np.int64(values[i]) * leak, FACTOR_BITS, STOCHASTIC, key, first + i)


@kernel
def leak_fixed(core: Core, rounding: Rounding, t: int) -> None:
    """What a step leaves of potentials and, when learning, of traces."""
    leaks, membranes, synapses = core.leaks, core.membranes, core.synapses
    keys, n = rounding.keys, membranes.v.size
    leak_all(membranes.v, leaks.v, rounding.membranes, keys[1], 2 * t * n)
    if core.inhibiting.layer:
        leak_all(membranes.u, leaks.u, rounding.membranes, keys[4], t * n)
    if core.learning.plastic:
        leak_all(synapses.post, leaks.post, rounding.traces, keys[3], t * n)
        leak_all(synapses.pre, leaks.pre, rounding.traces, keys[2], t * synapses.pre.size)


@kernel
def integrate_fixed(
    core: Core, rounding: Rounding, step_spikes: NDArray[np.int32], t: int, counted: NDArray[np.int64]
) -> None:
    """Add the weights of the pixels that fire to the potentials of neurons that are not refractory."""
    membranes = core.membranes
    weights, current = core.synapses.weights, core.synapses.current
    n = current.size
    current[:] = 0
    for i in step_spikes:
        row = weights[i]
        for j in range(n):
            current[j] += np.int32(row[j])
    if rounding.membranes == STOCHASTIC and rounding.current_shift > 0:
        for j in range(n):
            counter = (2 * t + 1) * n + j
            current[j] = rounded(current[j], rounding.current_shift, STOCHASTIC, rounding.keys[1], counter)
        left, right, half = 0, 0, 0
    else:
        left, right = max(-rounding.current_shift, 0), max(rounding.current_shift, 0)
        half = half_unit(right, rounding.membranes)
    v, refractory, highest, held = membranes.v, membranes.refractory, rounding.v_highest, 0
    for j in range(n):
        added = ((np.int64(current[j]) << left) + half) >> right
        raised = v[j] + added * (refractory[j] == 0)
        held += raised > highest
        v[j] = min(raised, highest)
    counted[MEMBRANES_HIGH] += held


@kernel
def depress_fixed(
    core: Core, rounding: Rounding, pixels: NDArray[np.int32], j: int, t: int, counted: NDArray[np.int64]
) -> None:
    """Lower the weights of some pixels to neuron j by its trace."""
    synapses = core.synapses
    weights = synapses.weights
    n, size = weights.shape[1], weights.size
    amount = np.int64(synapses.post[j]) * core.learning.depression
    for i in pixels:
        counter = 2 * t * size + i * n + j
        delta = rounded(amount, rounding.delta_shift, rounding.weights, rounding.keys[0], counter)
        if delta > 0:
            w = np.int64(weights[i, j]) - delta
            counted[DEPRESSED] += 1
            counted[WEIGHTS_LOW] += w < 0
            weights[i, j] = max(w, 0)


@kernel
def potentiate_fixed(
    core: Core, rounding: Rounding, j: int, factor: int | np.int64, t: int, counted: NDArray[np.int64]
) -> None:
    """Raise the weights to neuron j by a multiple of the pixels' traces."""
    synapses, highest = core.synapses, core.learning.w_highest
    weights, pre = synapses.weights, synapses.pre
    n, size = weights.shape[1], weights.size
    for i in range(pre.size):
        if pre[i] == 0:
            continue
        amount = np.int64(pre[i]) * core.learning.potentiation * factor
        counter = (2 * t + 1) * size + i * n + j
        delta = rounded(amount, rounding.delta_shift, rounding.weights, rounding.keys[0], counter)
        if delta > 0:
            w = np.int64(weights[i, j]) + delta
            counted[POTENTIATED] += 1
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)


@kernel
def normalise_fixed(
    weights: NDArray[np.uint16],
    target: int,
    highest: int,
    rounding: int,
    key: np.uint64,
    sums: NDArray[np.int64],
    counted: NDArray[np.int64],
) -> None:
    """Scale each neuron's weights to the sum `target`; `sums` int64 [neuron] is overwritten, zero sums stay."""
    pixels, n = weights.shape
    sums[:] = 0
    for i in range(pixels):
        for j in range(n):
            sums[j] += np.int64(weights[i, j])
    for j in range(n):
        sums[j] = (target << FACTOR_BITS) // sums[j] if sums[j] else 0
    half, held = half_unit(FACTOR_BITS, rounding), 0
    for i in range(pixels):
        row = weights[i]
        for j in range(n):
            product = np.int64(row[j]) * sums[j]
            if rounding == STOCHASTIC:
                w = rounded(product, FACTOR_BITS, STOCHASTIC, key, i * n + j)
            else:
                w = (product + half) >> FACTOR_BITS
            held += w > highest
            row[j] = min(w, highest)
    counted[WEIGHTS_HIGH] += held
