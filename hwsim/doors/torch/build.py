"""From the calls of a forward pass to a float graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hwsim.doors.graph import Added, Flattened, Floats, Graph, Neurons, Node, Pooled, Shape, Source, Votes, Weighted
from hwsim.doors.torch import windows
from hwsim.doors.torch.calls import Call
from hwsim.doors.torch.modules import FUNCTIONS, HINTS, NEURONS, class_of, neuron_key, refuse
from hwsim.errors import TraceError
from hwsim.traces.network.window import Window

_NOTHING = {"Dropout", "Dropout2d", "Identity"}
_COPIES = {"unsqueeze", "repeat", "expand", "contiguous", "to", "float", "clone", "detach", "double", "type"}
_ENDS = {"stack", "cat", "mean", "sum", "append"}


class Building:
    """Nodes as the calls of the first timestep make them."""

    def __init__(self, source: Source, entry: torch.Tensor, time_first: bool) -> None:
        self.nodes: dict[str, Node] = {source.name: source}
        self.time_first = time_first  # tensors have an axis of time before that of samples
        self._of: dict[int, str] = {id(entry): source.name}
        self._kept: list[torch.Tensor] = [entry]  # so that no other tensor gets a number that is in use
        self._flat: dict[str, Shape] = {}  # flattened node -> shape before
        self._called: set[int] = set()
        self.membranes: dict[int, str] = {}

    def take(self, call: Call) -> bool:
        """Take a call; False where the next timestep begins, as a module of neurons is called again."""
        known = [self._of[id(tensor)] for tensor in call.takes if id(tensor) in self._of]
        if not known:
            return True
        if call.module is not None:
            if _is_once_a_timestep(call.module) and id(call.module) in self._called:
                return False
            self._called.add(id(call.module))
            given: str | None = self._module(call, known)
        else:
            given = self._function(call, known)
        if given is not None:
            first, *others = call.gives
            self._of[id(first)] = given
            self._kept += call.gives
            if call.module is not None and neuron_key(call.module) is not None:
                self.membranes.update({id(other): given for other in others})
        return True

    def alias(self, tensor: torch.Tensor, name: str) -> None:
        """Know another tensor as the values of a node."""
        self._of[id(tensor)] = name
        self._kept.append(tensor)

    def graph(self, readout: str) -> Graph:
        """The graph, its decision included."""
        last = list(self.nodes.values())[-1]
        read = {name for node in self.nodes.values() for name in node.inputs}
        loose = [node.name for node in self.nodes.values() if node.name not in read and node is not last]
        if loose:
            raise TraceError(f"module '{loose[0]}': nothing of the network reads it")
        if isinstance(last, Neurons):
            of: Any = "membrane" if readout == "membrane" else "spikes"
            self.nodes["readout"] = Votes("readout", (last.name,), last.shape, 1, of)
        elif readout == "membrane":
            raise TraceError("readout: wanted neurons as the last module for a readout of membranes")
        return Graph(tuple(self.nodes.values()))

    def _put(self, node: Node) -> str:
        name, n = node.name, 2
        while name in self.nodes:  # a module without weights may be used at several places
            name, n = f"{node.name}.{n}", n + 1
        self.nodes[name] = replace(node, name=name)
        return name

    def _shape(self, tensor: torch.Tensor) -> Shape:
        sizes = list(tensor.shape)[2 if self.time_first else 1 :]
        if len(sizes) == 1:
            return 1, 1, sizes[0]
        if len(sizes) in (2, 3):
            return sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0]
        raise TraceError(f"network: wanted vectors, lines or maps [channel, y, x] between modules, found {sizes}")

    def _module(self, call: Call, known: Sequence[str]) -> str:
        module, name = call.module, call.name
        assert module is not None
        source, shape = known[0], self._shape(call.gives[0]) if call.gives[0].dim() > 1 else (1, 1, 1)
        if (key := neuron_key(module)) is not None:
            traits = dict(NEURONS[key](name, module))
            for trait in ("leak", "threshold"):
                traits[trait] = self._by_channel(name, module, trait, traits[trait], shape)
            return self._put(Neurons(name, (source,), shape, **traits))
        kind = class_of(module)
        if kind is None:
            hint = HINTS.get(type(module).__name__, "cannot be said in a trace")
            refuse(name, module, hint)
        if kind in _NOTHING:
            return source
        handler = {
            "Conv1d": self._conv,
            "Conv2d": self._conv,
            "ConvTranspose1d": self._transposed,
            "ConvTranspose2d": self._transposed,
            "Linear": self._linear,
            "BatchNorm1d": self._batch_norm,
            "BatchNorm2d": self._batch_norm,
            "AvgPool1d": self._pool,
            "AvgPool2d": self._pool,
            "MaxPool1d": self._pool,
            "MaxPool2d": self._pool,
            "AdaptiveAvgPool1d": self._whole_pool,
            "AdaptiveAvgPool2d": self._whole_pool,
            "Flatten": self._flatten,
            "VotingLayer": self._votes,
        }[str(kind)]
        return handler(name, module, source, shape)

    def _by_channel(self, name: str, module: Any, trait: str, value: Floats, shape: Shape) -> Floats:
        """One value, or one a channel; of every position it must be the same within a channel."""
        if value.size in (1, shape[2]):
            return value
        if value.size == shape[0] * shape[1] * shape[2]:
            rows = value.reshape(shape[2], -1)
            if (rows == rows[:, :1]).all():
                return rows[:, 0]
        refuse(name, module, f"wanted one {trait}, or one a channel, found {value.size} for {shape}")
        raise AssertionError

    def _conv(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Over a map or a line."""
        if module.padding_mode != "zeros":
            refuse(name, module, f"wanted padding by zeros, found {module.padding_mode}")
        window, out = windows.of_convolution(module), module.weight.shape[0]
        weight = module.weight.detach().double().cpu().numpy().reshape(out, -1, *window.kernel).transpose(2, 3, 1, 0)
        return self._put(Weighted(name, (source,), shape, weight, _bias(module), window, module.groups))

    def _transposed(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Taps come in reverse order."""
        window = windows.of_transposed(module, self.nodes[source].shape, shape)
        (rows, columns), sides = window.extent, window.padding
        if not all(0 <= side < most for side, most in zip(sides, (rows, rows, columns, columns), strict=True)):
            refuse(name, module, f"wanted padding from output_padding to {rows - 1} rows and {columns - 1} columns")
        groups, channels = module.groups, self.nodes[source].shape[2]
        weight = module.weight.detach().double().cpu().numpy()
        by_group = weight.reshape(groups, channels // groups, -1, *window.kernel).transpose(3, 4, 1, 0, 2)
        taps = by_group.reshape(*window.kernel, channels // groups, shape[2])[::-1, ::-1]
        return self._put(Weighted(name, (source,), shape, taps, _bias(module), window, groups))

    def _linear(self, name: str, module: Any, source: str, shape: Shape) -> str:
        weight = module.weight.detach().double().cpu().numpy()
        if (chw := self._flat.get(source)) is not None:  # channels come first in PyTorch, last here
            height, width, channels = chw
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        if self.nodes[source].shape[:2] != (1, 1):
            refuse(name, module, "wanted a vector: put a Flatten before it")
        return self._put(Weighted(name, (source,), shape, weight.T[None, None], _bias(module), linear=True))

    def _batch_norm(self, name: str, module: Any, source: str, _shape: Shape) -> str:
        before = self.nodes[source]
        readers = [node for node in self.nodes.values() if source in node.inputs]
        if not isinstance(before, Weighted) or readers:
            refuse(name, module, "can be folded only into weights that nothing else reads")
            raise AssertionError
        if module.training or module.running_var is None:
            refuse(name, module, "wanted statistics of training: call model.eval()")
        scale = 1 / np.sqrt(module.running_var.double().cpu().numpy() + module.eps)
        shift = -module.running_mean.double().cpu().numpy() * scale
        if module.affine:
            gamma, beta = (each.detach().double().cpu().numpy() for each in (module.weight, module.bias))
            scale, shift = scale * gamma, shift * gamma + beta
        if hasattr(module, "alpha") and hasattr(module, "v_th"):
            refuse(name, module, "scales by a threshold that hwsim does not know: fold it before")
        bias = 0.0 if before.bias is None else before.bias
        self.nodes[source] = replace(before, weight=before.weight * scale, bias=bias * scale + shift)
        return source

    def _pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        known = str(class_of(module))
        kind = "max" if known.startswith("Max") else "avg"
        pooled = self._pooled(name, source, shape, kind, windows.pool_options(kind, module), known.endswith("1d"))
        if isinstance(pooled, str):
            refuse(name, module, pooled)
            raise AssertionError
        return self._put(pooled)

    def _pooled(
        self, name: str, source: str, shape: Shape, kind: str, options: Mapping[str, Any], flat: bool
    ) -> Pooled | str:
        """The node, or what was wanted of it."""
        before = self.nodes[source].shape
        window = windows.of_pool(options, flat, before, shape)
        if window.dilation != (1, 1):
            return f"wanted a pool without dilation, found {window.dilation}"
        if kind == "max":
            return Pooled(name, (source,), shape, "max", window)
        if (divisor := windows.divisor(options, window, before, shape)) is None:
            return "wanted one divisor for all windows: with count_include_pad, and without ceil_mode or where it fits"
        return Pooled(name, (source,), shape, "sum", window, divisor)

    def _functional_pool(self, call: Call, source: str) -> str:
        """`max_pool2d(x, kernel, stride)` and the like."""
        kind, shape = "avg" if "avg" in call.name else "max", self._shape(call.gives[0])
        options = windows.call_options(kind, call.arguments, call.options)
        pooled = self._pooled(f"pool{len(self.nodes)}", source, shape, kind, options, call.name.endswith("1d"))
        if isinstance(pooled, str):
            raise TraceError(f"function '{call.name}' after '{source}': {pooled}")
        return self._put(pooled)

    def _whole_pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        height, width, _ = self.nodes[source].shape
        if shape[:2] != (1, 1):
            refuse(name, module, f"wanted a mean over a whole map, found {height} x {width} to {shape[:2]}")
        return self._put(Pooled(name, (source,), shape, "sum", Window((height, width)), height * width))

    def _flatten(self, name: str, _module: Any, source: str, shape: Shape) -> str:
        if self.nodes[source].shape == shape:
            return source
        made = self._put(Flattened(name, (source,), shape))
        self._flat[made] = self.nodes[source].shape
        return made

    def _votes(self, name: str, module: Any, source: str, shape: Shape) -> str:
        votes = self.nodes[source].shape[2] // shape[2]
        return self._put(Votes(name, (source,), shape, votes, "spikes"))

    def _function(self, call: Call, known: Sequence[str]) -> str | None:
        name = call.name
        if name in _COPIES or name.startswith("__get"):
            return known[0]
        if name in ("add", "iadd", "__add__", "__radd__", "__iadd__") and len(known) == len(call.takes) == 2:
            return self._put(Added(f"add{len(self.nodes)}", tuple(known), self._shape(call.gives[0])))
        if name in ("flatten", "reshape", "view"):
            return self._flatten(f"flatten{len(self.nodes)}", None, known[0], self._shape(call.gives[0]))
        if name.lstrip("_") in ("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"):
            return self._functional_pool(call, known[0])
        if name in _ENDS:
            return None  # spikes of all timesteps, brought together
        if name in ("size", "dim", "shape", "device", "dtype", "__get__", "__len__"):
            return None
        after = f" after '{known[0]}'"
        raise TraceError(f"function '{name}'{after}: cannot be said in a trace; {', '.join(sorted(FUNCTIONS))} can")


def _is_once_a_timestep(module: torch.nn.Module) -> bool:
    """Whether a module that is called again begins the next timestep: neurons, and what has weights."""
    return neuron_key(module) is not None or any(True for _ in module.parameters())


def _bias(module: Any) -> Floats | None:
    if module.bias is None:
        return None
    bias: Floats = module.bias.detach().double().cpu().numpy()
    return bias
