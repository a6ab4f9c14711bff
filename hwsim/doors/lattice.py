"""From a float graph to the exact integer network: weights a channel at a time, thresholds and biases in their steps.

An activation's integer is worth a `unit`: a spike 1, a pixel its scale, a mean of k its unit over k.  Side by side they
may be worth different ones: weights that read them are multiplied by as much.  A weight w of output channel c
becomes round(w / s_c), with s_c the channel's largest magnitude over 2^(bits - 1) - 1, or of 1 bit its sign, with s_c
the mean magnitude; its currents then count in s_c times the unit of what is read, and so do threshold, reset potential
and bias, with `fraction_bits` below.  Sums of currents, and logits, need one step for all that is summed or compared:
that of the largest.  Biases go to the neurons, in a fraction of a step, wherever neurons alone follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hwsim.doors.channel_units import shares_of, units_of, with_flat_sums
from hwsim.doors.graph import (
    Added,
    Flattened,
    Floats,
    Graph,
    Joined,
    Neurons,
    Node,
    Pooled,
    Source,
    Upsampled,
    Votes,
    Weighted,
    fail,
)
from hwsim.doors.neuron_rounding import rounded
from hwsim.doors.precision import Precision
from hwsim.errors import UsageError
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Pool,
    Readout,
    StoredWeights,
    Upsample,
    is_delayed,
)
from hwsim.traces.network.weights import MOST_BITS, weight_range, weight_type
from hwsim.traces.network.window import Window


@dataclass(frozen=True, slots=True)
class OnLattice:
    """The integer network, which layer stands for each node of neurons, and the real value of an integer logit."""

    network: Network
    layer_of: dict[str, str]
    logit_scale: float


def to_integers(graph: Graph, precision: Precision) -> OnLattice:
    """Bring a graph to integers.

    Raises TraceError, with the node's name, for what no layer can say, and UsageError for weights of other bits.
    """
    if not 1 <= precision.weight_bits <= MOST_BITS:
        raise UsageError(f"weight_bits: wanted 1 to {MOST_BITS}, got {precision.weight_bits}")
    return _Building(graph, precision).built()


class _Building:
    """Layers as they are made, node by node."""

    def __init__(self, graph: Graph, precision: Precision) -> None:
        self.graph, self.precision = with_flat_sums(graph), precision
        self.layers: list[Layer] = []
        self.given: dict[str, str] = {}  # node -> layer that gives its values
        self.units = units_of(self.graph)  # node that gives activations -> real value of 1
        self.shares = shares_of(self.graph, self.units)  # and of 1 of each channel in that, where they differ
        self.steps: dict[str, Floats] = {}  # node that gives currents -> real value of 1 [channel]
        self.logit_scale = 1.0

    def built(self) -> OnLattice:
        """All of it."""
        for node in self.graph:
            self._add(node)
        layer_of = {node.name: self.given[node.name] for node in self.graph if isinstance(node, Neurons)}
        layers = (
            replace(layer, inputs=(layer_of[layer.inputs[0]],)) if is_delayed(layer) else layer for layer in self.layers
        )
        return OnLattice(Network(tuple(layers)), layer_of, self.logit_scale)

    def _put(self, node: Node, layer: Layer) -> None:
        self.layers.append(layer)
        self.given[node.name] = layer.name

    def _reads(self, node: Node) -> tuple[str, ...]:
        return tuple(self.given[name] for name in node.inputs)

    def _add(self, node: Node) -> None:
        match node:
            case Source():
                self._put(node, Input(node.name, (), node.shape, node.bits, node.over_time, node.signed))
            case Weighted():
                self._weighted(node)
            case Pooled():
                self._pooled(node)
                kind: Literal["avg", "max"] = "max" if node.kind == "max" else "avg"
                self._put(node, Pool(node.name, self._reads(node), node.shape, kind, node.window))
            case Flattened():
                self._unit(node)
                self._put(node, Flatten(node.name, self._reads(node), node.shape))
            case Joined():
                if not all(name in self.units for name in node.inputs):
                    fail(node, "reads currents before neurons: only sums and neurons may")
                self._put(node, Concat(node.name, self._reads(node), node.shape))
            case Upsampled():
                self._unit(node)
                self._put(node, Upsample(node.name, self._reads(node), node.shape, node.factor))
            case Added():
                self._added(node)
            case Neurons():
                self._neurons(node)
            case Votes():
                self._put(node, Readout(node.name, self._reads(node), node.shape, node.votes, node.of))

    def _pooled(self, node: Pooled) -> None:
        """A pool of currents gives currents, to neurons or as logits: in a sum each would have steps of its own."""
        (name,) = node.inputs
        if name not in self.steps:
            return
        if not all(isinstance(reader, Neurons) for reader in self.graph.readers(node.name)):
            fail(node, f"pools the currents of '{name}' for others than neurons")
        self.steps[node.name] = self.steps[name] / node.divisor
        if node is self.graph.nodes[-1]:
            self.logit_scale = float(self.steps[node.name][0])

    def _unit(self, node: Node) -> float:
        """Unit of the one layer of activations that a node reads."""
        (name,) = node.inputs
        if name not in self.units:
            fail(node, f"reads the currents of '{name}' before neurons: only sums and neurons may")
        return self.units[name]

    def _weighted(self, node: Weighted) -> None:
        unit, bits = self._unit(node), node.steps.bits if node.steps else self.precision.weight_bits
        steps = self._steps_for(node)
        low, high = weight_range(bits)
        scaled = self._weight(node) / steps
        values = np.where(scaled < 0, low, high) if bits == 1 else np.clip(np.rint(scaled), low, high)
        weights = StoredWeights(values.astype(weight_type(bits)), bits, steps.astype(np.float32))
        self.steps[node.name] = steps * unit
        fires = self._neurons_after(node) is not None
        bias = None
        if node.bias is not None and not fires:  # else the neurons take it, more finely
            bias = np.rint(node.bias / self.steps[node.name]).astype(np.int32)
        reads = node.inputs if node.delayed else self._reads(node)  # neurons that have no layer yet
        if node.linear:
            self._put(node, Linear(node.name, reads, node.shape, weights, bias, None, node.delayed))
        else:
            conv = Conv2d(node.name, reads, node.shape, node.window, node.groups, weights, bias, None, node.delayed)
            self._put(node, conv)
        if node is self.graph.nodes[-1]:
            self.logit_scale = float(self.steps[node.name][0])

    def _weight(self, node: Weighted) -> Floats:
        """Its weights for inputs that are all worth one unit."""
        if (shares := self.shares.get(node.inputs[0])) is None:
            return node.weight
        by_group = shares.reshape(node.groups, -1).T
        scaled: Floats = node.weight * np.repeat(by_group, node.shape[2] // node.groups, axis=1)
        return scaled

    def _steps_for(self, node: Weighted) -> Floats:
        """The step of every output channel: its own, or one for all that are added up or compared with it."""
        if node.steps is not None:
            return node.steps.step / self._unit(node)
        summed = [reader for reader in self.graph.readers(node.name) if isinstance(reader, Added)]
        together = [node]
        for reader in summed:
            together = [each for each in map(self.graph.__getitem__, reader.inputs) if isinstance(each, Weighted)]
        channelwise = self.precision.per_channel and not self._is_compared(node)
        steps = np.zeros(node.shape[2])
        for each in together:
            relative = self._unit(each) / self._unit(node)
            steps = np.maximum(steps, _size(self._weight(each), self.precision.weight_bits, channelwise) * relative)
        top = weight_range(self.precision.weight_bits)[1]
        whole = [name for reader in summed for name in reader.inputs if name in self.units]
        if whole:  # an activation is added: its unit must be a whole number of steps
            unit, coarse = min(self.units[name] for name in whole) / self._unit(node), float(steps.max())
            return np.full_like(steps, unit / max(1, math.floor(unit * top / coarse)) if coarse else unit)
        return np.where(steps > 0, steps, 1.0) / top

    def _is_compared(self, node: Node) -> bool:
        """Whether logits are the currents of a node, or membranes that take them: channels then have one step."""
        last = self.graph.nodes[-1]
        after = self._neurons_after(node)
        by_membrane = isinstance(last, Votes) and last.of != "spikes" and after is not None
        pooled = isinstance(last, Pooled) and last.inputs == (node.name,)
        return node is last or pooled or (by_membrane and after is self.graph[last.inputs[0]])

    def _added(self, node: Added) -> None:
        if any(name in self.shares for name in node.inputs):
            fail(node, "adds up maps side by side that are worth different units")
        currents = [name for name in node.inputs if name in self.steps]
        if not currents:
            unit = min(self.units[name] for name in node.inputs)
            gains = [round(self.units[name] / unit) for name in node.inputs]
        else:
            step = self.steps[currents[0]] if node.steps is None else node.steps.step
            gains = []
            for name in node.inputs:
                ratio = (self.steps[name] / step).mean() if name in self.steps else self.units[name] / float(step[0])
                gains.append(max(1, round(float(ratio))))
            self.steps[node.name] = step
        self._put(node, Add(node.name, self._reads(node), node.shape, tuple(gains), None))

    def _neurons_after(self, node: Node) -> Neurons | None:
        """The neurons that alone read a layer of weights, or the sum or pool of maxima that alone does."""
        readers = self.graph.readers(node.name)
        if len(readers) == 1 and (isinstance(readers[0], Added) or _is_maximum(readers[0])):
            readers = self.graph.readers(readers[0].name)
        return readers[0] if len(readers) == 1 and isinstance(readers[0], Neurons) else None

    def _neurons(self, node: Neurons) -> None:
        (name,) = node.inputs
        if name in self.units:  # neurons on activations: one weight each, of one
            self._identity(node, name)
        elif isinstance(self.graph[name], Pooled):
            self._put_apart(node, name)
        layer = next(each for each in self.layers if each.name == self.given.get(f"{node.name}.in", self.given[name]))
        step = self.steps.get(f"{node.name}.in", self.steps.get(name))
        assert step is not None
        neuron, bias = rounded(node, step, self._biases(node), self.precision)
        last = self.graph.nodes[-1]
        if isinstance(last, Votes) and last.of != "spikes" and last.inputs == (node.name,):
            scales = step * node.gain / (1 << neuron.fraction_bits)
            if len(set(scales.tolist())) > 1:
                fail(node, "takes more of what arrives in one class than in another, so membranes cannot be compared")
            self.logit_scale = float(scales[0])
        assert isinstance(layer, Conv2d | Linear | Add)
        self.layers[self.layers.index(layer)] = replace(layer, neuron=neuron, bias=bias)
        self.given[node.name] = layer.name

    def _biases(self, node: Neurons) -> Floats | float:
        """What the layers of weights that alone feed neurons add at every timestep."""
        source = self.graph[node.inputs[0]]
        weighted = [source] if isinstance(source, Weighted) else [self.graph[name] for name in source.inputs]
        given = [
            each.bias
            for each in weighted
            if isinstance(each, Weighted) and each.bias is not None and self._neurons_after(each) is node
        ]
        return sum(given, np.zeros(node.shape[2]))

    def _put_apart(self, node: Neurons, name: str) -> None:
        """A sum of one summand, for neurons behind what has none of its own."""
        inner = f"{node.name}.in"
        self.layers.append(Add(inner, (self.given[name],), node.shape, (1,), None))
        self.given[inner], self.steps[inner] = inner, self.steps[name]

    def _identity(self, node: Neurons, name: str) -> None:
        channels, inner = node.shape[2], f"{node.name}.in"
        weights = StoredWeights(np.ones((1, 1, 1, channels), np.int8), 2, np.ones(channels, np.float32))
        layer = Conv2d(inner, (self.given[name],), node.shape, Window(), channels, weights, None, None)
        self.layers.append(layer)
        self.given[inner], self.steps[inner] = inner, self.units[name] * self.shares.get(name, np.ones(channels))


def _is_maximum(node: Node) -> bool:
    """Whether a node leaves alone what is added to all that it reads."""
    return isinstance(node, Pooled) and node.kind == "max"


def _size(weight: Floats, bits: int, channelwise: bool) -> Floats:
    """The largest magnitude of each output channel, or of all; of weights that keep nothing but a sign the mean."""
    magnitudes, within = np.abs(weight), (0, 1, 2)
    sizes: Floats = magnitudes.mean(axis=within) if bits == 1 else magnitudes.max(axis=within)
    return sizes if channelwise else np.full_like(sizes, sizes.max())
