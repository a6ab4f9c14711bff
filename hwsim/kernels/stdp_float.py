"""Spiking and learning of one presentation in 32-bit floats, as `hwsim.traces.plastic` says; it rounds to no format."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsim.kernels.stdp_activity import (
    begin_window,
    conflicts,
    observe,
    potentiation_factor,
    visit_depressed,
    visit_potentiated,
)
from hwsim.kernels.stdp_neurons import fire, fire_inhibitory, inhibit
from hwsim.kernels.stdp_rules import (
    CONFLICT,
    DEPRESSED,
    INHIBITING,
    INPUT_SPIKES,
    MEMBRANES_LOW,
    OUTPUT_SPIKES,
    POTENTIATED,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
    Core,
)


@njit(cache=True)
def present_float(
    starts: NDArray[np.int64],
    spikes: NDArray[np.int32],
    core: Core,
    fired: NDArray[np.uint8],
    activity: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Present one sample, as `stdp_fixed.present_fixed` does: the same arguments with float32 in place of integers."""
    held = np.zeros(2, np.int64)
    learning, membranes, inhibiting = core.learning, core.membranes, core.inhibiting
    sources = np.empty_like(fired) if inhibiting.layer else fired
    for t in range(fired.shape[0]):
        step_spikes, seen = spikes[starts[t] : starts[t + 1]], activity[t]
        seen[INPUT_SPIKES] = step_spikes.size
        _leak(core)
        _integrate(core, step_spikes)
        seen[OUTPUT_SPIKES] = fire(membranes, core.firing, learning.plastic, fired[t], held)
        if inhibiting.layer:
            fire_inhibitory(membranes, inhibiting, np.float32(np.inf), fired[t], sources[t])
        if t >= inhibiting.delay:
            source = sources[t - inhibiting.delay]
            seen[INHIBITING] = inhibit(membranes, inhibiting.strength, core.firing.v_lowest, source, held)
        if learning.plastic:
            seen[CONFLICT] = conflicts(core, step_spikes)
            if learning.windowed:
                _windowed(core, step_spikes, t, fired[t], seen, counted)
            else:
                _pairwise(core, step_spikes, fired[t], seen, counted)
    counted[MEMBRANES_LOW] += held[0]


@njit(cache=True)
def _leak(core: Core) -> None:
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


@njit(cache=True)
def _integrate(core: Core, step_spikes: NDArray[np.int32]) -> None:
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


@njit(cache=True)
def _pairwise(
    core: Core,
    step_spikes: NDArray[np.int32],
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
            if synapses.post[j] > 0:
                neurons += 1
                _depress(core, step_spikes, j, counted)
        visit_depressed(core, step_spikes, neurons, seen)
    if seen[OUTPUT_SPIKES]:
        for j in range(fired.size):
            if fired[j]:
                synapses.post[j] = one
                _potentiate(core, j, np.float32(1), counted)
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
    factor = np.float32(potentiation_factor(core))
    pixels = np.nonzero(synapses.window_pixels)[0].astype(np.int32)
    potentiated, depressed = 0, 0
    for j in range(fired.size):
        if synapses.window_spikes[j]:
            potentiated += 1
            _potentiate(core, j, factor, counted)
        elif synapses.post[j] > 0:
            depressed += 1
            _depress(core, pixels, j, counted)
    visit_depressed(core, pixels, depressed, seen)
    visit_potentiated(core, potentiated, seen)
    begin_window(core)


@njit(cache=True)
def _depress(core: Core, pixels: NDArray[np.int32], j: int, counted: NDArray[np.int64]) -> None:
    weights = core.synapses.weights
    delta = core.synapses.post[j] * core.learning.depression
    for i in pixels:
        w = weights[i, j] - delta
        counted[DEPRESSED] += 1
        counted[WEIGHTS_LOW] += w < 0
        weights[i, j] = max(w, np.float32(0))


@njit(cache=True)
def _potentiate(core: Core, j: int, factor: np.float32, counted: NDArray[np.int64]) -> None:
    weights, pre, highest = core.synapses.weights, core.synapses.pre, core.learning.w_highest
    rate = core.learning.potentiation * factor
    for i in range(pre.size):
        if pre[i] > 0:
            w = weights[i, j] + pre[i] * rate
            counted[POTENTIATED] += 1
            counted[WEIGHTS_HIGH] += w > highest
            weights[i, j] = min(w, highest)


@njit(cache=True)
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
