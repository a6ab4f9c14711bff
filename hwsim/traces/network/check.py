"""The rules that a network must keep to be executed exactly in integers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

import numpy as np

from hwsim.errors import TraceError, guess
from hwsim.traces.network.check_layer import check_bias, check_geometry, check_neuron
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Input,
    Layer,
    Linear,
    Network,
    Pool,
    ReadOf,
    Readout,
    SeededWeights,
    is_delayed,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_INT, MAX_LAYERS, MAX_SIZE, check_name, refuse
from hwsim.traces.network.weights import weight_range, weight_values


def check_network(network: Network) -> None:
    """Raise TraceError, naming the layer and the rule, unless `network` can be executed exactly.

    Checked: names, edges to earlier layers, an Input first, logits last, no layer unread; shapes that follow from the
    geometry; what reads activations reads activations; ranges of weights, thresholds and membranes; and that no
    activation and no current can leave 32 bits in the worst case.
    """
    check_order(network)
    _check_ends(network)
    bounds: dict[str, int] = {}
    for layer in network:
        _check_reads(layer, network)
        check_geometry(layer, [network[name].shape for name in layer.inputs])
        check_neuron(layer)
        if isinstance(layer, Readout):
            _check_readout(layer, network)
        reads = [1] if is_delayed(layer) else [bounds[name] for name in layer.inputs]
        bounds[layer.name] = _worst_case(layer, network, reads)


def check_order(network: Network) -> None:
    """Raise TraceError unless names are used once, the Input is first and all layers read earlier ones, or late."""
    layers = network.layers
    if not 2 <= len(layers) <= MAX_LAYERS:
        raise TraceError(f"network: wanted 2 to {MAX_LAYERS} layers, found {len(layers)}")
    seen: dict[str, Layer] = {}
    for index, layer in enumerate(layers):
        check_name(layer.name)
        if layer.name in seen:
            refuse(layer, "wanted a name used once, found it twice")
        if isinstance(layer, Input) != (index == 0):
            refuse(layer, "wanted the Input as the first layer and nowhere else")
        if is_delayed(layer):
            _check_delayed(layer, {each.name: each for each in layers})
        else:
            check_edges(layer, seen)
        seen[layer.name] = layer


def _check_delayed(layer: Layer, layers: Mapping[str, Layer]) -> None:
    """One that reads the timestep before must read neurons: nothing else is kept so long."""
    check_edges(layer, layers, "layers")
    if neuron_of(layers[layer.inputs[0]]) is None:
        refuse(layer, f"wanted neurons to read one timestep later, found '{layer.inputs[0]}', which has none")


def check_edges(layer: Layer, seen: Mapping[str, object], among: str = "earlier layers") -> None:
    """Raise TraceError unless `layer` reads the right number of layers, all of them in `seen`."""
    for name in layer.inputs:
        if name not in seen:
            refuse(layer, f"wanted inputs among the {among}, found {name[:80]!r}{guess(name, seen)}")
    if isinstance(layer, Add):
        if not len(layer.inputs) == len(layer.gains) >= 1:
            refuse(layer, f"wanted inputs and a gain for each, found {len(layer.inputs)}, {len(layer.gains)}")
    elif isinstance(layer, Concat):
        if len(layer.inputs) < 2:
            refuse(layer, f"wanted 2 or more inputs, found {len(layer.inputs)}")
    elif len(layer.inputs) != (wanted := int(not isinstance(layer, Input))):
        refuse(layer, f"wanted {wanted} input, found {len(layer.inputs)}")


def _check_ends(network: Network) -> None:
    *inner, last = network.layers
    for layer in inner:
        if not network.consumers[layer.name]:
            refuse(layer, "wanted a layer that reads it, found none")
    if not network.gives_currents(last.name):
        refuse(last, "wanted integer logits from the last layer (no neuron, or a readout), found activations")
    if last.shape[:2] != (1, 1):
        refuse(last, f"wanted logits of shape (1, 1, classes), found {last.shape}")
    if not network.spiking():
        raise TraceError("network: wanted a layer with neurons, found none")


def _check_reads(layer: Layer, network: Network) -> None:
    currents = [name for name in layer.inputs if network.gives_currents(name)]
    if currents and not isinstance(layer, Add | Pool):
        refuse(layer, f"wanted activations, found the currents of '{currents[0]}'")
    if isinstance(layer, Add):
        if len(layer.inputs) == 1 and (layer.neuron is None or not currents):
            refuse(layer, "wanted 2 or more inputs, or one of currents to neurons, found 1")
        lowest = -MAX_SIZE if network.gives_currents(layer.name) or layer.neuron else 1
        if not all(lowest <= gain <= MAX_SIZE and gain for gain in layer.gains):
            refuse(layer, f"wanted gains from {lowest} to {MAX_SIZE}, not 0, found {layer.gains}")
        if layer.bias is not None and layer.neuron is None:
            refuse(layer, "wanted a neuron beside the bias of a sum, found none")
        check_bias(layer, layer.bias)


def _check_readout(layer: Readout, network: Network) -> None:
    if layer is not network.output:
        refuse(layer, "wanted a readout as the last layer, found one before it")
    if layer.of not in (known := get_args(ReadOf)):
        refuse(layer, f"wanted a readout of {', '.join(known)}, found {layer.of!r}")
    neuron = neuron_of(network[layer.inputs[0]])
    if layer.of_membrane and (neuron is None or layer.votes != 1 or neuron.membrane_bits > 31):
        refuse(layer, "wanted neurons of at most 31 membrane bits and 1 vote for a readout of membranes, found others")


def _worst_case(layer: Layer, network: Network, inputs: list[int]) -> int:
    """The largest magnitude that the layer passes on, after checking that its own sum fits in 32 bits."""
    if isinstance(layer, Conv2d | Linear):
        total = inputs[0] * _largest_gain(layer)
        if layer.bias is not None and layer.neuron is None:
            total += int(np.abs(layer.bias.astype(np.int64)).max())
    elif isinstance(layer, Add):
        total = sum(abs(gain) * bound for gain, bound in zip(layer.gains, inputs, strict=True))
    elif isinstance(layer, Readout):
        total = layer.votes * inputs[0] if layer.of == "spikes" else MAX_INT
    elif isinstance(layer, Pool) and network.gives_currents(layer.name):
        total = inputs[0] * (layer.window.taps if layer.kind == "avg" else 1)
    else:
        total = max(map(abs, network.values(layer.name)))
    if total > MAX_INT:
        refuse(layer, f"wanted sums within 32 bits, found {total} in the worst case")
    return total if neuron_of(layer) is None else 1


def _largest_gain(layer: Conv2d | Linear) -> int:
    """The largest sum of weight magnitudes over the output channels; seeded weights are taken at their largest."""
    if isinstance(layer.weights, SeededWeights):
        return math.prod(layer.weights.shape[:3]) * weight_range(layer.weights.bits)[1]
    return int(np.abs(weight_values(layer.weights).astype(np.int64)).sum(axis=(0, 1, 2)).max())
