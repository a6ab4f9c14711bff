"""Spiking and learning of one presentation, step by step, as `hwsim.traces.plastic.trace` says.

In fixed point `rounding` says how and `floats` is None, in floats `rounding` is None: the branches of what is None are
not even compiled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.activity import (
    conflicts,
    forget,
    listed,
    most,
    trace,
    visit_depressed,
    visit_potentiated,
    watch,
)
from hwsim.kernels.stdp.fixed import charge_fixed, depress_fixed, leak_all, leak_some, potentiate_fixed
from hwsim.kernels.stdp.floating import charge_float, depress_float, leak_floats, leak_some_floats, potentiate_float
from hwsim.kernels.stdp.neurons import fire, fire_inhibitory, inhibit
from hwsim.kernels.stdp.rules import CONFLICT, INHIBITING, INPUT_SPIKES, OUTPUT_SPIKES, Core, Count, Rounding, Steps
from hwsim.kernels.stdp.sums import add_rows


@kernel(allocates=False)
def present(
    starts: NDArray[np.int64],
    spikes: NDArray[np.int32],
    core: Core,
    rounding: Rounding | None,
    floats: bool | None,
    steps: Steps,
    counted: NDArray[np.int64],
) -> None:
    """Present one sample; writes `steps`, adds to counted int64 [N_COUNTED], changes the state.

    `starts` int64 [step + 1] and `spikes` int32 are those of `poisson.draw_spikes`.
    """
    learning, membranes, firing, inhibiting = core.learning, core.membranes, core.firing, core.inhibiting
    current = core.room.current
    traced: Count = np.int64(0)  # so many neurons are listed in `core.room.traced`
    for t in range(steps.fired.shape[0]):
        step_spikes, fired, seen = spikes[starts[t] : starts[t + 1]], steps.fired[t], steps.activity[t]
        traced = _leak(core, rounding, floats, t, traced)
        if step_spikes.size:
            add_rows(core.synapses.weights, step_spikes, current)
            if rounding is not None:
                charge_fixed(membranes, current, firing.v_highest, rounding, t, counted)
            if floats is not None:
                charge_float(membranes, current)
        seen[INPUT_SPIKES] = step_spikes.size
        seen[OUTPUT_SPIKES] = steps.sent[t] = fire(membranes, firing, learning.plastic, fired, counted)
        if inhibiting.layer:
            steps.sent[t] = fire_inhibitory(membranes, inhibiting, firing.v_highest, fired, steps.sources[t], counted)
        source = t - inhibiting.delay
        if source >= 0 and steps.sent[source]:
            seen[INHIBITING] = steps.sent[source]
            sources, count = steps.sources[source], steps.sent[source]
            inhibit(membranes, inhibiting.strength, firing.v_lowest, sources, count, counted)
        if learning.plastic:
            seen[CONFLICT] = conflicts(core.synapses.visited, step_spikes)
            traced = _learn(core, rounding, floats, step_spikes, t, fired, traced, seen, counted)


@kernel(allocates=False)
def _leak(core: Core, rounding: Rounding | None, floats: bool | None, t: int, traced: Count) -> Count:
    """What a step leaves of potentials and, when learning, of traces; returns how many neurons still have one."""
    leaks, v, u, pre, post = core.leaks, core.membranes.v, core.membranes.u, core.synapses.pre, core.synapses.post
    some = core.room.traced[:traced]
    if rounding is not None:
        leak_all(v, leaks.v, rounding.membranes, rounding.keys[1], 2 * t * v.size)
        if core.inhibiting.layer:
            leak_all(u, leaks.u, rounding.membranes, rounding.keys[4], t * u.size)
        if core.learning.plastic:
            leak_all(pre, leaks.pre, rounding.traces, rounding.keys[2], t * pre.size)
            traced = leak_some(post, some, leaks.post, rounding.traces, rounding.keys[3], t * post.size)
    if floats is not None:
        leak_floats(v, leaks.v)
        if core.inhibiting.layer:
            leak_floats(u, leaks.u)
        if core.learning.plastic:
            leak_floats(pre, leaks.pre)
            traced = leak_some_floats(post, some, leaks.post)
    return traced


@kernel(allocates=False)
def _learn(
    core: Core,
    rounding: Rounding | None,
    floats: bool | None,
    step_spikes: NDArray[np.int32],
    t: int,
    fired: NDArray[np.uint8],
    traced: Count,
    seen: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> Count:
    """Let traces and weights follow a step; returns how many neurons have a trace then."""
    synapses, rule, window, room = core.synapses, core.learning, core.window, core.room
    for i in step_spikes:
        synapses.pre[i] = rule.one
    if not rule.windowed:
        _depress(core, rounding, floats, step_spikes, room.traced[:traced], t, seen, counted)
        if seen[OUTPUT_SPIKES]:
            traced = trace(synapses.post, rule.one, fired, room.traced, traced)
            _potentiate(core, rounding, floats, fired, np.int64(1), t, seen, counted)
        return traced
    if seen[OUTPUT_SPIKES]:
        traced = trace(synapses.post, rule.one, fired, room.traced, traced)
    watch(window, step_spikes, fired)
    if (t + 1) % rule.window == 0:
        pixels, neurons = listed(window, room.traced[:traced], room)
        _depress(core, rounding, floats, room.pixels[:pixels], room.depressed[:neurons], t, seen, counted)
        factor = -(-most(core.membranes.spikes) // rule.spikes_per_factor)
        _potentiate(core, rounding, floats, window.neurons, factor, t, seen, counted)
        forget(window)
    return traced


@kernel(allocates=False)
def _depress(
    core: Core,
    rounding: Rounding | None,
    floats: bool | None,
    pixels: NDArray[np.int32],
    neurons: NDArray[np.int32],
    t: int,
    seen: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Lower the weights of some pixels to some neurons."""
    synapses, rate = core.synapses, core.learning.depression
    if rounding is not None:
        depress_fixed(synapses, rate, rounding, pixels, neurons, t, core.room, counted)
    if floats is not None:
        depress_float(synapses, rate, pixels, neurons, counted)
    visit_depressed(synapses.visited, pixels, neurons.size, seen)


@kernel(allocates=False)
def _potentiate(
    core: Core,
    rounding: Rounding | None,
    floats: bool | None,
    raised: NDArray[np.uint8],
    factor: Count,
    t: int,
    seen: NDArray[np.int32],
    counted: NDArray[np.int64],
) -> None:
    """Raise the weights to the neurons in `raised` uint8 [neuron]."""
    synapses, highest = core.synapses, core.learning.w_highest
    neurons: Count = np.int64(0)
    for j in range(raised.size):
        if raised[j]:
            neurons += 1
            if rounding is not None:
                potentiate_fixed(synapses, core.learning.potentiation * factor, highest, rounding, j, t, counted)
            if floats is not None:
                potentiate_float(synapses, core.learning.potentiation * np.float32(factor), highest, j, counted)
    visit_potentiated(synapses.visited, synapses.pre, neurons, seen)
