"""From the calls of a forward pass to a float graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hwsim.doors.graph import Added, Flattened, Floats, Graph, Neurons, Node, Pooled, Shape, Source, Votes, Weighted
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
        if len(sizes) == 3:
            return sizes[1], sizes[2], sizes[0]
        raise TraceError(f"network: wanted vectors or maps [channel, y, x] between modules, found {sizes}")

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
            "Conv2d": self._conv,
            "Linear": self._linear,
            "BatchNorm1d": self._batch_norm,
            "BatchNorm2d": self._batch_norm,
            "AvgPool2d": self._pool,
            "MaxPool2d": self._pool,
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
        if isinstance(module.padding, str) or module.padding_mode != "zeros":
            refuse(name, module, f"wanted padding by numbers of zeros, found {module.padding}, {module.padding_mode}")
        window = _window(module.kernel_size, module.stride, module.padding, module.dilation)
        weight = module.weight.detach().double().cpu().numpy().transpose(2, 3, 1, 0)
        return self._put(Weighted(name, (source,), shape, weight, _bias(module), window, module.groups))

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
        kernel, stride, padding = (_pair(getattr(module, key)) for key in ("kernel_size", "stride", "padding"))
        if kernel[0] != kernel[1] or stride[0] != stride[1] or any(padding) or getattr(module, "ceil_mode", False):
            refuse(name, module, "wanted square windows without padding and without ceil_mode")
        kind: Any = "max" if class_of(module) == "MaxPool2d" else "mean"
        return self._put(Pooled(name, (source,), shape, kind, _window(kernel, stride)))

    def _functional_pool(self, call: Call, source: str) -> str:
        """`max_pool2d(x, kernel, stride)` and the like, of square windows without padding."""
        names = ("input", "kernel_size", "stride", "padding")
        given = {**dict(zip(names, call.arguments, strict=False)), **call.options}
        kernel = _pair(given["kernel_size"])
        stride = _pair(given.get("stride") or kernel)
        plain = not any(_pair(given.get("padding") or 0)) and not given.get("ceil_mode")
        if kernel[0] != kernel[1] or stride[0] != stride[1] or not plain or given.get("dilation", 1) not in (1, (1, 1)):
            raise TraceError(f"function '{call.name}' after '{source}': wanted square windows without padding")
        kind: Any = "mean" if "avg" in call.name else "max"
        return self._put(
            Pooled(f"pool{len(self.nodes)}", (source,), self._shape(call.gives[0]), kind, _window(kernel, stride))
        )

    def _whole_pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        height, width, _ = self.nodes[source].shape
        if shape[:2] != (1, 1) or height != width:
            refuse(name, module, f"wanted a mean over a whole square map, found {height} x {width} to {shape[:2]}")
        return self._put(Pooled(name, (source,), shape, "mean", Window((height, width))))

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
        if name in ("max_pool2d", "_max_pool2d", "avg_pool2d"):
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


def _window(kernel: Any, stride: Any, padding: Any = 0, dilation: Any = 1) -> Window:
    """One that pads as much before as after."""
    (above, before) = _pair(padding)
    return Window(_pair(kernel), _pair(stride), (above, above, before, before), _pair(dilation))


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))
