"""The network of a trace as NIR: its integers times their steps, and the time constants of a stated timestep.

A layer of weights becomes Conv2d, Affine or Linear and, where it has neurons, IF or LIF after it; sums are edges that
meet, and weights that read the timestep before lead back.  A current's integer is worth a step of its channel, an
activation's 1.  What is summed needs steps whose ratios are the gains: of layers that are only summed the step is free,
and so it is taken from there.

NIR has no word for resets by subtraction or a timestep later, for neurons that fire at their threshold, and for widths:
these are told, and are in the metadata of nodes, where `nir_file` finds them again.  What a NIR node would get wrong
(maximum pools, transposed convolutions, states that NIR has not) is refused by the layer's name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.graph import Floats
from hwsim.doors.nir_loops import back_edges
from hwsim.doors.nir_neurons import in_words, neuron_node
from hwsim.doors.nir_steps import steps_of
from hwsim.doors.nir_values import SAYS
from hwsim.errors import TraceError, UsageError
from hwsim.files import written_whole
from hwsim.printable import shortened
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Neuron,
    Pool,
    Readout,
    Shape,
    is_delayed,
    neuron_of,
)
from hwsim.traces.network.limits import refuse
from hwsim.traces.network.weights import weights_of
from hwsim.traces.network.window import Pair
from hwsim.traces.trace import AnyTrace

DT_S = 1e-3
_NEURONS = ".neurons"
"""What the name of a node of neurons adds to that of its layer."""


def to_nir(trace: AnyTrace, path: str | Path, dt: float = DT_S) -> tuple[str, ...]:
    """Write the network of a trace as a NIR file; what NIR does not say of it is given back, a few words each.

    `dt` are the seconds of a timestep, from which leaks become time constants.

    Raises UsageError without the library nir and for a place that cannot be written, TraceError for a trace of another
    coding and, with its name, for a layer that no NIR node is.
    """
    try:
        import nir
    except ImportError:
        raise UsageError("NIR files are written by the library nir: pip install 'hwsim[nir]'") from None
    if not isinstance(trace, Trace):
        raise TraceError(f"trace: wanted a network of layers, found coding {trace.coding}")
    if not 0 < dt < float("inf"):
        raise UsageError(f"dt: wanted seconds above 0, found {dt:g}")
    writing = _Writing(trace, nir, dt)
    whole = io.BytesIO()
    nir.write(whole, writing.graph())
    try:
        with written_whole(Path(path)) as file:
            file.write(whole.getbuffer())
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be written: {error.strerror or error}") from None
    return tuple(writing.told)


class _Writing:
    """Nodes and edges, layer by layer."""

    def __init__(self, trace: Trace, nir: Any, dt: float) -> None:
        self.network, self.nir, self.dt = trace.network, nir, dt
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.ends: dict[str, tuple[str, ...]] = {}  # layer -> nodes whose sum it gives
        self.maps: dict[str, Shape] = {}  # flattened layers -> shape of what was flattened
        self.vectors: set[str] = set()  # layers of which NIR gives one size, not three
        least, most = self.network.input.values
        self.told = {f"inputs are integers from {least} to {most}{_over_time(trace)}": None}  # in order
        if self.network.activation_bits is not None:
            refuse(self.network.input, "is of a network without spikes")
        self.steps = steps_of(self.network)

    def graph(self) -> Any:
        """All of it."""
        handlers: dict[type[Layer], Callable[[Any], None]] = {
            Input: self._input,
            Conv2d: self._weighted,
            Linear: self._weighted,
            Pool: self._pool,
            Flatten: self._flatten,
            Add: self._add,
            Readout: self._readout,
        }
        for layer in self.network:
            if type(layer) not in handlers:
                refuse(layer, "is no node of NIR")
            handlers[type(layer)](layer)
        self._check_loops()
        last = self.network.output
        self._put("output", self.nir.Output({"output": self._sizes(last)}), self.ends[last.name])
        return self.nir.NIRGraph(self.nodes, self.edges, type_check=False)

    def _check_loops(self) -> None:
        """NIR has no timesteps: what is read late must be what closes a loop, and a Linear reads vectors alone."""
        late = list(filter(is_delayed, self.network))
        closing = back_edges([self.network.input.name], [edge for edge in self.edges if edge[0] != edge[1]])
        for layer in late:
            if not closing.issuperset(edge for edge in self.edges if edge[0] == layer.name):
                refuse(layer, "reads the timestep before and closes no loop, and NIR has no timesteps")
            if isinstance(layer, Linear) and layer.inputs[0] not in self.vectors:
                refuse(layer, f"reads the map of '{layer.inputs[0]}' of the timestep before: no node flattens it")
        if not {layer.name for layer in late}.issuperset(name for name, _ in closing):
            refuse(late[0], "reads the timestep before in a loop that a walk from the input closes elsewhere")

    def _put(self, name: str, node: Any, sources: tuple[str, ...]) -> tuple[str, ...]:
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return (name,)

    def _sizes(self, layer: Layer) -> NDArray[np.int64]:
        """Channels, height, width as NIR has them, or the length of a vector."""
        height, width, channels = layer.shape
        return np.array([channels] if layer.name in self.vectors else [channels, height, width])

    def _sources(self, layer: Layer) -> tuple[str, ...]:
        return tuple(end for name in layer.inputs for end in self.ends[name])

    def _input(self, layer: Input) -> None:
        readers = [self.network[name] for name in self.network.consumers[layer.name]]
        if layer.shape[:2] == (1, 1) and not any(isinstance(reader, Conv2d | Pool) for reader in readers):
            self.vectors.add(layer.name)
        self.ends[layer.name] = self._put(layer.name, self.nir.Input({"input": self._sizes(layer)}), ())

    def _weighted(self, layer: Conv2d | Linear) -> None:
        step = self.steps[layer.name]
        real = weights_of(layer) * step
        unit = step if layer.neuron is None else step / (1 << layer.neuron.fraction_bits)
        bias = np.zeros(layer.shape[2]) if layer.bias is None else layer.bias * unit
        says = {f"{SAYS}step": step, f"{SAYS}bits": layer.weights.bits}
        if isinstance(layer, Conv2d):
            within = self.network[layer.inputs[0]].shape[:2]
            turned = np.ascontiguousarray(real.transpose(3, 2, 0, 1))
            node = self.nir.Conv2d(within, turned, *_window(layer), layer.groups, bias, metadata=says)
        else:
            rows = self._channels_first(layer.inputs[0], real[0, 0].T)
            node = self.nir.Affine(rows, bias, metadata=says)
            self.vectors.add(layer.name)
        self._end(layer, self._put(layer.name, node, self._as_read(layer)), layer.neuron)

    def _as_read(self, layer: Conv2d | Linear) -> tuple[str, ...]:
        """What a layer of weights reads: neurons that may be yet to come, and a Linear vectors alone."""
        if is_delayed(layer):
            return (f"{layer.inputs[0]}{_NEURONS}",)
        source = self.network[layer.inputs[0]]
        if isinstance(layer, Conv2d) or source.name in self.vectors:
            return self._sources(layer)
        return self._put(f"{layer.name}.flat", self._flattening(source), self._sources(layer))

    def _flattening(self, source: Layer) -> Any:
        return self.nir.Flatten({"input": self._sizes(source)}, 0, -1)

    def _channels_first(self, source: str, rows: Floats) -> Floats:
        """Rows [out, in] over a vector that NIR has flattened with channels first."""
        if (shape := self.maps.get(source)) is None:
            return rows
        maps = rows.reshape(len(rows), *shape).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(maps.reshape(len(rows), -1))

    def _end(self, layer: Layer, ends: tuple[str, ...], neuron: Neuron | None) -> None:
        self.ends[layer.name] = ends
        if neuron is not None:
            if neuron.signed:
                refuse(layer, "has neurons that also fire -1, which no NIR node does")
            if neuron.synapse is not None and neuron.synapse.delayed:
                refuse(layer, "has neurons with a current that arrives late, which no NIR node is")
            own = f"{layer.name}{_NEURONS}"
            if neuron.feedback is not None:
                if (neuron.feedback * self.steps[layer.name] != 1 << neuron.fraction_bits).any():
                    refuse(layer, "has feedback other than 1, and an edge of NIR from a node to itself has no weight")
                self.edges.append((own, own))
            self.told[in_words(neuron)] = None
            node = neuron_node(self.nir, neuron, self.steps[layer.name], tuple(self._sizes(layer)), self.dt)
            self.ends[layer.name] = self._put(own, node, ends)

    def _pool(self, layer: Pool) -> None:
        if layer.kind == "max":
            refuse(layer, "is a maximum pool, which NIR has not")
        stride, padding, _ = (np.array(sizes) for sizes in _window(layer))
        pool = self.nir.SumPool2d(np.array(layer.window.kernel), stride, padding)
        self.ends[layer.name] = self._put(layer.name, pool, self._sources(layer))

    def _flatten(self, layer: Flatten) -> None:
        source = self.network[layer.inputs[0]]
        self.vectors.add(layer.name)
        if source.name in self.vectors:
            self.ends[layer.name] = self._sources(layer)
            if source.name in self.maps:
                self.maps[layer.name] = self.maps[source.name]
            return
        self.ends[layer.name] = self._put(layer.name, self._flattening(source), self._sources(layer))
        self.maps[layer.name] = source.shape

    def _add(self, layer: Add) -> None:
        if layer.bias is not None:
            self._add_bias(layer, layer.bias)
        if layer.name not in self.steps and set(layer.gains) != {1}:
            refuse(layer, f"adds activations times {layer.gains}, which NIR's sums, without factors, cannot say")
        flattened = {self.maps.get(name) for name in layer.inputs}
        if len(flattened) > 1:
            refuse(layer, "adds vectors that were flattened otherwise")
        if (shape := flattened.pop()) is not None:
            if neuron_of(layer) is not None:
                refuse(layer, "has neurons over a flattened sum: flatten after them")
            self.maps[layer.name] = shape
        if any(name in self.vectors for name in layer.inputs):
            self.vectors.add(layer.name)
        sources = self._sources(layer)
        if len(set(sources)) < len(sources):
            refuse(layer, "adds the same twice, and NIR has an edge between two nodes once")
        self._end(layer, sources, layer.neuron)

    def _add_bias(self, layer: Add, bias: NDArray[np.int32]) -> None:
        """A bias of a sum, as one more of a layer of weights that nothing else reads."""
        assert layer.neuron is not None
        real = bias * self.steps[layer.name] / (1 << layer.neuron.fraction_bits)
        for name in layer.inputs:
            weighted, readers = self.network[name], self.network.consumers[name]
            if isinstance(weighted, Conv2d | Linear) and weighted.neuron is None and readers == (layer.name,):
                self.nodes[name].bias = self.nodes[name].bias + real
                return
        refuse(layer, "has a bias, and adds no weights that nothing else reads, which could take it")

    def _readout(self, layer: Readout) -> None:
        if layer.of_membrane:
            refuse(layer, "decides by membranes, which NIR's nodes do not give")
        if layer.inputs[0] in self.vectors or layer.votes > 1:
            self.vectors.add(layer.name)
        if layer.votes == 1:
            self.ends[layer.name] = self._sources(layer)
            return
        counts = np.kron(np.eye(layer.shape[2]), np.ones((1, layer.votes)))
        says = {f"{SAYS}step": np.ones(layer.shape[2]), f"{SAYS}bits": 2}
        node = self.nir.Linear(counts, metadata=says)
        self.ends[layer.name] = self._put(layer.name, node, self._sources(layer))


def _window(layer: Conv2d | Pool) -> tuple[Pair, Pair, Pair]:
    """Stride, padding of rows and of columns, and dilation."""
    window, (top, bottom, left, right) = layer.window, layer.window.padding
    if window.spread != (1, 1):
        refuse(layer, "is a transposed convolution, which NIR has not")
    if (top, left) != (bottom, right):
        refuse(layer, f"is padded by {window.padding}, and NIR pads as much after a map as before it")
    return window.stride, (top, left), window.dilation


def _over_time(trace: Trace) -> str:
    if trace.network.input.over_time:
        return ""
    return ", which fire as often as they are large" if isinstance(trace, RateTrace) else ", the same at every timestep"
