"""What a current's integer is worth in a network that becomes NIR, whose sums have no factors."""

from __future__ import annotations

import numpy as np

from hwsim.doors.graph import Floats
from hwsim.traces.network.layers import Add, Conv2d, Flatten, Linear, Network, Pool, StoredWeights
from hwsim.traces.network.limits import refuse


def steps_of(network: Network) -> dict[str, Floats]:
    """The real value of a current's 1 in each channel, of every layer whose weights or sums give currents.

    Float64 [channel] or one, by layer.  Raises TraceError for sums with factors, which NIR's sums have not.
    """
    steps: dict[str, Floats] = {}
    for layer in reversed(network.layers):
        if isinstance(layer, Conv2d | Linear) and layer.name not in steps:
            steps[layer.name] = _own_step(layer)
        elif isinstance(layer, Add) and (layer.neuron is not None or network.gives_currents(layer.name)):
            step = steps.setdefault(layer.name, _step_of_sum(network, layer))
            for name, gain in zip(layer.inputs, layer.gains, strict=True):
                wanted = step * gain
                known = steps.setdefault(name, wanted) if network.gives_currents(name) else np.ones(1)
                if gain < 0 or not np.allclose(known, wanted, rtol=1e-9, atol=0):
                    refuse(layer, f"adds '{name}' times {gain}, which NIR's sums, without factors, cannot say")
        elif isinstance(layer, Pool | Flatten) and layer.name in steps:
            (name,) = layer.inputs
            if not np.allclose(steps.setdefault(name, steps[layer.name]), steps[layer.name], rtol=1e-9, atol=0):
                refuse(layer, f"reads '{name}', whose currents have another step elsewhere")
    return steps


def _step_of_sum(network: Network, layer: Add) -> Floats:
    """Of an activation that is added the step is known; else that of the first weights."""
    for name, gain in zip(layer.inputs, layer.gains, strict=True):
        if not network.gives_currents(name):
            return np.full(layer.shape[2], 1 / gain)
    for name, gain in zip(layer.inputs, layer.gains, strict=True):
        source = network[name]
        if isinstance(source, Conv2d | Linear):
            return _own_step(source) / gain
    return np.ones(layer.shape[2])


def _own_step(layer: Conv2d | Linear) -> Floats:
    """The real value of a weight's 1 in each output channel; 1 for weights that were drawn."""
    if isinstance(layer.weights, StoredWeights):
        return layer.weights.scale.astype(np.float64)
    return np.ones(layer.shape[2])
