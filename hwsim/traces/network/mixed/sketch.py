"""A network under construction: layers after the last one, with weights, biases and neurons drawn by dice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Neuron,
    Pool,
    ReadOf,
    Readout,
    StoredWeights,
    Upsample,
    neuron_of,
)
from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.network.mixed.neurons import WIDEST, drawn_neuron
from hwsim.traces.network.weights import weight_range, weight_type
from hwsim.traces.network.window import Window

WEIGHT_BITS = 8
"""Of the widest weights; what the shipped designs hold."""
_SUM_BITS = 29
"""Of sums of weights, which are added up to four times and once more."""
_ZEROS = (0, 0, 1, 2)
"""Quarters of the weights that are cut to zero."""


class Sketch:
    """Each method adds a layer after the last one, or after `source`, and returns it."""

    def __init__(self, dice: Dice, first: Input, widest: int = WIDEST, weight_bits: int = WEIGHT_BITS) -> None:
        self.dice = dice
        self.widest = widest  # bits of a membrane
        self.weight_bits = weight_bits  # of the widest weights
        self.layers: list[Layer] = [first]

    @property
    def last(self) -> Layer:
        """The layer that was added last."""
        return self.layers[-1]

    @property
    def fires(self) -> bool:
        """Whether any layer has neurons."""
        return any(neuron_of(layer) is not None for layer in self.layers)

    def largest(self, layer: Layer) -> int:
        """The largest magnitude of an activation that a layer gives; ValueError for one that gives currents."""
        return max(map(abs, Network(tuple(self.layers)).values(layer.name)))

    def signed(self, layer: Layer) -> bool:
        """Whether it can be below zero."""
        return Network(tuple(self.layers)).signed(layer.name)

    def conv(self, channels: int, window: Window, source: Layer | None = None, **more: int) -> Layer:
        """A convolution; `groups` and `fires` are 1 unless given."""
        source = source or self.last
        groups, fires = more.get("groups", 1), more.get("fires", 1)
        shape = (*window.out_size(*source.shape[:2]), channels)
        weights = self._weights((*window.kernel, source.shape[2] // groups, channels), self.largest(source))
        neuron = self.neuron(weights, source) if fires else None
        bias = self._bias(channels)
        return self._add(Conv2d(self._name("conv"), (source.name,), shape, window, groups, weights, bias, neuron))

    def late(self, channels: int, kernel: int, source: Layer | None = None) -> Layer:
        """A convolution without neurons of what `source` gave one timestep before, else of the sum that follows it."""
        height, width, _ = self.last.shape
        name, n_in = (source.name, source.shape[2]) if source else (f"add{len(self.layers) + 1}", channels)
        window, weights = Window.square(kernel, 1, kernel // 2), self._weights((kernel, kernel, n_in, channels))
        shape, bias = (height, width, channels), self._bias(channels)
        return self._add(Conv2d(self._name("late"), (name,), shape, window, 1, weights, bias, None, delayed=True))

    def linear(self, n_out: int, fires: bool = True) -> Layer:
        """A fully connected layer over a vector."""
        source = self.last
        weights = self._weights((1, 1, source.shape[2], n_out), self.largest(source))
        neuron = self.neuron(weights, source) if fires else None
        return self._add(
            Linear(self._name("fc"), (source.name,), (1, 1, n_out), weights, self._bias(n_out), neuron),
        )

    def pool(self, of_maximum: bool, window: Window) -> Layer:
        """A pool, of the maximum or the sum of its windows."""
        height, width, channels = self.last.shape
        shape = (*window.out_size(height, width), channels)
        kind: Literal["avg", "max"] = "max" if of_maximum else "avg"
        return self._add(Pool(self._name("pool"), (self.last.name,), shape, kind, window))

    def flatten(self) -> Layer:
        """A map as a vector."""
        return self._add(Flatten(self._name("flatten"), (self.last.name,), (1, 1, math.prod(self.last.shape))))

    def concat(self, sources: Sequence[Layer]) -> Layer:
        """Layers of one height and width side by side."""
        shape = *sources[0].shape[:2], sum(source.shape[2] for source in sources)
        return self._add(Concat(self._name("concat"), tuple(source.name for source in sources), shape))

    def upsample(self, factor: tuple[int, int]) -> Layer:
        """Every place of the last layer several times."""
        height, width, channels = self.last.shape
        shape = height * factor[0], width * factor[1], channels
        return self._add(Upsample(self._name("upsample"), (self.last.name,), shape, factor))

    def sum(self, sources: Sequence[Layer], gains: Sequence[int], neuron: Neuron | None = None) -> Layer:
        """A sum of layers of one shape; one with neurons may have a bias."""
        names, shape = tuple(source.name for source in sources), sources[0].shape
        bias = None if neuron is None else self._bias(shape[2])
        return self._add(Add(self._name("add"), names, shape, tuple(gains), neuron, bias))

    def readout(self, votes: int, of: ReadOf) -> Layer:
        """Logits of the last layer, which fires."""
        shape = 1, 1, self.last.shape[2] // votes
        return self._add(Readout(self._name("readout"), (self.last.name,), shape, votes, of))

    def neuron(self, weights: StoredWeights, source: Layer) -> Neuron:
        """Neurons whose thresholds suit these weights and what they read."""
        fan_in, channels = math.prod(weights.values.shape[:3]), weights.values.shape[3]
        spread = math.isqrt(fan_in) * (1 << (weights.bits - 1)) * (self.largest(source) + 1) // 10
        return drawn_neuron(self.dice, channels, spread, self.widest)

    def _add(self, layer: Layer) -> Layer:
        self.layers.append(layer)
        return layer

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self.layers)}"

    def _weights(self, shape: tuple[int, int, int, int], largest: int = 1) -> StoredWeights:
        """Weights of any bits with which sums of their sums, of activations to `largest`, stay within 32 bits."""
        most = math.prod(shape[:3]) * largest
        bits = self.dice.whole(1, min(self.weight_bits, _SUM_BITS - most.bit_length()))
        low, high = weight_range(bits)
        values = self.dice.integers(low, high, shape)
        if bits == 1:
            values = 2 * (values > 0) - 1
        else:
            values[self.dice.integers(1, 4, shape) <= self.dice.one_of(_ZEROS)] = 0
        return StoredWeights(values.astype(weight_type(bits)), bits, np.ones(shape[3], np.float32))

    def _bias(self, channels: int) -> NDArray[np.int32] | None:
        """One in half of the layers."""
        return self.dice.integers(-40, 40, (channels,)).astype(np.int32) if self.dice.once_in(2) else None
