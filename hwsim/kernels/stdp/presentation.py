"""Spiking and learning of one presentation, step by step, as `hwsim.traces.plastic.trace` says.

In fixed point `rounding` says how; floats have none, and the compiler drops the branch that is not theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.activity import (
    begin_window,
    conflicts,
    observe,
    potentiation_factor,
    visit_depressed,
    visit_potentiated,
)
from hwsim.kernels.stdp.fixed import depress_fixed, integrate_fixed, leak_fixed, potentiate_fixed
from hwsim.kernels.stdp.floating import depress_float, integrate_float, leak_float, potentiate_float
from hwsim.kernels.stdp.neurons import fire, fire_inhibitory, inhibit
from hwsim.kernels.stdp.rules import (
    CONFLICT,
    INHIBITING,
    INPUT_SPIKES,
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    OUTPUT_SPIKES,
    THETA_HIGH,
    Core,
    Room,
    Rounding,
)


@kernel
def present(
    starts: NDArray[np.int64],
    spikes: NDArray[np.int32],
    core: Core,
    rounding: Rounding | None,
    room: Room,
    fired: NDArray[np.uint8],
    activity: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Present one sample; writes fired uint8 [step, neuron], adds to counted int64 [N_COUNTED], changes the state.

    `starts` int64 [step + 1] and `spikes` int32 are those of `poisson.draw_spikes`; `activity` int32
    [step, N_ACTIVITY] is zero before.
    """
    held = room.held
    held[:] = 0
    learning, membranes, inhibiting = core.learning, core.membranes, core.inhibiting
    sources = room.sources if inhibiting.layer else fired
    for t in range(fired.shape[0]):
        step_spikes, seen = spikes[starts[t] : starts[t + 1]], activity[t]
        seen[INPUT_SPIKES] = step_spikes.size
        if rounding is None:
            leak_float(core)
            integrate_float(core, step_spikes)
        else:
            leak_fixed(core, rounding, t)
            integrate_fixed(core, rounding, step_spikes, t, counted)
        seen[OUTPUT_SPIKES] = fire(membranes, core.firing, learning.plastic, fired[t], held)
        if inhibiting.layer:
            highest = np.float32(np.inf) if rounding is None else rounding.v_highest
            counted[MEMBRANES_HIGH] += fire_inhibitory(membranes, inhibiting, highest, fired[t], sources[t])
        if t >= inhibiting.delay:
            source = sources[t - inhibiting.delay]
            seen[INHIBITING] = inhibit(membranes, inhibiting.strength, core.firing.v_lowest, source, held)
        if learning.plastic:
            seen[CONFLICT] = conflicts(core, step_spikes)
            if learning.windowed:
                _windowed(core, rounding, room.pixels, step_spikes, t, fired[t], seen, counted)
            else:
                _pairwise(core, rounding, step_spikes, t, fired[t], seen, counted)
    counted[MEMBRANES_LOW] += held[0]
    counted[THETA_HIGH] += held[1]


@kernel
def _depress(
    core: Core, rounding: Rounding | None, pixels: NDArray[np.int32], j: int, t: int, counted: NDArray[np.int64]
) -> None:
    if rounding is None:
        depress_float(core, pixels, j, counted)
    else:
        depress_fixed(core, rounding, pixels, j, t, counted)


@kernel
def _potentiate(
    core: Core, rounding: Rounding | None, j: int, factor: int | np.int64, t: int, counted: NDArray[np.int64]
) -> None:
    if rounding is None:
        potentiate_float(core, j, factor, counted)
    else:
        potentiate_fixed(core, rounding, j, factor, t, counted)


@kernel
def _pairwise(
    core: Core,
    rounding: Rounding | None,
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
                _depress(core, rounding, step_spikes, j, t, counted)
        visit_depressed(core, step_spikes, neurons, seen)
    if seen[OUTPUT_SPIKES]:
        for j in range(fired.size):
            if fired[j]:
                synapses.post[j] = one
                _potentiate(core, rounding, j, 1, t, counted)
        visit_potentiated(core, seen[OUTPUT_SPIKES], seen)


@kernel
def _windowed(
    core: Core,
    rounding: Rounding | None,
    room: NDArray[np.int32],
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
    potentiated, depressed, n_pixels = 0, 0, 0
    for i in range(synapses.window_pixels.size):
        if synapses.window_pixels[i]:
            room[n_pixels] = i
            n_pixels += 1
    pixels = room[:n_pixels]
    for j in range(fired.size):
        if synapses.window_spikes[j]:
            potentiated += 1
            _potentiate(core, rounding, j, factor, t, counted)
        elif synapses.post[j]:
            depressed += 1
            _depress(core, rounding, pixels, j, t, counted)
    visit_depressed(core, pixels, depressed, seen)
    visit_potentiated(core, potentiated, seen)
    begin_window(core)
