"""NIR's nodes without neurons as nodes of a float graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.doors.graph import Added, Flattened, Floats, Neurons, Node, Pooled, Shape, Source, Weighted
from hwsim.doors.nir_values import bias, hwc, legal, pair, steps
from hwsim.errors import TraceError
from hwsim.traces.network.window import Window

_WINDOW = ("stride", "padding", "dilation")


class Layers:
    """Nodes as they are made, and what is known of them beside."""

    def __init__(self, nodes: Mapping[str, Any], bits: int) -> None:
        self.nodes, self.bits = nodes, bits
        self.made: dict[str, Node] = {}
        self.lines: set[str] = set()  # nodes that give lines, not maps
        self.chw: dict[str, Shape] = {}  # flattened nodes -> shape of what was flattened

    def _shape(self, name: str) -> Shape:
        """Of what a node reads, which may be neurons that are yet to come."""
        if name in self.made:
            return self.made[name].shape
        later = next(each for each in self.nodes if legal(each) == name)
        return hwc(later, self.nodes[later].input_type["input"])

    def _put(self, node: Node) -> str:
        self.made[node.name] = node
        return node.name

    def _input(self, name: str, node: Any, _sources: list[str]) -> str:
        sizes = node.output_type["output"]
        self.lines.update(["input"] * (len(sizes) == 2))
        return self._put(Source("input", (), hwc("input", sizes), 1.0, self.bits, True))

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
        (stride, _), (padding, _), (dilation, _) = (pair(name, key, getattr(node, key)) for key in _WINDOW)
        weight = np.asarray(node.weight, np.float64)[..., None]
        window = Window((weight.shape[2], 1), (stride, 1), (padding, padding, 0, 0), (dilation, 1))
        return self._convolution(name, node, sources, weight, window)

    def _conv2d(self, name: str, node: Any, sources: list[str]) -> str:
        weight = np.asarray(node.weight, np.float64)
        stride, (above, before), dilation = (pair(name, key, getattr(node, key)) for key in _WINDOW)
        window = Window(weight.shape[2:], stride, (above, above, before, before), dilation)
        return self._convolution(name, node, sources, weight, window)

    def _convolution(self, name: str, node: Any, sources: list[str], weight: Floats, window: Window) -> str:
        if isinstance(node.padding, str) and node.padding == "same":  # as PyTorch: an odd one comes after the map
            rows, columns = (size - 1 for size in window.extent)
            window = replace(window, padding=(rows // 2, rows - rows // 2, columns // 2, columns - columns // 2))
        shape = (*window.out_size(*self._shape(sources[0])[:2]), len(weight))
        taps = weight.transpose(2, 3, 1, 0)
        known, groups = steps(node, shape, taps), int(node.groups)
        return self._put(Weighted(name, tuple(sources), shape, taps, bias(node), window, groups, steps=known))

    def _affine(self, name: str, node: Any, sources: list[str]) -> str:
        return self._dense(name, node, bias(node), sources)

    def _linear(self, name: str, node: Any, sources: list[str]) -> str:
        return self._dense(name, node, None, sources)

    def _dense(self, name: str, node: Any, shift: Floats | None, sources: list[str]) -> str:
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
        known = steps(node, shape, turned)
        return self._put(Weighted(name, (source,), shape, turned, shift, linear=True, steps=known))

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
            pair(name, key, getattr(node, key)) for key in ("kernel_size", "stride", "padding")
        )
        height, width, channels = self.made[sources[0]].shape
        window = Window(kernel, stride, (above, above, before, before))
        shape, divisor = (*window.out_size(height, width), channels), window.taps if mean else 1
        return self._put(Pooled(name, tuple(sources), shape, "sum", window, divisor))

    def _flatten(self, name: str, _node: Any, sources: list[str]) -> str:
        shape = self.made[sources[0]].shape
        self.chw[name] = shape
        return self._put(Flattened(name, tuple(sources), (1, 1, shape[0] * shape[1] * shape[2])))
