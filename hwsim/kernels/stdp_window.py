"""What fired in an observation window, in integers or floats alike; it changes no weights."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsim.kernels.stdp_rules import Core


@njit(cache=True)
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


@njit(cache=True)
def potentiation_factor(core: Core) -> np.int64:
    """ceil(most spikes of a neuron since the presentation began / spikes_per_factor)."""
    return -(-np.int64(core.synapses.all_spikes.max()) // core.learning.spikes_per_factor)


@njit(cache=True)
def begin_window(core: Core) -> None:
    """Forget what fired."""
    core.synapses.window_spikes[:] = 0
    core.synapses.window_pixels[:] = 0
