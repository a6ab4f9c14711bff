"""Windows of PyTorch's convolutions and pools, of maps and of lines, which are maps of width 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from hwsim.doors.graph import Shape
from hwsim.traces.network.window import Pair, Sides, Window

_ARGUMENTS = {
    "max": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}
"""Of the functions, in order; modules have attributes of the same names."""


def of_convolution(module: Any) -> Window:
    """The window of a Conv1d or Conv2d."""
    flat = len(module.kernel_size) == 1
    sides: Sides
    if isinstance(module.padding, str):
        last = tuple(module._reversed_padding_repeated_twice)  # the last axis first
        sides = (*last, 0, 0) if flat else (*last[2:], *last[:2])
    else:
        above, before = _pair(module.padding, flat, beside=0)
        sides = (above, above, before, before)
    kernel, stride, dilation = (_pair(getattr(module, key), flat) for key in ("kernel_size", "stride", "dilation"))
    return Window(kernel, stride, sides, dilation)


def of_transposed(module: Any, source: Shape, shape: Shape) -> Window:
    """The window of a ConvTranspose1d or ConvTranspose2d, over a map that its stride spreads.

    Padding is negative or too wide where the layer cuts more off than a window lies over, or adds more than it cuts.
    """
    flat = len(module.kernel_size) == 1
    kernel, spread, dilation = (_pair(getattr(module, key), flat) for key in ("kernel_size", "stride", "dilation"))
    window = Window(kernel, dilation=dilation, spread=spread)
    cut, padding = _pair(module.padding, flat, beside=0), []
    for axis, size in enumerate(window.spread_size(*source[:2])):
        before = window.extent[axis] - 1 - cut[axis]
        padding += [before, shape[axis] - 1 + window.extent[axis] - size - before]
    return replace(window, padding=(padding[0], padding[1], padding[2], padding[3]))


def pool_options(kind: str, module: Any) -> dict[str, Any]:
    """What a module of pooling was made with."""
    return {key: getattr(module, key) for key in _ARGUMENTS[kind][1:] if hasattr(module, key)}


def call_options(kind: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """What a function of pooling was called with."""
    return {**dict(zip(_ARGUMENTS[kind], arguments, strict=False)), **options}


def of_pool(options: Mapping[str, Any], flat: bool, source: Shape, shape: Shape) -> Window:
    """The window of a pool with some options; `ceil_mode` is padding after the map, as far as the outputs need it."""
    kernel = _pair(options["kernel_size"], flat)
    stride = _pair(options.get("stride") or options["kernel_size"], flat)
    padding, sides = _pair(options.get("padding") or 0, flat, beside=0), []
    for axis in (0, 1):
        reaches = (shape[axis] - 1) * stride[axis] + kernel[axis] - source[axis] - padding[axis]
        sides += [padding[axis], max(padding[axis], reaches)]
    dilation = _pair(options.get("dilation") or 1, flat)
    return Window(kernel, stride, (sides[0], sides[1], sides[2], sides[3]), dilation)


def divisor(options: Mapping[str, Any], window: Window, source: Shape, shape: Shape) -> int | None:
    """What every window of an average is divided by; None where it is not the same for all."""
    if options.get("divisor_override"):
        return int(options["divisor_override"])
    places = []
    for axis in (0, 1):
        before, kernel = window.before[axis], window.kernel[axis]
        begin = np.arange(shape[axis]) * window.stride[axis] - before
        if options.get("count_include_pad", True):  # but not what lies beyond the padding of this side
            within = np.minimum(begin + kernel, source[axis] + before) - begin
        else:
            within = np.minimum(begin + kernel, source[axis]) - np.maximum(begin, 0)
        places.append(set(within.tolist()))
    return prod(each.pop() for each in places) if all(len(each) == 1 for each in places) else None


def _pair(value: Any, flat: bool, beside: int = 1) -> Pair:
    """Sizes of rows and columns; of a line those of its one axis, and `beside`."""
    sizes = [int(each) for each in np.ravel(value)]
    return sizes[0], beside if flat else sizes[-1]
