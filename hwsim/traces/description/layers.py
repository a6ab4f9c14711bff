"""Sizes of the layers of a network."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass

import numpy as np

from hwsim.traces.description.parts import Activity, LayerFigures
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Layer,
    Linear,
    Network,
    Pool,
    Readout,
    SeededWeights,
    Upsample,
    Weights,
    neuron_of,
)


def packed_bytes(values: int, bits: int) -> int:
    """Bytes of so many integers of so many bits, without gaps."""
    return -(-values * bits // 8)


def layer_figures(layer: Layer, network: Network, activity: Activity | None = None) -> LayerFigures:
    """Sizes of a layer with what its neurons do."""
    neurons, neuron = math.prod(layer.shape), neuron_of(layer)
    state_bits = 0 if neuron is None else neuron.membrane_bits * (2 if neuron.synapse is not None else 1)
    weights = layer.weights if isinstance(layer, Conv2d | Linear) else None
    return LayerFigures(
        layer.name,
        kind_of(layer),
        layer.shape,
        macs(layer, network),
        0 if weights is None else math.prod(shape_of(weights)),
        0 if weights is None else weights.bits,
        zero_weights(weights) if weights is not None else None,
        _parameter_bytes(layer, weights),
        packed_bytes(neurons, state_bits),
        activity,
    )


def shape_of(weights: Weights) -> tuple[int, ...]:
    """Of stored or drawn weights."""
    return weights.shape if isinstance(weights, SeededWeights) else weights.values.shape


def zero_weights(weights: Weights) -> int | None:
    """How many are zero; None of drawn ones, which nobody has drawn yet."""
    if isinstance(weights, SeededWeights):
        return None
    return weights.values.size - int(np.count_nonzero(weights.values))


def kind_of(layer: Layer) -> str:
    """What a layer does, in few letters."""
    match layer:
        case Conv2d():
            window = layer.window
            name = "transp." if window.spread != (1, 1) else "conv"
            stride = f" /{_sizes(window.stride)}" if window.stride != (1, 1) else ""
            return f"{name} {_sizes(window.kernel, always=True)}{stride}"
        case Pool():
            return f"{layer.kind} pool {_sizes(layer.window.kernel, always=True)}"
        case Upsample():
            return f"upsample {layer.factor[0]}x{layer.factor[1]}"
        case Readout():
            return f"of {layer.of}"
    return type(layer).__name__.lower()


def _sizes(sizes: tuple[int, int], always: bool = False) -> str:
    """Rows x columns, or one number where both are alike."""
    return str(sizes[0]) if sizes[0] == sizes[1] and not always else f"{sizes[0]}x{sizes[1]}"


def _parameter_bytes(layer: Layer, weights: Weights | None) -> int:
    """Weights at their bits without scales; biases, thresholds and whatever neurons have by channel as stored."""
    stored = 0 if weights is None else packed_bytes(math.prod(shape_of(weights)), weights.bits)
    bias = layer.bias if isinstance(layer, Conv2d | Linear | Add) else None
    return stored + _array_bytes(bias) + _array_bytes(neuron_of(layer))


def _array_bytes(value: object) -> int:
    """Bytes of an array, or of all arrays that a neuron holds."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if is_dataclass(value):
        return sum(_array_bytes(getattr(value, field.name)) for field in fields(value))
    return 0
