"""Words that change a standard network: other inputs, neurons, weights or logits, each a function of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import numpy as np

from hwsim.errors import UsageError, guess
from hwsim.kernels.counter_rng import stream_key
from hwsim.printable import shortened
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Layer,
    Linear,
    Network,
    Neuron,
    ReadOf,
    Readout,
    SeededWeights,
    Synapse,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_INPUT_BITS
from hwsim.traces.network.weights import MOST_BITS
from hwsim.traces.network.window import Window

_MOST_VOTES = 64


def changed(network: Network, word: str) -> Network:
    """The network with what a word says, such as `events` or `weight-bits=8`; raises UsageError for no such word."""
    name, equals, value = word.partition("=")
    if name not in WORDS:
        raise UsageError(
            f"with: wanted one of {', '.join(map(usage, WORDS))}, found '{shortened(word)}'{guess(name, WORDS)}"
        )
    values, change = WORDS[name]
    if value not in values or bool(equals) != (values != ("",)):
        raise UsageError(f"with: wanted {usage(name)}, found '{shortened(word)}'")
    return change(network, value)


def usage(name: str) -> str:
    """A word as it is written, with the values that it takes."""
    values = WORDS[name][0]
    if values == ("",):
        return name
    numbers = values[0].isdigit()
    return f"{name}={values[0]}..{values[-1]}" if numbers else f"{name}={'|'.join(values)}"


def _each(network: Network, change: Callable[[Layer], Layer]) -> Network:
    return Network(tuple(change(layer) for layer in network))


def _each_neuron(network: Network, change: Callable[[Neuron], Neuron]) -> Network:
    def with_neuron(layer: Layer) -> Layer:
        neuron = neuron_of(layer)
        return layer if neuron is None else replace(layer, neuron=change(neuron))  # type: ignore[call-arg]

    return _each(network, with_neuron)


def _events(network: Network, _value: str) -> Network:
    """Spikes over time in the place of a raw input that stays."""
    bits = 1 if network.input.bits == 8 else network.input.bits
    return Network((replace(network.input, over_time=True, bits=bits), *network.layers[1:]))


def _input_bits(network: Network, value: str) -> Network:
    return Network((replace(network.input, bits=int(value)), *network.layers[1:]))


def _signed(network: Network, _value: str) -> Network:
    """Inputs of as many bits, at least 2, in two's complement."""
    first = network.input
    return Network((replace(first, bits=max(first.bits, 2), signed=True), *network.layers[1:]))


def _weight_bits(network: Network, value: str) -> Network:
    """Weights of other bits, and thresholds as many times larger as these."""

    def wider(layer: Layer) -> Layer:
        if not isinstance(layer, Conv2d | Linear) or not isinstance(layer.weights, SeededWeights):
            return layer
        levels, wanted = (1 << layer.weights.bits) - 1, (1 << int(value)) - 1
        weights = replace(layer.weights, bits=int(value))
        if layer.neuron is None:
            return replace(layer, weights=weights)
        threshold = np.maximum(layer.neuron.v_threshold * wanted // levels, 1)
        return replace(layer, weights=weights, neuron=replace(layer.neuron, v_threshold=threshold))

    return _each(network, wider)


def _bias(network: Network, _value: str) -> Network:
    """From -3 to 3 weight steps, by channel."""

    def biased(layer: Layer) -> Layer:
        if not isinstance(layer, Conv2d | Linear):
            return layer
        steps = np.arange(layer.shape[2]) % 7 - 3
        fraction_bits = 0 if layer.neuron is None else layer.neuron.fraction_bits
        return replace(layer, bias=(steps << fraction_bits).astype(np.int32))

    return _each(network, biased)


def _reset(network: Network, value: str) -> Network:
    return _each_neuron(network, lambda neuron: replace(neuron, reset=value, v_reset=0))  # type: ignore[arg-type]


def _delayed_reset(network: Network, _value: str) -> Network:
    return _each_neuron(network, lambda neuron: replace(neuron, delayed_reset=True))


def _at_threshold(network: Network, _value: str) -> Network:
    return _each_neuron(network, lambda neuron: replace(neuron, fires_at_threshold=True))


def _leak(network: Network, value: str) -> Network:
    """None, or from a half to all that stays by channel."""

    def leaking(neuron: Neuron) -> Neuron:
        whole = 1 << neuron.leak_bits
        if value == "none":
            return replace(neuron, leak=whole)
        channels = np.arange(len(neuron.v_threshold), dtype=np.int64)
        return replace(neuron, leak=whole // 2 + channels % (whole // 2 + 1))

    return _each_neuron(network, leaking)


def _synapse(network: Network, value: str) -> Network:
    """A synaptic current of which three quarters stay, of this timestep or as the one before left it."""
    synapse = Synapse(3, 2, delayed=value == "late")
    return _each_neuron(network, lambda neuron: replace(neuron, synapse=synapse))


def _feedback(network: Network, _value: str) -> Network:
    """A spike takes a quarter of the threshold off what arrives next."""
    return _each_neuron(network, lambda neuron: replace(neuron, feedback=-(neuron.v_threshold // 4)))


def _signed_spikes(network: Network, _value: str) -> Network:
    """Spikes of both signs, -1 below minus the threshold."""
    return _each_neuron(network, lambda neuron: replace(neuron, signed=True))


def _recurrent(network: Network, _value: str) -> Network:
    """Layers of neurons on weights read their own spikes of the timestep before, by weights at each position."""
    layers: list[Layer] = []
    for layer in network:
        if not isinstance(layer, Conv2d | Linear) or layer.neuron is None:
            layers.append(layer)
            continue
        name, shape, channels = layer.name, layer.shape, layer.shape[2]
        key = stream_key(layer.weights.seed if isinstance(layer.weights, SeededWeights) else 0, "recurrent", name)
        weights = SeededWeights((1, 1, channels, channels), layer.weights.bits, key)
        names = f"{name}.in", f"{name}.own"
        layers.append(replace(layer, name=names[0], neuron=None, bias=None))
        if isinstance(layer, Linear):
            layers.append(Linear(names[1], (name,), shape, weights, None, None, delayed=True))
        else:
            layers.append(Conv2d(names[1], (name,), shape, Window(), 1, weights, None, None, delayed=True))
        layers.append(Add(name, names, shape, (1, 1), layer.neuron, layer.bias))
    return Network(tuple(layers))


def _readout(network: Network, value: str) -> Network:
    return _read_out(network, 1, value)  # type: ignore[arg-type]


def _votes(network: Network, value: str) -> Network:
    return _read_out(network, int(value), "spikes")


def _read_out(network: Network, votes: int, of: ReadOf) -> Network:
    """Neurons, `votes` of each class, in the place of currents at the end, and their spikes or membranes as logits."""
    *before, last = network.layers
    if not isinstance(last, Linear) or not isinstance(last.weights, SeededWeights):
        raise UsageError("with: wanted one word that says how the last layer is read, found it said twice or drawn")
    classes = last.shape[2]
    neurons = [neuron for layer in before if (neuron := neuron_of(layer)) is not None]
    n_in, n_out = last.weights.shape[2], classes * votes
    threshold = int(neurons[-1].v_threshold[0])
    neuron = replace(neurons[-1], leak=1 << neurons[-1].leak_bits, v_threshold=np.full(n_out, threshold, np.int64))
    weights = replace(last.weights, shape=(1, 1, n_in, n_out))
    bias = None if last.bias is None else np.resize(last.bias << neuron.fraction_bits, n_out)
    firing = replace(last, shape=(1, 1, n_out), weights=weights, bias=bias, neuron=neuron)
    return Network((*before, firing, Readout("readout", (last.name,), (1, 1, classes), votes, of)))


def _numbers(low: int, high: int) -> tuple[str, ...]:
    return tuple(str(n) for n in range(low, high + 1))


WORDS: dict[str, tuple[tuple[str, ...], Callable[[Network, str], Network]]] = {
    "events": (("",), _events),
    "input-bits": (_numbers(1, MAX_INPUT_BITS), _input_bits),
    "signed": (("",), _signed),
    "weight-bits": (_numbers(1, MOST_BITS), _weight_bits),
    "bias": (("",), _bias),
    "reset": (("soft", "hard", "none"), _reset),
    "delayed-reset": (("",), _delayed_reset),
    "at-threshold": (("",), _at_threshold),
    "leak": (("none", "channel"), _leak),
    "synapse": (("now", "late"), _synapse),
    "feedback": (("",), _feedback),
    "signed-spikes": (("",), _signed_spikes),
    "recurrent": (("",), _recurrent),
    "readout": (get_args(ReadOf), _readout),
    "votes": (_numbers(1, _MOST_VOTES), _votes),
}
"""Each word with the values that it takes after `=` (none: it stands alone) and what it does; a new one is a line."""
