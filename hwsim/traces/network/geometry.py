"""Sizes that follow from a layer's geometry: outputs, windows, fan-in, MACs and who reads what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import Conv2d, Input, Layer, Linear, Network, Pool, Shape


def output_size(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Positions of a window of `kernel` moved by `stride` over `size` padded by `padding` on both sides (floor)."""
    return (size + 2 * padding - kernel) // stride + 1


def n_words(channels: int) -> int:
    """64-bit words that hold one bit per channel."""
    return -(-channels // 64)


def input_shape(layer: Layer, network: Network) -> Shape:
    """Shape of the first layer that `layer` reads (only an Add reads more); ValueError for the Input itself."""
    if isinstance(layer, Input):
        raise ValueError(f"{layer.name} is the input and reads nothing")
    return network[layer.inputs[0]].shape


def window(layer: Layer) -> tuple[int, int, int]:
    """Kernel, stride and padding of a layer that reads windows; (1, 1, 0) for one that reads position by position."""
    match layer:
        case Conv2d():
            return layer.kernel, layer.stride, layer.padding
        case Pool():
            return layer.kernel, layer.stride, 0
    return 1, 1, 0


def fan_in(layer: Layer, network: Network) -> int:
    """Synapses of one output neuron of a Conv2d or Linear layer (edges of the picture not deducted), else 0."""
    if isinstance(layer, Conv2d):
        return layer.kernel**2 * (input_shape(layer, network)[2] // layer.groups)
    return input_shape(layer, network)[2] if isinstance(layer, Linear) else 0


def macs(layer: Layer, network: Network) -> int:
    """Dense multiply-accumulates of one pass: k*k*Cin/groups*Cout*Hout*Wout, Nin*Nout, 0 for layers without weights.

    Products with the zeros of the padding are counted, as the published tables do.
    """
    height, width, channels = layer.shape
    return fan_in(layer, network) * height * width * channels


def window_counts(layer: Layer, network: Network) -> NDArray[np.int64]:
    """How many windows of a Conv2d or Pool read each input position: int64 [height, width] of the input.

    A spike at (y, x) costs window_counts[y, x] * Cout / groups synaptic operations, edges exact.
    """
    height, width, _ = input_shape(layer, network)
    kernel, stride, padding = window(layer)
    rows, columns = (
        _times_read(size, outputs, kernel, stride, padding)
        for size, outputs in ((height, layer.shape[0]), (width, layer.shape[1]))
    )
    return np.multiply.outer(rows, columns)


def window_rows(layer: Layer, network: Network) -> NDArray[np.int64]:
    """Input rows that each output row needs: int64 [output row, 2], first and one past the last, clipped to the input.

    Linear and Flatten need all rows; Add needs its own row.
    """
    input_height = input_shape(layer, network)[0]
    if input_height != layer.shape[0] and not isinstance(layer, Conv2d | Pool):
        return np.array([[0, input_height]], dtype=np.int64)
    kernel, stride, padding = window(layer)
    first = np.arange(layer.shape[0], dtype=np.int64) * stride - padding
    return np.stack([np.maximum(first, 0), np.minimum(first + kernel, input_height)], axis=1)


def _times_read(size: int, outputs: int, kernel: int, stride: int, padding: int) -> NDArray[np.int64]:
    """Along one axis, how many of `outputs` windows cover each input index: int64 [size]."""
    covered = (np.arange(outputs)[:, None] * stride - padding + np.arange(kernel)).ravel()
    return np.bincount(covered[(covered >= 0) & (covered < size)], minlength=size).astype(np.int64)
