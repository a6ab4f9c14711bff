"""Arithmetic of a learning network in fixed point, as `hwsim.traces.plastic.trace` says.

Loops over many values are `rounded` without its choices, which are made outside: so they take several values at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.counter_bits import random_bits
from hwsim.kernels.stdp.rules import (
    DEPRESSED,
    FACTOR_BITS,
    MEMBRANES_HIGH,
    NEAREST,
    POTENTIATED,
    STOCHASTIC,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
    Membranes,
    Number,
    Room,
    Rounding,
    Synapses,
)


@kernel(allocates=False)
def half_unit(bits: int, rounding: int) -> int:
    """What is added to a value before `bits` of it are cut off: half of what one more is worth, to the nearest."""
    return 1 << (bits - 1) if rounding == NEAREST and bits > 0 else 0


@kernel(allocates=False)
def rounded(value: Number, bits: int, rounding: int, key: np.uint64, counter: int) -> Number:
    """Give value / 2**bits, as the format rounds; below zero too truncation is towards minus infinity."""
    if bits <= 0:
        return value << -bits
    if rounding != STOCHASTIC:
        return (value + half_unit(bits, rounding)) >> bits
    return (value + random_bits(key, counter, bits)) >> bits


@kernel(allocates=False)
def leak_all(values: NDArray[Any], leak: int, rounding: int, key: np.uint64, first: int) -> None:
    """What a step leaves of each value, in place: int32 [n] times leak / 2**FACTOR_BITS, counters from `first` on."""
    narrow, half = np.int32(leak), half_unit(FACTOR_BITS, rounding)
    if rounding == STOCHASTIC:
        for i in range(values.size):
            product = np.int64(values[i]) * np.int64(narrow)
            values[i] = (product + random_bits(key, first + i, FACTOR_BITS)) >> FACTOR_BITS
    else:
        for i in range(values.size):
            values[i] = (np.int64(values[i]) * np.int64(narrow) + half) >> FACTOR_BITS


@kernel(allocates=False)
def leak_some(
    values: NDArray[np.int32], some: NDArray[np.int32], leak: int, rounding: int, key: np.uint64, first: int
) -> int:
    """The same for `some` of the values; moves those that stay above zero to the front, and returns how many do."""
    left = 0
    for j in some:
        values[j] = rounded(np.int64(values[j]) * leak, FACTOR_BITS, rounding, key, first + j)
        some[left] = j
        left += 1 if values[j] else 0
    return left


@kernel(allocates=False)
def charge_fixed(
    membranes: Membranes,
    current: NDArray[np.int32],
    highest: int,
    rounding: Rounding,
    t: int,
    counted: NDArray[np.int64],
) -> None:
    """Add sums of weights, which are overwritten, to the potentials of neurons that are not refractory."""
    v, refractory, shift, n = membranes.v, membranes.refractory, rounding.current_shift, current.size
    if rounding.membranes == STOCHASTIC and shift > 0:
        first = (2 * t + 1) * n
        for j in range(n):
            current[j] = (current[j] + random_bits(rounding.keys[1], first + j, shift)) >> shift
        shift = 0
    left, right, half = max(-shift, 0), max(shift, 0), half_unit(shift, rounding.membranes)
    held = 0
    for j in range(n):
        added = ((np.int64(current[j]) << left) + half) >> right
        raised = v[j] + (added if refractory[j] == 0 else 0)
        held += raised > highest
        v[j] = min(raised, highest)
    counted[MEMBRANES_HIGH] += held


@kernel(allocates=False)
def depress_fixed(
    synapses: Synapses,
    rate: int,
    rounding: Rounding,
    pixels: NDArray[np.int32],
    neurons: NDArray[np.int32],
    t: int,
    room: Room,
    counted: NDArray[np.int64],
) -> None:
    """Lower the weights of some pixels to some neurons by the neurons' traces."""
    weights, post, depressed, deltas = synapses.weights, synapses.post, room.depressed, room.deltas
    shift, key, drawn = rounding.delta_shift, rounding.keys[0], rounding.weights == STOCHASTIC
    half, n, count, held = half_unit(shift, rounding.weights), 0, 0, 0
    for j in neurons:
        depressed[n] = j
        deltas[n] = (np.int64(post[j]) * rate + half) >> shift
        n += 1 if drawn or deltas[n] else 0
    for i in pixels:
        row, first = weights[i], (2 * t * weights.shape[0] + i) * weights.shape[1]
        if drawn:
            for k in range(n):
                amount = np.int64(post[depressed[k]]) * rate
                deltas[k] = (amount + random_bits(key, first + depressed[k], shift)) >> shift
        for k in range(n):
            if deltas[k]:
                w = np.int64(row[depressed[k]]) - deltas[k]
                count += 1
                held += w < 0
                row[depressed[k]] = max(w, 0)
    counted[DEPRESSED] += count
    counted[WEIGHTS_LOW] += held


@kernel(allocates=False)
def potentiate_fixed(
    synapses: Synapses, rate: int, highest: int, rounding: Rounding, j: int, t: int, counted: NDArray[np.int64]
) -> None:
    """Raise the weights to neuron j by the pixels' traces times a rate."""
    weights, pre = synapses.weights, synapses.pre
    first = (2 * t + 1) * weights.size + j
    for i in range(pre.size):
        if pre[i] == 0:
            continue
        counter = first + i * weights.shape[1]
        delta = rounded(np.int64(pre[i]) * rate, rounding.delta_shift, rounding.weights, rounding.keys[0], counter)
        if delta > 0:
            w = np.int64(weights[i, j]) + delta
            counted[POTENTIATED] += 1
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)


@kernel(allocates=False)
def scale_fixed(
    weights: NDArray[np.uint16],
    factors: NDArray[np.int64],
    highest: int,
    rounding: int,
    key: np.uint64,
    counted: NDArray[np.int64],
) -> None:
    """Multiply each neuron's weights by its factor, in units of 2**-FACTOR_BITS."""
    pixels, n = weights.shape
    half, held = half_unit(FACTOR_BITS, rounding), 0
    for i in range(pixels):
        row = weights[i]
        if rounding == STOCHASTIC:
            for j in range(n):
                w = (row[j] * factors[j] + random_bits(key, i * n + j, FACTOR_BITS)) >> FACTOR_BITS
                held += w > highest
                row[j] = min(w, highest)
        else:
            for j in range(n):
                w = (row[j] * factors[j] + half) >> FACTOR_BITS
                held += w > highest
                row[j] = min(w, highest)
    counted[WEIGHTS_HIGH] += held
