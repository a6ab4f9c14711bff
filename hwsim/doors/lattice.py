"""From a float graph to the exact integer network: weights a channel at a time, thresholds and biases in their steps.

An activation's integer is worth a `unit`: a spike 1, a pixel its scale, a mean of k places its unit over k.  A weight w
of output channel c becomes round(w / s_c), with s_c the channel's largest magnitude over 2^(bits - 1) - 1; its currents
then count in s_c times the unit of what is read, and so do threshold, reset potential and bias, with `fraction_bits`
below.  Sums of currents, and logits, need one step for all that is summed or compared: that of the largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.graph import Added, Flattened, Floats, Graph, Neurons, Node, Pooled, Source, Votes, Weighted
from hwsim.errors import TraceError
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Neuron,
    Pool,
    Readout,
    StoredWeights,
)
from hwsim.traces.network.window import Window

_THRESHOLD_STEPS = 4096  # that the lowest threshold of a layer has at least, where fraction bits allow
_MOST_FRACTION_BITS = 12
MAX_MEMBRANE_BITS = 32


@dataclass(frozen=True, slots=True)
class Precision:
    """How finely a network is rounded."""

    weight_bits: int = 8
    membrane_bits: int = 24
    leak_bits: int = 8
    per_channel: bool = True


@dataclass(frozen=True, slots=True)
class OnLattice:
    """The integer network, which layer stands for each node of neurons, and the real value of an integer logit."""

    network: Network
    layer_of: dict[str, str]
    logit_scale: float


def to_integers(graph: Graph, precision: Precision) -> OnLattice:
    """Bring a graph to integers.

    Raises TraceError, with the node's name, for what no layer can say.
    """
    return _Building(graph, precision).built()


class _Building:
    """Layers as they are made, node by node."""

    def __init__(self, graph: Graph, precision: Precision) -> None:
        self.graph, self.precision = graph, precision
        self.layers: list[Layer] = []
        self.given: dict[str, str] = {}  # node -> layer that gives its values
        self.units: dict[str, float] = {}  # node that gives activations -> real value of 1
        self.steps: dict[str, Floats] = {}  # node that gives currents -> real value of 1 [channel]
        self.logit_scale = 1.0

    def built(self) -> OnLattice:
        """All of it."""
        for node in self.graph:
            self._add(node)
        layer_of = {node.name: self.given[node.name] for node in self.graph if isinstance(node, Neurons)}
        return OnLattice(Network(tuple(self.layers)), layer_of, self.logit_scale)

    def _put(self, node: Node, layer: Layer) -> None:
        self.layers.append(layer)
        self.given[node.name] = layer.name

    def _reads(self, node: Node) -> tuple[str, ...]:
        return tuple(self.given[name] for name in node.inputs)

    def _add(self, node: Node) -> None:
        match node:
            case Source():
                self._put(node, Input(node.name, (), node.shape, node.bits, node.over_time))
                self.units[node.name] = node.unit
            case Weighted():
                self._weighted(node)
            case Pooled():
                unit = self._unit(node)
                kind: Literal["avg", "max"] = "max" if node.kind == "max" else "avg"
                self._put(node, Pool(node.name, self._reads(node), node.shape, kind, node.window))
                self.units[node.name] = unit / node.window.taps if node.kind == "mean" else unit
            case Flattened():
                self.units[node.name] = self._unit(node)
                self._put(node, Flatten(node.name, self._reads(node), node.shape))
            case Added():
                self._added(node)
            case Neurons():
                self._neurons(node)
            case Votes():
                self._put(node, Readout(node.name, self._reads(node), node.shape, node.votes, node.of))

    def _unit(self, node: Node) -> float:
        """Unit of the one layer of activations that a node reads."""
        (name,) = node.inputs
        if name not in self.units:
            _fail(node, f"reads the currents of '{name}' before neurons: only sums and neurons may")
        return self.units[name]

    def _weighted(self, node: Weighted) -> None:
        unit, bits = self._unit(node), self.precision.weight_bits
        steps = self._steps_for(node)
        top = (1 << (bits - 1)) - 1
        values = np.clip(np.rint(node.weight / steps), -top - 1, top).astype(np.int8)
        weights = StoredWeights(values, bits, steps.astype(np.float32))
        self.steps[node.name] = steps * unit
        fires = self._neurons_after(node.name) is not None
        bias = None
        if node.bias is not None and not fires:  # else the neurons take it, more finely
            bias = np.rint(node.bias / self.steps[node.name]).astype(np.int32)
        reads = self._reads(node)
        if node.linear:
            self._put(node, Linear(node.name, reads, node.shape, weights, bias, None))
        else:
            self._put(node, Conv2d(node.name, reads, node.shape, node.window, node.groups, weights, bias, None))
        if node is self.graph.nodes[-1]:
            self.logit_scale = float(self.steps[node.name][0])

    def _steps_for(self, node: Weighted) -> Floats:
        """The step of every output channel: its own, or one for all that are added up or compared with it."""
        summed = [reader for reader in self.graph.readers(node.name) if isinstance(reader, Added)]
        together = [node]
        for reader in summed:
            together = [each for each in map(self.graph.__getitem__, reader.inputs) if isinstance(each, Weighted)]
        channelwise = self.precision.per_channel and node is not self.graph.nodes[-1]
        steps = np.zeros(node.shape[2])
        for each in together:
            (source,) = each.inputs
            relative = self.units.get(source, 1.0) / self._unit(node)
            steps = np.maximum(steps, _largest(each.weight, channelwise) * relative)
        top = (1 << (self.precision.weight_bits - 1)) - 1
        whole = [name for reader in summed for name in reader.inputs if name in self.units]
        if whole:  # an activation is added: its unit must be a whole number of steps
            unit, coarse = min(self.units[name] for name in whole) / self._unit(node), float(steps.max())
            return np.full_like(steps, unit / max(1, math.floor(unit * top / coarse)) if coarse else unit)
        return np.where(steps > 0, steps, 1.0) / top

    def _added(self, node: Added) -> None:
        currents = [name for name in node.inputs if name in self.steps]
        if not currents:
            unit = min(self.units[name] for name in node.inputs)
            gains = [round(self.units[name] / unit) for name in node.inputs]
            self.units[node.name] = unit
        else:
            step = self.steps[currents[0]]
            gains = []
            for name in node.inputs:
                ratio = (self.steps[name] / step).mean() if name in self.steps else self.units[name] / float(step[0])
                gains.append(max(1, round(float(ratio))))
            self.steps[node.name] = step
        self._put(node, Add(node.name, self._reads(node), node.shape, tuple(gains), None))

    def _neurons_after(self, name: str) -> Neurons | None:
        """The neurons that alone read a layer of weights."""
        readers = self.graph.readers(name)
        return readers[0] if len(readers) == 1 and isinstance(readers[0], Neurons) else None

    def _neurons(self, node: Neurons) -> None:
        (name,) = node.inputs
        if name in self.units:  # neurons on activations: one weight each, of one
            self._identity(node, name)
        source = self.graph[name] if name in {each.name for each in self.graph} else node
        layer = next(each for each in self.layers if each.name == self.given.get(f"{node.name}.in", self.given[name]))
        step = self.steps.get(f"{node.name}.in", self.steps.get(name))
        assert step is not None
        bias = source.bias if isinstance(source, Weighted) and f"{node.name}.in" not in self.given else None
        neuron, integer_bias = self._rounded(node, step, bias, layer)
        fields = {field: getattr(layer, field) for field in layer.__dataclass_fields__}
        fields["neuron"] = neuron
        if isinstance(layer, Conv2d | Linear):
            fields["bias"] = integer_bias
        elif integer_bias is not None:
            _fail(node, "has a potential that it leaks to, after a sum of currents: there is no bias to hold it")
        self.layers[self.layers.index(layer)] = type(layer)(**fields)
        self.given[node.name], self.units[node.name] = layer.name, 1.0

    def _identity(self, node: Neurons, name: str) -> None:
        channels, inner = node.shape[2], f"{node.name}.in"
        weights = StoredWeights(np.ones((1, 1, 1, channels), np.int8), 2, np.ones(channels, np.float32))
        layer = Conv2d(inner, (self.given[name],), node.shape, Window(), channels, weights, None, None)
        self.layers.append(layer)
        self.given[inner], self.steps[inner] = inner, np.full(channels, self.units[name])

    def _rounded(
        self, node: Neurons, step: Floats, bias: Floats | None, layer: Layer
    ) -> tuple[Neuron, NDArray[np.int32] | None]:
        """Threshold, leak, reset and bias in whole numbers of a fraction of the step of each channel."""
        channels = node.shape[2]
        step = step * node.gain
        threshold = np.broadcast_to(node.threshold, channels) / step
        if (threshold < 0).any():
            _fail(node, "has a threshold below zero")
        lowest = float(threshold.min())
        wanted = math.ceil(math.log2(_THRESHOLD_STEPS / lowest)) if lowest > 0 else 0
        fraction = min(max(wanted, 0), _MOST_FRACTION_BITS)
        unit = 1 << fraction
        total = np.zeros(channels) if bias is None else bias * node.gain / step
        total = total + node.drive / step
        whole = np.rint(total * unit)
        v_reset = np.rint(node.v_reset / step * unit)
        if node.reset == "hard" and node.v_reset and len(set(v_reset.tolist())) > 1:
            _fail(node, "has a reset potential that is not zero: choose one step for all channels, per_channel=False")
        levels = np.rint(threshold * unit).astype(np.int64)
        bits = max(self.precision.membrane_bits, int(levels.max()).bit_length() + 2)
        if bits > MAX_MEMBRANE_BITS:
            _fail(node, f"needs membranes of {bits} bits: its threshold is far above its weights")
        leak = np.rint(np.broadcast_to(node.leak, channels) * (1 << self.precision.leak_bits)).astype(np.int64)
        same = len(set(leak.tolist())) == 1
        full = same and int(leak[0]) == 1 << self.precision.leak_bits
        neuron = Neuron(
            leak=(1 if full else int(leak[0])) if same else leak,
            leak_bits=0 if full else self.precision.leak_bits,
            v_threshold=levels,
            reset=node.reset,
            fraction_bits=fraction,
            membrane_bits=bits,
            v_reset=int(v_reset[0]) if node.reset == "hard" else 0,
            fires_at_threshold=node.fires_at_threshold,
            delayed_reset=node.delayed_reset,
        )
        return neuron, whole.astype(np.int32) if whole.any() else None


def _largest(weight: Floats, channelwise: bool) -> Floats:
    """The largest magnitude of each output channel, or of all."""
    magnitudes: Floats = np.abs(weight).max(axis=(0, 1, 2))
    return magnitudes if channelwise else np.full_like(magnitudes, magnitudes.max())


def _fail(node: Node, what: str) -> None:
    raise TraceError(f"'{node.name}' ({type(node).__name__.lower()}): {what}")
