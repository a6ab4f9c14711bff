"""Networks in NIR (Neuromorphic Intermediate Representation, Pedersen et al. 2024) as float graphs.

NIR has no timestep, no reset mode and no quantisation, so these are for the caller to say.  Time is discrete: one step
of Euler, in which a membrane takes the synaptic current of the same timestep, and weights that lead back to neurons
read the spikes of the timestep before.  Recurrence of another form, nodes of another kind, dangling nodes and shapes
that do not fit are refused by name; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hwsim.doors.graph import (
    Added,
    Flattened,
    Floats,
    Graph,
    Neurons,
    Node,
    Pooled,
    Shape,
    Source,
    Steps,
    Synapse,
    Votes,
    Weighted,
    Widths,
)
from hwsim.doors.nir_loops import back_edges, flattened
from hwsim.errors import TraceError, UsageError
from hwsim.printable import one_line, shortened
from hwsim.traces.network.weights import MOST_BITS, weight_range
from hwsim.traces.network.window import Pair, Window

Fires = Literal["above", "at"]
Reset = Literal["hard", "soft"]
SAYS = "hwsim."
"""What the names of metadata begin with that `nir_export` writes."""


@dataclass(frozen=True, slots=True)
class Discrete:
    """What NIR leaves open; where it is not said, that of the file's metadata, else 1 ms, `hard` and `above`."""

    dt_s: float | None = None
    reset: Reset | None = None
    fires: Fires | None = None


def read_nir(path: Path, discrete: Discrete, bits: int) -> Graph:
    """The network of a file, for inputs over time of so many bits.

    It decides by counts of output spikes, or by the membranes of a leaky integrator at the end.

    Raises UsageError without the library nir, TraceError for a file or node that cannot be taken.
    """
    try:
        import nir
    except ImportError:
        raise UsageError("NIR files are read by the library nir: pip install 'hwsim[nir]'") from None
    try:
        read = nir.read(path, type_check=False)  # which would give a dangling node an input of its own
    except Exception as error:  # of any kind: the library checks types while it builds, with errors of many classes
        raise TraceError(f"{shortened(path)}: {one_line(str(error))[:140]}") from None
    return _Reading(read, discrete, bits).graph()


class _Reading:
    """Nodes of a NIR graph, in order."""

    def __init__(self, read: Any, discrete: Discrete, bits: int) -> None:
        self.nodes, self.edges = flattened(read)
        self.late: dict[str, str] = {}  # weights -> neurons of which they read the timestep before
        self.own: set[str] = set()  # neurons that lead to themselves without weights
        self.discrete, self.bits = discrete, bits
        self.made: dict[str, Node] = {}
        self.alias: dict[str, str] = {}  # NIR node -> node that gives its values
        self.lines: set[str] = set()  # nodes that give lines, not maps
        self.chw: dict[str, Shape] = {}  # flattened nodes -> shape of what was flattened

    def graph(self) -> Graph:
        """All nodes, checked."""
        for name, node in self.nodes.items():
            if node is None:
                raise TraceError(f"node '{name}': is None, as exporters write what they cannot say: export it again")
        ends = {
            kind: [n for n, node in self.nodes.items() if type(node).__name__ == kind] for kind in ("Input", "Output")
        }
        for kind, found in ends.items():
            if len(found) != 1:
                raise TraceError(
                    f"network: wanted one {kind} node, found {len(found)}: {', '.join(found[:4]) or 'none'}"
                )
        self._open_loops()
        for name in self._order():
            self._take(name)
        (output,) = ends["Output"]
        last = self.made[self.alias[output]]
        nodes = list(self.made.values())
        for node in nodes:
            if isinstance(node, Neurons) and np.isinf(node.threshold).all() and node is not last:
                raise TraceError(f"node '{node.name}': never fires, so only the output may follow")
        if isinstance(last, Neurons):
            silent = bool(np.isinf(last.threshold).all())
            nodes.append(Votes("readout", (last.name,), last.shape, 1, "membrane" if silent else "spikes"))
        return Graph(tuple(nodes))

    def _open_loops(self) -> None:
        """Find what leads back: weights from neurons to neurons, or neurons to themselves; other loops are refused."""
        firsts = [name for name, node in self.nodes.items() if type(node).__name__ == "Input"]
        closing = back_edges([*firsts, *self.nodes], self.edges)
        for last, first in closing:
            sources = [a for a, b in self.edges if b == last]
            leads_back_only = all((last, b) in closing for a, b in self.edges if a == last)
            if last == first and self._is(first, _NEURONS):
                self.own.add(first)
            elif self._is(first, _NEURONS) and self._is(last, _WEIGHTS) and len(sources) == 1 and leads_back_only:
                if not self._is(sources[0], _NEURONS):
                    raise TraceError(f"node {self._told(last, sources[0])}: recurrent, and reads no neurons")
                self.late[last] = sources[0]
            else:
                raise TraceError(
                    f"node {self._told(last, first)}: recurrent other than by weights from neurons to neurons alone"
                )

    def _is(self, name: str, kinds: Iterable[str]) -> bool:
        return type(self.nodes[name]).__name__ in kinds

    def _told(self, *names: str) -> str:
        return ", ".join(f"'{name}' ({type(self.nodes[name]).__name__})" for name in names)

    def _order(self) -> list[str]:
        """Names from the input on, what reads the timestep before anywhere; dangling nodes are refused."""
        for name, node in self.nodes.items():
            kind = type(node).__name__
            if kind != "Input" and not any(b == name for _, b in self.edges):
                raise TraceError(f"node '{name}' ({kind}): nothing leads to it")
            if kind != "Output" and not any(a == name for a, _ in self.edges):
                raise TraceError(f"node '{name}' ({kind}): leads nowhere, so exporting may have lost what follows it")
        order: list[str] = []
        left = sorted(self.nodes, key=lambda name: not self._is(name, ("Input",)))
        while left:
            ready = [name for name in left if all(source in order for source in self._sources(name))]
            order += ready
            left = [name for name in left if name not in ready]
        return order

    def _sources(self, name: str) -> list[str]:
        """What a node reads of its own timestep."""
        return [a for a, b in self.edges if b == name and a != b and name not in self.late]

    def _take(self, name: str) -> None:
        node, kind = self.nodes[name], type(self.nodes[name]).__name__
        sources = [self.alias[source] for source in self._sources(name)]
        if len(sources) > 1:
            shape = self.made[sources[0]].shape
            self._put(Added(f"{_legal(name)}.sum", tuple(sources), shape, _steps(node, shape)))
            sources = [f"{_legal(name)}.sum"]
        handler = getattr(self, f"_{kind.lower()}", None)
        if handler is None:
            raise TraceError(f"node '{name}' ({kind}): is no kind of node that a trace can say; {_WHAT}")
        if name in self.late:
            sources = [_legal(self.late[name])]
        self.alias[name] = made = handler(_legal(name), node, sources)
        if name in self.late:
            back = self.made[made]
            assert isinstance(back, Weighted)
            self.made[made] = replace(back, delayed=True)

    def _shape(self, name: str) -> Shape:
        """Of what a node reads, which may be neurons that are yet to come."""
        if name in self.made:
            return self.made[name].shape
        later = next(each for each in self.nodes if _legal(each) == name)
        return _hwc(later, self.nodes[later].input_type["input"])

    def _put(self, node: Node) -> str:
        self.made[node.name] = node
        return node.name

    def _input(self, name: str, node: Any, _sources: list[str]) -> str:
        sizes = node.output_type["output"]
        self.lines.update(["input"] * (len(sizes) == 2))
        return self._put(Source("input", (), _hwc("input", sizes), 1.0, self.bits, True))

    def _output(self, name: str, node: Any, sources: list[str]) -> str:
        height, width, channels = self.made[sources[0]].shape
        wanted = [channels, height, width][: 1 + self._axes(sources[0])]
        if (found := [int(size) for size in node.output_type["output"]]) != wanted:
            raise TraceError(f"node '{name}' (Output): wanted the shape {wanted} of '{sources[0]}', found {found}")
        return sources[0]

    def _axes(self, name: str) -> int:
        """Sizes that NIR gives beside the channels for what a node gives: 0 of a vector, 1 of a line, 2 of a map."""
        node = self.made[name]
        while not isinstance(node, Weighted | Pooled | Flattened | Source):
            node = self.made[node.inputs[0]]
        if isinstance(node, Flattened) or (isinstance(node, Weighted) and node.linear):
            return 0
        return 1 if node.name in self.lines else 2

    def _conv1d(self, name: str, node: Any, sources: list[str]) -> str:
        """A line is a map of width 1."""
        self.lines.add(name)
        (stride, _), (padding, _), (dilation, _) = (_pair(name, key, getattr(node, key)) for key in _WINDOW)
        weight = np.asarray(node.weight, np.float64)[..., None]
        window = Window((weight.shape[2], 1), (stride, 1), (padding, padding, 0, 0), (dilation, 1))
        return self._convolution(name, node, sources, weight, window)

    def _conv2d(self, name: str, node: Any, sources: list[str]) -> str:
        weight = np.asarray(node.weight, np.float64)
        stride, (above, before), dilation = (_pair(name, key, getattr(node, key)) for key in _WINDOW)
        window = Window(weight.shape[2:], stride, (above, above, before, before), dilation)
        return self._convolution(name, node, sources, weight, window)

    def _convolution(self, name: str, node: Any, sources: list[str], weight: Floats, window: Window) -> str:
        if isinstance(node.padding, str) and node.padding == "same":  # as PyTorch: an odd one comes after the map
            rows, columns = (size - 1 for size in window.extent)
            window = replace(window, padding=(rows // 2, rows - rows // 2, columns // 2, columns - columns // 2))
        shape = (*window.out_size(*self._shape(sources[0])[:2]), len(weight))
        taps = weight.transpose(2, 3, 1, 0)
        steps, groups = _steps(node, shape, taps), int(node.groups)
        return self._put(Weighted(name, tuple(sources), shape, taps, _bias(node), window, groups, steps=steps))

    def _affine(self, name: str, node: Any, sources: list[str]) -> str:
        return self._dense(name, node, _bias(node), sources)

    def _linear(self, name: str, node: Any, sources: list[str]) -> str:
        return self._dense(name, node, None, sources)

    def _dense(self, name: str, node: Any, bias: Floats | None, sources: list[str]) -> str:
        (source,), weight = sources, np.asarray(node.weight, np.float64)
        if self._shape(source)[:2] != (1, 1):
            if source not in self.made:
                raise TraceError(f"node '{name}': recurrent from the map '{source}' to a vector: wanted a convolution")
            source = self._flatten(f"{name}.flat", None, sources)
        if (chw := self._flattened(source)) is not None:  # channels come first in NIR, last here
            height, width, channels = chw
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        if weight.shape[1] != self._shape(source)[2]:
            raise TraceError(f"node '{name}': wanted {self._shape(source)[2]} inputs, found {weight.shape[1]}")
        shape, turned = (1, 1, len(weight)), weight.T[None, None]
        steps = _steps(node, shape, turned)
        return self._put(Weighted(name, (source,), shape, turned, bias, linear=True, steps=steps))

    def _flattened(self, name: str) -> Shape | None:
        """The shape of maps that a vector was, also past neurons and sums."""
        node = self.made.get(name)
        while isinstance(node, Neurons | Added):
            node = self.made[node.inputs[0]]
        return None if node is None else self.chw.get(node.name)

    def _sumpool2d(self, name: str, node: Any, sources: list[str]) -> str:
        return self._pool(name, node, sources, mean=False)

    def _avgpool2d(self, name: str, node: Any, sources: list[str]) -> str:
        return self._pool(name, node, sources, mean=True)

    def _pool(self, name: str, node: Any, sources: list[str], mean: bool) -> str:
        kernel, stride, (above, before) = (
            _pair(name, key, getattr(node, key)) for key in ("kernel_size", "stride", "padding")
        )
        height, width, channels = self.made[sources[0]].shape
        window = Window(kernel, stride, (above, above, before, before))
        shape, divisor = (*window.out_size(height, width), channels), window.taps if mean else 1
        return self._put(Pooled(name, tuple(sources), shape, "sum", window, divisor))

    def _flatten(self, name: str, _node: Any, sources: list[str]) -> str:
        shape = self.made[sources[0]].shape
        self.chw[name] = shape
        return self._put(Flattened(name, tuple(sources), (1, 1, shape[0] * shape[1] * shape[2])))

    def _if(self, name: str, node: Any, sources: list[str]) -> str:
        """One timestep is v + r x."""
        return self._neurons(name, node, sources, np.ones(1), _by_channel(name, "r", node.r))

    def _i(self, name: str, node: Any, sources: list[str]) -> str:
        return self._if(name, node, sources)

    def _lif(self, name: str, node: Any, sources: list[str]) -> str:
        """Forward Euler: v + dt / tau (v_leak - v + r x)."""
        share = self._share(name, node, "tau")
        v_leak = _by_channel(name, "v_leak", node.v_leak)
        gain = share * _by_channel(name, "r", node.r)
        return self._neurons(name, node, sources, 1 - share, gain, share * v_leak)

    def _li(self, name: str, node: Any, sources: list[str]) -> str:
        return self._lif(name, node, sources)

    def _cubalif(self, name: str, node: Any, sources: list[str]) -> str:
        """Forward Euler: i + dt / tau_syn (w_in x - i) first, then v + dt / tau_mem (r i - v) with that i."""
        if np.any(node.v_leak):
            raise TraceError(f"node '{name}': wanted v_leak 0 beside a synaptic current, found another")
        share, of_current = self._share(name, node, "tau_mem"), self._share(name, node, "tau_syn")
        gain = share * _by_channel(name, "r", node.r) * of_current * _by_channel(name, "w_in", node.w_in)
        return self._neurons(name, node, sources, 1 - share, gain, synapse=Synapse(1 - of_current))

    def _cubali(self, name: str, node: Any, sources: list[str]) -> str:
        return self._cubalif(name, node, sources)

    def _share(self, name: str, node: Any, key: str) -> Floats:
        """What a timestep is of a time constant."""
        tau = _by_channel(name, key, getattr(node, key))
        dt = float(_said(node, "dt", 1e-3)) if self.discrete.dt_s is None else self.discrete.dt_s
        if (dt > tau).any():
            kind = type(node).__name__
            raise TraceError(
                f"node '{name}' ({kind}): wanted a timestep of at most {key} = {tau.min():g} s, found {dt:g} s"
            )
        return dt / tau

    def _neurons(
        self,
        name: str,
        node: Any,
        sources: list[str],
        leak: Floats,
        gain: Floats,
        drive: Floats | float = 0.0,
        synapse: Synapse | None = None,
    ) -> str:
        shape, fires = self.made[sources[0]].shape, hasattr(node, "v_threshold")
        threshold = _by_channel(name, "v_threshold", node.v_threshold) if fires else np.full(1, np.inf)
        given = {"v_threshold": threshold, "tau": leak, "r": gain, "tau_syn": leak if synapse is None else synapse.leak}
        for key, values in given.items():
            if values.size not in (1, shape[2]):
                raise TraceError(f"node '{name}': wanted {key} of {shape[2]} channels, found {values.size}")
        v_reset = _one(name, "v_reset", node.v_reset) if getattr(node, "v_reset", None) is not None else 0.0
        reset = self.discrete.reset or _said(node, "reset", "hard")
        return self._put(
            Neurons(
                name,
                tuple(sources),
                self.made[sources[0]].shape,
                leak,
                threshold,
                gain,
                drive,
                reset if fires else "none",
                v_reset if fires and reset == "hard" else 0.0,
                (self.discrete.fires or _said(node, "fires", "above")) == "at",
                bool(_said(node, "delayed_reset", 0)),
                bool(_said(node, "reset_after_sum", 0)),
                synapse=synapse,
                feedback=np.ones(1) if name in map(_legal, self.own) else None,
                widths=_widths(node),
            )
        )


_WHAT = (
    "Input, Output, Conv1d, Conv2d, Linear, Affine, SumPool2d, AvgPool2d, Flatten, IF, I, LIF, LI, CubaLIF and "
    "CubaLI are"
)
_WINDOW = ("stride", "padding", "dilation")
_NEURONS = ("IF", "LIF", "CubaLIF")
_WEIGHTS = ("Conv1d", "Conv2d", "Linear", "Affine")


def _legal(name: str) -> str:
    """A name that a layer may have."""
    kept = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in name)
    return kept if kept[:1].isalnum() else f"n{kept}"


def _hwc(name: str, shape: Any) -> Shape:
    sizes = [int(size) for size in shape]
    if len(sizes) == 1:
        return 1, 1, sizes[0]
    if len(sizes) in (2, 3):
        return sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0]
    raise TraceError(f"node '{name}': wanted a shape of 1 to 3 sizes, found {sizes}")


def _bias(node: Any) -> Floats | None:
    bias = np.asarray(node.bias, np.float64)
    return bias if bias.any() else None


def _pair(name: str, key: str, value: Any) -> Pair:
    """A number for both directions, or one of each; of padding by name 0, as it follows later."""
    if isinstance(value, str):
        if key == "padding" and value in ("same", "valid"):
            return 0, 0
        raise TraceError(f"node '{name}': wanted {key} as numbers, found '{value}'")
    down, across = np.broadcast_to(np.ravel(value), 2).tolist()
    return int(down), int(across)


def _said(node: Any, key: str, otherwise: Any) -> Any:
    """What the metadata of a node say, where hwsim wrote them."""
    return (getattr(node, "metadata", None) or {}).get(f"{SAYS}{key}", otherwise)


def _steps(node: Any, shape: Shape, weight: Floats | None = None) -> Steps | None:
    """The steps that weights, or a sum before a node, are known to be of; None where weights have changed since."""
    step = np.asarray(_said(node, "step", ()), np.float64)
    bits = int(_said(node, "bits", 0))
    if step.shape != shape[2:] or not (np.isfinite(step) & (step > 0)).all():
        return None
    if weight is not None:
        whole = weight / step
        low, high = weight_range(bits) if 1 <= bits <= MOST_BITS else (0, -1)
        rounded = np.rint(whole)
        if (np.abs(whole - rounded) > 1e-6).any() or not ((rounded >= low) & (rounded <= high)).all():
            return None
    return Steps(step, bits)


def _widths(node: Any) -> Widths | None:
    """The fixed point of neurons, where the metadata have it."""
    keys = ("fraction_bits", "membrane_bits", "leak_bits", "synapse_leak_bits")
    found = [_said(node, key, None) for key in keys]
    return None if None in found else Widths(*map(int, found))


def _one(name: str, key: str, value: Any) -> float:
    found = np.unique(np.asarray(value, np.float64))
    if found.size != 1:
        raise TraceError(f"node '{name}': wanted one {key} for all neurons, found {found.size} values")
    return float(found[0])


def _by_channel(name: str, key: str, value: Any) -> Floats:
    """A value of each channel; of each position it cannot be."""
    values = np.asarray(value, np.float64)
    if values.ndim <= 1:
        return values.reshape(-1)
    flat = values.reshape(len(values), -1)
    if (flat != flat[:, :1]).any():
        raise TraceError(f"node '{name}': wanted one {key} a channel, found others by position")
    return flat[:, 0]
