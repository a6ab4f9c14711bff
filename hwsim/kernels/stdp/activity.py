"""What fired in a step and in an observation window, in integers or floats alike; it changes no weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.rules import DEPRESSED_NEURONS, DEPRESSED_PIXELS, POTENTIATED_NEURONS, POTENTIATED_PIXELS, Core


@kernel
def conflicts(core: Core, step_spikes: NDArray[np.int32]) -> bool:
    """Whether a pixel that fires has a weight that learning visited in the step before; forgets which did."""
    visited, found = core.synapses.visited, False
    for i in step_spikes:
        if visited[i]:
            found = True
    visited[:] = 0
    return found


@kernel
def visit_depressed(core: Core, pixels: NDArray[np.int32], neurons: int, activity: NDArray[np.int32]) -> None:
    """Note the weights of some pixels to a number of neurons for `activity` int32 [N_ACTIVITY]."""
    if neurons == 0 or pixels.size == 0:
        return
    activity[DEPRESSED_PIXELS] = pixels.size
    activity[DEPRESSED_NEURONS] = neurons
    for i in pixels:
        core.synapses.visited[i] = 1


@kernel
def visit_potentiated(core: Core, neurons: int, activity: NDArray[np.int32]) -> None:
    """Note the weights of all pixels with a trace to a number of neurons for `activity` int32 [N_ACTIVITY]."""
    if neurons == 0:
        return
    pre, count = core.synapses.pre, 0
    for i in range(pre.size):
        if pre[i] > 0:
            core.synapses.visited[i] = 1
            count += 1
    if count:
        activity[POTENTIATED_NEURONS] = neurons
        activity[POTENTIATED_PIXELS] = count


@kernel
def observe(core: Core, step_spikes: NDArray[np.int32], fired: NDArray[np.uint8]) -> None:
    """Set traces of what fires in a step, and count it for the window."""
    synapses, one = core.synapses, core.learning.one
    for i in step_spikes:
        synapses.pre[i] = one
        synapses.window_pixels[i] = 1
    for j in range(fired.size):
        if fired[j]:
            synapses.post[j] = one
            synapses.window_spikes[j] += 1
            synapses.all_spikes[j] += 1


@kernel
def potentiation_factor(core: Core) -> np.int64:
    """ceil(most spikes of a neuron since the presentation began / spikes_per_factor)."""
    most = np.int64(0)
    for spikes in core.synapses.all_spikes:
        most = max(most, np.int64(spikes))
    return -(-most // core.learning.spikes_per_factor)


@kernel
def begin_window(core: Core) -> None:
    """Forget what fired."""
    core.synapses.window_spikes[:] = 0
    core.synapses.window_pixels[:] = 0
