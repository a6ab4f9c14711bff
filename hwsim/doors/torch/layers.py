"""Layers without neurons as nodes of a float graph, from PyTorch's modules and functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hwsim.doors.graph import Added, Flattened, Floats, Node, Pooled, Shape, Upsampled, Votes, Weighted
from hwsim.doors.torch import windows
from hwsim.doors.torch.calls import Call
from hwsim.doors.torch.modules import class_of
from hwsim.doors.torch.neurons.traits import refuse
from hwsim.errors import TraceError
from hwsim.traces.network.window import Window

_NEAREST = ("nearest", "nearest-exact")


class Layers:
    """Nodes as they are made, and what is known of them beside."""

    def __init__(self, timed: Mapping[int, int]) -> None:
        self.nodes: dict[str, Node] = {}
        self.timed = timed  # tensors with an axis of time
        self._flat: dict[str, Shape] = {}  # flattened node -> shape before
        self._late_shapes: dict[str, Shape] = {}  # neurons that are read late -> shape

    def _put(self, node: Node) -> str:
        name, n = node.name, 2
        while name in self.nodes:  # a module without weights may be used at several places
            name, n = f"{node.name}.{n}", n + 1
        self.nodes[name] = replace(node, name=name)
        return name

    def _shape(self, tensor: torch.Tensor) -> Shape:
        sizes = list(tensor.shape)[2 if id(tensor) in self.timed else 1 :]
        if len(sizes) == 1:
            return 1, 1, sizes[0]
        if len(sizes) in (2, 3):
            return sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0]
        raise TraceError(f"network: wanted vectors, lines or maps [channel, y, x] between modules, found {sizes}")

    def _shape_of(self, source: str) -> Shape:
        """Of a node, or of neurons that are yet to come and read late."""
        return self.nodes[source].shape if source in self.nodes else self._late_shapes[source]

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
        weight, bias = module.weight.detach().double().cpu().numpy(), _bias(module)
        if (chw := self._flat.get(source)) is not None:  # channels come first in PyTorch, last here
            height, width, channels = chw
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        if self._shape_of(source)[:2] != (1, 1):
            refuse(name, module, "wanted a vector: put a Flatten before it")
        if (parts := self._linear_parts(source)) is None:
            return self._put(Weighted(name, (source,), shape, weight.T[None, None], bias, linear=True))
        for number, part in enumerate(parts):  # two in a row are one
            shift = None if part.bias is None else weight @ part.bias
            if number == 0 and bias is not None:
                shift = bias if shift is None else shift + bias
            self.nodes[part.name] = replace(part, shape=shape, weight=part.weight @ weight.T, bias=shift)
        last = self.nodes.pop(source)
        return self._put(replace(last, name=name, shape=shape))

    def _linear_parts(self, source: str) -> list[Weighted] | None:
        """Fully connected layers that another can be multiplied into: one, or all of a sum; nothing else reads them."""
        before = self.nodes.get(source)
        parts = [self.nodes[name] for name in before.inputs] if isinstance(before, Added) else [before]
        found = [each for each in parts if isinstance(each, Weighted) and each.linear]
        inner = [each.name for each in found if each is not before]
        apart = all(sum(name in node.inputs for node in self.nodes.values()) == 1 for name in inner)
        return found if len(found) == len(parts) and apart and not self._is_read(source) else None

    def _is_read(self, name: str) -> bool:
        return any(name in node.inputs for node in self.nodes.values())

    def _batch_norm(self, name: str, module: Any, source: str, _shape: Shape) -> str:
        before = self.nodes[source]
        if not isinstance(before, Weighted) or self._is_read(source):
            refuse(name, module, "can be folded only into weights that nothing else reads")
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

    def _adaptive_pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Means of equal windows, or places that are repeated where there are more after it than before."""
        before = self.nodes[source].shape
        if (factor := _factor(before, shape)) is not None:
            return source if factor == (1, 1) else self._put(Upsampled(name, (source,), shape, factor))
        kernel = _factor(shape, before)
        if kernel is None:
            found = " to ".join(f"{height} x {width}" for height, width, _ in (before, shape))
            wanted = f"wanted equal windows, or a whole number of places for each, found {found}"
            if module is None:
                raise TraceError(f"function 'adaptive_avg_pool2d' after '{source}': {wanted}")
            refuse(name, module, wanted)
        window = Window(kernel) if shape[:2] == (1, 1) else Window(kernel, kernel)
        return self._put(Pooled(name, (source,), shape, "sum", window, window.taps))

    def _upsample(self, name: str, module: Any, source: str, shape: Shape) -> str:
        factor = _factor(self.nodes[source].shape, shape)
        if factor is None or module.mode not in _NEAREST:
            refuse(name, module, f"wanted nearest neighbours and whole factors, found {module.mode}")
        return self._put(Upsampled(name, (source,), shape, factor))

    def _interpolated(self, call: Call, source: str) -> str:
        """`interpolate(x, size, scale_factor, mode)`, of nearest neighbours."""
        given = {**dict(zip(("input", "size", "scale_factor", "mode"), call.arguments, strict=False)), **call.options}
        shape, mode = self._shape(call.gives[0]), given.get("mode", "nearest")
        factor = _factor(self.nodes[source].shape, shape)
        if factor is None or mode not in _NEAREST:
            wanted = "wanted nearest neighbours and whole factors"
            raise TraceError(f"function '{call.name}' after '{source}': {wanted}, found {mode}")
        return self._put(Upsampled(f"upsample{len(self.nodes)}", (source,), shape, factor))

    def _flatten(self, name: str, _module: Any, source: str, shape: Shape) -> str:
        if self.nodes[source].shape == shape:
            return source
        made = self._put(Flattened(name, (source,), shape))
        self._flat[made] = self.nodes[source].shape
        return made

    def _votes(self, name: str, module: Any, source: str, shape: Shape) -> str:
        votes = self.nodes[source].shape[2] // shape[2]
        return self._put(Votes(name, (source,), shape, votes, "spikes"))


def _factor(small: Shape, large: Shape) -> tuple[int, int] | None:
    """How often rows and columns of one map go into those of another; None where that is no whole number."""
    whole = all(b % a == 0 for a, b in zip(small[:2], large[:2], strict=True))
    return (large[0] // small[0], large[1] // small[1]) if whole else None


def _bias(module: Any) -> Floats | None:
    if module.bias is None:
        return None
    bias: Floats = module.bias.detach().double().cpu().numpy()
    return bias
