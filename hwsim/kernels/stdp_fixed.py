"""Spiking and learning of one presentation in fixed point, as `hwsim.traces.plastic` says; it knows no costs."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsim.kernels.counter_bits import random_bits
from hwsim.kernels.stdp_neurons import Number, fire
from hwsim.kernels.stdp_rules import (
    DEPRESSED,
    FACTOR_BITS,
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    NEAREST,
    POTENTIATED,
    THETA_HIGH,
    TRUNCATE,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
    Core,
)
from hwsim.kernels.stdp_window import begin_window, observe, potentiation_factor


@njit(cache=True)
def rounded(value: Number, bits: int, rounding: int, key: np.uint64, counter: int) -> Number:
    """Give value / 2**bits, as the format rounds; below zero too truncation is towards minus infinity.

    No random word is drawn where nothing would be rounded.
    """
    if bits <= 0:
        return value << -bits
    if rounding == TRUNCATE:
        return value >> bits
    if rounding == NEAREST:
        return (value + (1 << (bits - 1))) >> bits
    if value & ((1 << bits) - 1) == 0:
        return value >> bits
    return (value + random_bits(key, counter, bits)) >> bits


@njit(cache=True)
def present_fixed(
    starts: NDArray[np.int64],
    spikes: NDArray[np.int32],
    core: Core,
    fired: NDArray[np.uint8],
    counted: NDArray[np.int64],
) -> None:
    """Present one sample; writes fired uint8 [step, neuron], adds to counted int64 [N_COUNTED], changes the state.

    `starts` int64 [step + 1] and `spikes` int32 are those of `poisson.draw_spikes`.
    """
    held = np.zeros(2, np.int64)
    learning = core.learning
    for t in range(fired.shape[0]):
        step_spikes = spikes[starts[t] : starts[t + 1]]
        _leak(core, t)
        _integrate(core, step_spikes, t, counted)
        count = fire(core.membranes, core.firing, learning.plastic, fired[t], held)
        if learning.plastic:
            if learning.windowed:
                _windowed(core, step_spikes, fired[t], t, counted)
            else:
                _pairwise(core, step_spikes, fired[t], count, t, counted)
    counted[MEMBRANES_LOW] += held[0]
    counted[THETA_HIGH] += held[1]


@njit(cache=True)
def _leak(core: Core, t: int) -> None:
    leaks, rounding, membranes, synapses = core.leaks, core.rounding, core.membranes, core.synapses
    keys = rounding.keys
    n = membranes.v.size
    for j in range(n):
        v = np.int64(membranes.v[j]) * leaks.v
        membranes.v[j] = rounded(v, FACTOR_BITS, rounding.membranes, keys[1], 2 * t * n + j)
    if not core.learning.plastic:
        return
    for j in range(n):
        theta = np.int64(membranes.theta[j]) * leaks.theta
        membranes.theta[j] = rounded(theta, FACTOR_BITS, rounding.theta, keys[4], t * n + j)
        if synapses.post[j]:
            post = np.int64(synapses.post[j]) * leaks.post
            synapses.post[j] = rounded(post, FACTOR_BITS, rounding.traces, keys[3], t * n + j)
    pixels = synapses.pre.size
    for i in range(pixels):
        if synapses.pre[i]:
            pre = np.int64(synapses.pre[i]) * leaks.pre
            synapses.pre[i] = rounded(pre, FACTOR_BITS, rounding.traces, keys[2], t * pixels + i)


@njit(cache=True)
def _integrate(core: Core, step_spikes: NDArray[np.int32], t: int, counted: NDArray[np.int64]) -> None:
    membranes, rounding = core.membranes, core.rounding
    weights, current = core.synapses.weights, core.synapses.current
    n = current.size
    current[:] = 0
    for i in step_spikes:
        row = weights[i]
        for j in range(n):
            current[j] += np.int32(row[j])
    for j in range(n):
        if membranes.refractory[j] == 0:
            added = rounded(
                np.int64(current[j]), rounding.current_shift, rounding.membranes, rounding.keys[1], (2 * t + 1) * n + j
            )
            v = membranes.v[j] + added
            counted[MEMBRANES_HIGH] += v > rounding.v_highest
            membranes.v[j] = min(v, rounding.v_highest)


@njit(cache=True)
def _pairwise(
    core: Core,
    step_spikes: NDArray[np.int32],
    fired: NDArray[np.uint8],
    count: int,
    t: int,
    counted: NDArray[np.int64],
) -> None:
    synapses, learning = core.synapses, core.learning
    for i in step_spikes:
        synapses.pre[i] = learning.one
    if step_spikes.size:
        for j in range(synapses.post.size):
            if synapses.post[j]:
                _depress(core, step_spikes, j, t, counted)
    if count:
        for j in range(fired.size):
            if fired[j]:
                synapses.post[j] = learning.one
                _potentiate(core, j, 1, t, counted)


@njit(cache=True)
def _windowed(
    core: Core, step_spikes: NDArray[np.int32], fired: NDArray[np.uint8], t: int, counted: NDArray[np.int64]
) -> None:
    observe(core, step_spikes, fired)
    if (t + 1) % core.learning.window:
        return
    synapses = core.synapses
    factor = potentiation_factor(core)
    pixels = np.nonzero(synapses.window_pixels)[0].astype(np.int32)
    for j in range(fired.size):
        if synapses.window_spikes[j]:
            _potentiate(core, j, factor, t, counted)
        elif synapses.post[j]:
            _depress(core, pixels, j, t, counted)
    begin_window(core)


@njit(cache=True)
def _depress(core: Core, pixels: NDArray[np.int32], j: int, t: int, counted: NDArray[np.int64]) -> None:
    synapses, rounding = core.synapses, core.rounding
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


@njit(cache=True)
def _potentiate(core: Core, j: int, factor: int | np.int64, t: int, counted: NDArray[np.int64]) -> None:
    synapses, rounding, highest = core.synapses, core.rounding, core.learning.w_highest
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


@njit(cache=True)
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
    for i in range(pixels):
        for j in range(n):
            w = rounded(np.int64(weights[i, j]) * sums[j], FACTOR_BITS, rounding, key, i * n + j)
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)
