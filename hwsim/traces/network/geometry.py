"""Sizes that follow from a layer's geometry: outputs, windows, fan-in, MACs and who reads what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import Conv2d, Input, Layer, Linear, Network, Pool, Shape
from hwsim.traces.network.window import Window


def n_words(channels: int) -> int:
    """64-bit words that hold one bit per channel."""
    return -(-channels // 64)


def input_shape(layer: Layer, network: Network) -> Shape:
    """Shape of the first layer that `layer` reads (only an Add reads more); ValueError for the Input itself."""
    if isinstance(layer, Input):
        raise ValueError(f"{layer.name} is the input and reads nothing")
    return network[layer.inputs[0]].shape


def window(layer: Layer) -> Window:
    """The window of a layer that has one; that of one place for one that reads position by position."""
    return layer.window if isinstance(layer, Conv2d | Pool) else Window()


def fan_in(layer: Layer, network: Network) -> int:
    """Synapses of one output neuron of a Conv2d or Linear layer (edges of the picture not deducted), else 0."""
    if isinstance(layer, Conv2d):
        return layer.window.taps * (input_shape(layer, network)[2] // layer.groups)
    return input_shape(layer, network)[2] if isinstance(layer, Linear) else 0


def macs(layer: Layer, network: Network) -> int:
    """Dense multiply-accumulates of one pass: taps*Cin/groups*Cout*Hout*Wout, Nin*Nout, 0 for layers without weights.

    Products with the zeros of the padding are counted, as the published tables do, but none with what lies between the
    places of a spread map.
    """
    return int(row_macs(layer, network).sum())


def row_macs(layer: Layer, network: Network) -> NDArray[np.int64]:
    """Those of each output row: int64 [output row]."""
    moves, channels = window(layer), layer.shape[2]
    rows, columns = (moves.asked(axis, layer.shape[axis]).sum(axis=1, dtype=np.int64) for axis in (0, 1))
    found: NDArray[np.int64] = rows * (int(columns.sum()) * (fan_in(layer, network) // moves.taps) * channels)
    return found


def window_rows(layer: Layer, network: Network) -> NDArray[np.int64]:
    """Input rows that each output row needs: int64 [output row, 2], first and one past the last that a tap meets.

    Of windows that meet none it is the row where they begin, or the nearest.  Linear and Flatten need all rows; Add
    needs its own row.
    """
    input_height = input_shape(layer, network)[0]
    if input_height != layer.shape[0] and not isinstance(layer, Conv2d | Pool):
        return np.array([[0, input_height]], dtype=np.int64)
    moves = window(layer)
    met = moves.places(0, layer.shape[0], input_height)
    begin = np.arange(layer.shape[0], dtype=np.int64) * moves.stride[0] - moves.before[0]
    begin = (begin // moves.spread[0]).clip(0, input_height - 1)
    none = (met < 0).all(axis=1)
    first = np.where(met < 0, input_height, met).min(axis=1)
    return np.stack([np.where(none, begin, first), np.where(none, begin, met.max(axis=1)) + 1], axis=1)
