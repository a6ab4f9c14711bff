"""Spiking and learning of one presentation in fixed point, as `hwsim.traces.plastic` says; it knows no costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsim.kernels.counter_bits import random_bits
from hwsim.kernels.stdp_activity import (
    begin_window,
    conflicts,
    observe,
    potentiation_factor,
    visit_depressed,
    visit_potentiated,
)
from hwsim.kernels.stdp_neurons import Number, fire, fire_inhibitory, inhibit
from hwsim.kernels.stdp_rules import (
    CONFLICT,
    DEPRESSED,
    FACTOR_BITS,
    INHIBITING,
    INPUT_SPIKES,
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    NEAREST,
    OUTPUT_SPIKES,
    POTENTIATED,
    STOCHASTIC,
    THETA_HIGH,
    TRUNCATE,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
    Core,
)


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
    activity: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Present one sample; writes fired uint8 [step, neuron], adds to counted int64 [N_COUNTED], changes the state.

    `starts` int64 [step + 1] and `spikes` int32 are those of `poisson.draw_spikes`; `activity` int32
    [step, N_ACTIVITY] is zero before, except for the input spikes, which it need not have.
    """
    held = np.zeros(2, np.int64)
    learning, membranes, inhibiting = core.learning, core.membranes, core.inhibiting
    sources = np.empty_like(fired) if inhibiting.layer else fired
    for t in range(fired.shape[0]):
        step_spikes, seen = spikes[starts[t] : starts[t + 1]], activity[t]
        seen[INPUT_SPIKES] = step_spikes.size
        _leak(core, t)
        _integrate(core, step_spikes, t, counted)
        count = fire(membranes, core.firing, learning.plastic, fired[t], held)
        if inhibiting.layer:
            counted[MEMBRANES_HIGH] += fire_inhibitory(
                membranes, inhibiting, core.rounding.v_highest, fired[t], sources[t]
            )
        if t >= inhibiting.delay:
            source = sources[t - inhibiting.delay]
            seen[INHIBITING] = inhibit(membranes, inhibiting.strength, core.firing.v_lowest, source, held)
        seen[OUTPUT_SPIKES] = count
        if learning.plastic:
            seen[CONFLICT] = conflicts(core, step_spikes)
            if learning.windowed:
                _windowed(core, step_spikes, t, fired[t], seen, counted)
            else:
                _pairwise(core, step_spikes, t, fired[t], seen, counted)
    counted[MEMBRANES_LOW] += held[0]
    counted[THETA_HIGH] += held[1]


@njit(cache=True)
def leak_all(values: NDArray[Any], leak: int, rounding: int, key: np.uint64, first: int) -> None:
    """What a step leaves of each value, in place: int32 [n] times leak / 2**FACTOR_BITS, counters from `first` on."""
    if rounding == STOCHASTIC:
        for i in range(values.size):
            values[i] = rounded(np.int64(values[i]) * leak, FACTOR_BITS, rounding, key, first + i)
        return
    # As `rounded` does it, without its choices in the loop.
    half = np.int64(1 << (FACTOR_BITS - 1)) if rounding == NEAREST else np.int64(0)
    for i in range(values.size):
        values[i] = (np.int64(values[i]) * leak + half) >> FACTOR_BITS


@njit(cache=True)
def _leak(core: Core, t: int) -> None:
    leaks, rounding, membranes, synapses = core.leaks, core.rounding, core.membranes, core.synapses
    keys, n = rounding.keys, membranes.v.size
    leak_all(membranes.v, leaks.v, rounding.membranes, keys[1], 2 * t * n)
    if core.inhibiting.layer:
        leak_all(membranes.u, leaks.u, rounding.membranes, keys[4], t * n)
    if core.learning.plastic:
        leak_all(synapses.post, leaks.post, rounding.traces, keys[3], t * n)
        leak_all(synapses.pre, leaks.pre, rounding.traces, keys[2], t * synapses.pre.size)


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
    if rounding.membranes == STOCHASTIC and rounding.current_shift > 0:
        for j in range(n):
            counter = (2 * t + 1) * n + j
            current[j] = rounded(current[j], rounding.current_shift, STOCHASTIC, rounding.keys[1], counter)
        left, right, half = 0, 0, 0
    else:
        left, right, half = max(-rounding.current_shift, 0), max(rounding.current_shift, 0), 0
        if rounding.membranes == NEAREST and right:
            half = 1 << (right - 1)
    v, highest, held = membranes.v, rounding.v_highest, 0
    for j in range(n):
        added = ((np.int64(current[j]) << left) + half) >> right
        raised = v[j] + added * (membranes.refractory[j] == 0)
        held += raised > highest
        v[j] = min(raised, highest)
    counted[MEMBRANES_HIGH] += held


@njit(cache=True)
def _pairwise(
    core: Core,
    step_spikes: NDArray[np.int32],
    t: int,
    fired: NDArray[np.uint8],
    seen: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    synapses, one = core.synapses, core.learning.one
    for i in step_spikes:
        synapses.pre[i] = one
    if step_spikes.size:
        neurons = 0
        for j in range(synapses.post.size):
            if synapses.post[j]:
                neurons += 1
                _depress(core, step_spikes, j, t, counted)
        visit_depressed(core, step_spikes, neurons, seen)
    if seen[OUTPUT_SPIKES]:
        for j in range(fired.size):
            if fired[j]:
                synapses.post[j] = one
                _potentiate(core, j, 1, t, counted)
        visit_potentiated(core, seen[OUTPUT_SPIKES], seen)


@njit(cache=True)
def _windowed(
    core: Core,
    step_spikes: NDArray[np.int32],
    t: int,
    fired: NDArray[np.uint8],
    seen: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    observe(core, step_spikes, fired)
    if (t + 1) % core.learning.window:
        return
    synapses = core.synapses
    factor = potentiation_factor(core)
    pixels = np.nonzero(synapses.window_pixels)[0].astype(np.int32)
    potentiated, depressed = 0, 0
    for j in range(fired.size):
        if synapses.window_spikes[j]:
            potentiated += 1
            _potentiate(core, j, factor, t, counted)
        elif synapses.post[j]:
            depressed += 1
            _depress(core, pixels, j, t, counted)
    visit_depressed(core, pixels, depressed, seen)
    visit_potentiated(core, potentiated, seen)
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
    half = np.int64(1 << (FACTOR_BITS - 1)) if rounding == NEAREST else np.int64(0)
    held = 0
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
