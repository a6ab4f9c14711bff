"""The rules that a first-spike network must keep to be executed exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

from hwsim.errors import TraceError
from hwsim.traces.network.check import check_order
from hwsim.traces.network.check_layer import check_geometry
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Layer, Linear
from hwsim.traces.network.limits import refuse
from hwsim.traces.ttfs.trace import MAX_BITS, MAX_WINDOW, FirstSpikeNetwork, FirstSpikeNeurons, Psp

MOST_INPUT_BITS = MOST_WEIGHT_BITS = 8
"""Of networks whose neurons fire once."""


def check_first_spike(network: FirstSpikeNetwork) -> None:
    """Raise TraceError, naming the layer and the rule, unless `network` can be executed exactly.

    Checked: a chain of layers that have first spikes, shapes that follow from the geometry, ranges of weights, biases
    and neurons, and that slopes and potentials fit in 32 bits before they saturate.
    """
    check_order(network.network)
    if not 2 <= network.window <= MAX_WINDOW:
        raise TraceError(f"window: wanted 2 to {MAX_WINDOW} ticks, found {network.window}")
    if network.psp not in get_args(Psp):
        raise TraceError(f"psp: wanted one of {', '.join(get_args(Psp))}, found {network.psp!r}")
    _check_chain(network.network.layers)
    weighted = network.weighted()
    if list(network.neurons) != [layer.name for layer in weighted]:
        raise TraceError(
            f"neurons: wanted one entry for each of {', '.join(layer.name for layer in weighted)}, "
            f"found {', '.join(network.neurons)}"
        )
    for layer in network.network:
        check_geometry(layer, [network.network[name].shape for name in layer.inputs])
    for layer in weighted:
        _check_neurons(layer, network.neurons[layer.name], network.window)


def _check_chain(layers: tuple[Layer, ...]) -> None:
    for before, layer in pairwise(layers):
        if not isinstance(layer, Conv2d | Linear | Flatten):
            kind = type(layer).__name__
            refuse(layer, f"wanted a Conv2d, Linear or Flatten, found {kind}; make an average pool a convolution")
        if layer.inputs != (before.name,):
            refuse(layer, f"wanted the layer before it, '{before.name}', as its input, found {layer.inputs}")
        if isinstance(layer, Conv2d) and layer.groups != 1:
            refuse(layer, f"wanted one group, found {layer.groups}")
        if isinstance(layer, Conv2d) and not layer.window.is_square:
            refuse(layer, f"wanted a square window, alike on all sides and without dilation, found {layer.window}")
        if isinstance(layer, Conv2d | Linear) and layer.weights.bits > MOST_WEIGHT_BITS:
            refuse(layer, f"wanted weights of at most {MOST_WEIGHT_BITS} bits, found {layer.weights.bits}")
        if isinstance(layer, Conv2d | Linear) and layer.neuron is not None:
            refuse(layer, "wanted neurons that fire once, found others")
    last = layers[-1]
    if not isinstance(last, Conv2d | Linear) or last.shape[:2] != (1, 1):
        refuse(last, f"wanted output neurons of shape (1, 1, classes), found {type(last).__name__} {last.shape}")
    source = layers[0]
    assert isinstance(source, Input)
    if source.signed or source.bits > MOST_INPUT_BITS:
        found = f"{source.bits} bits{', signed' * source.signed}"
        refuse(source, f"wanted an unsigned input of at most {MOST_INPUT_BITS} bits, found {found}")


def _check_neurons(layer: Conv2d | Linear, neurons: FirstSpikeNeurons, window: int) -> None:
    for key in ("slope_bits", "potential_bits"):
        if not 2 <= getattr(neurons, key) <= MAX_BITS:
            refuse(layer, f"wanted {key} from 2 to {MAX_BITS}, found {getattr(neurons, key)}")
    highest = (1 << (neurons.potential_bits - 1)) - 1
    steepest = (1 << (neurons.slope_bits - 1)) - 1
    for key, low, high in (("v_threshold", 1, highest), ("ramp", 0, steepest), ("start", 1, window)):
        if not low <= getattr(neurons, key) <= high:
            refuse(layer, f"wanted {key} from {low} to {high}, found {getattr(neurons, key)}")
    if layer.bias is not None and not (-highest - 1 <= int(layer.bias.min()) and int(layer.bias.max()) <= highest):
        refuse(layer, f"wanted biases from {-highest - 1} to {highest} ({neurons.potential_bits} bits), found others")
