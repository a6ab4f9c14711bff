"""The rules that a layer must keep by itself: its shape, its weights, its neurons."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Leak,
    Linear,
    Neuron,
    Pool,
    Readout,
    SeededWeights,
    Shape,
    StoredWeights,
    Upsample,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_FRAMED, MAX_INPUT_BITS, MAX_SIZE, MAX_VALUES, refuse
from hwsim.traces.network.weights import MOST_BITS, weight_range, weight_type


def check_geometry(layer: Layer, inputs: list[Shape]) -> None:
    """Raise TraceError unless a layer's shape and weights follow from the shapes that it reads."""
    if len(layer.shape) != 3 or not all(1 <= size <= MAX_SIZE for size in layer.shape):
        refuse(layer, f"wanted a shape of 3 sizes from 1 to {MAX_SIZE}, found {layer.shape}")
    if math.prod(layer.shape) > MAX_VALUES:
        refuse(layer, f"wanted at most {MAX_VALUES} outputs, found {layer.shape}")
    if isinstance(layer, Input):
        if not 1 + layer.signed <= layer.bits <= MAX_INPUT_BITS:
            kind = "signed input" if layer.signed else "input"
            refuse(layer, f"wanted {1 + layer.signed} to {MAX_INPUT_BITS} {kind} bits, found {layer.bits}")
        return
    if isinstance(layer, Conv2d | Linear):
        _check_weights(layer, inputs[0])
    wanted = _SHAPES[type(layer)](layer, inputs)
    if layer.shape != wanted:
        refuse(layer, f"wanted shape {wanted} from inputs {', '.join(map(str, inputs))}, found {layer.shape}")


def _windowed(layer: Conv2d | Pool, source: Shape, channels: int) -> Shape:
    window = layer.window
    for key in ("kernel", "stride", "dilation", "spread"):
        if not all(1 <= size <= MAX_SIZE for size in getattr(window, key)):
            refuse(layer, f"wanted {key} from 1 to {MAX_SIZE}, found {getattr(window, key)}")
    (rows, columns), padding = window.extent, window.padding
    if not all(0 <= side < size for side, size in zip(padding, (rows, rows, columns, columns), strict=True)):
        refuse(layer, f"wanted padding from 0 to {rows - 1} rows and {columns - 1} columns, found {padding}")
    if math.prod(window.framed_size(*source[:2])) * source[2] > MAX_FRAMED:
        refuse(layer, f"wanted at most {MAX_FRAMED} values with spread and padding, found {source} and {window}")
    return *window.out_size(*source[:2]), channels


def _shape_of_conv(layer: Conv2d, inputs: list[Shape]) -> Shape:
    return _windowed(layer, inputs[0], layer.shape[2])


def _shape_of_pool(layer: Pool, inputs: list[Shape]) -> Shape:
    for key in ("dilation", "spread"):
        if (found := getattr(layer.window, key)) != (1, 1):
            refuse(layer, f"wanted a pool without {key}, found {found}")
    return _windowed(layer, inputs[0], inputs[0][2])


def _shape_of_linear(layer: Linear, inputs: list[Shape]) -> Shape:
    if inputs[0][:2] != (1, 1):
        refuse(layer, f"wanted an input of shape (1, 1, n), found {inputs[0]}; put a Flatten before it")
    return 1, 1, layer.shape[2]


def _shape_of_flatten(_layer: Flatten, inputs: list[Shape]) -> Shape:
    height, width, channels = inputs[0]
    return 1, 1, height * width * channels


def _shape_of_add(layer: Add, inputs: list[Shape]) -> Shape:
    if len(set(inputs)) != 1:
        refuse(layer, f"wanted inputs of one shape, found {', '.join(map(str, inputs))}")
    return inputs[0]


def _shape_of_concat(layer: Concat, inputs: list[Shape]) -> Shape:
    if len({shape[:2] for shape in inputs}) != 1:
        refuse(layer, f"wanted inputs of one height and width, found {', '.join(map(str, inputs))}")
    return (*inputs[0][:2], sum(shape[2] for shape in inputs))


def _shape_of_upsample(layer: Upsample, inputs: list[Shape]) -> Shape:
    if len(layer.factor) != 2 or not all(1 <= factor <= MAX_SIZE for factor in layer.factor):
        refuse(layer, f"wanted a factor of rows and one of columns, each from 1 to {MAX_SIZE}, found {layer.factor}")
    (height, width, channels), (rows, columns) = inputs[0], layer.factor
    return height * rows, width * columns, channels


def _shape_of_readout(layer: Readout, inputs: list[Shape]) -> Shape:
    channels = inputs[0][2]
    if inputs[0][:2] != (1, 1) or layer.votes < 1 or channels % layer.votes:
        refuse(layer, f"wanted votes that divide the channels of an input (1, 1, n), found {layer.votes}, {inputs[0]}")
    return 1, 1, channels // layer.votes


_SHAPES: dict[type[Layer], Callable[..., Shape]] = {
    Conv2d: _shape_of_conv,
    Linear: _shape_of_linear,
    Pool: _shape_of_pool,
    Flatten: _shape_of_flatten,
    Concat: _shape_of_concat,
    Upsample: _shape_of_upsample,
    Add: _shape_of_add,
    Readout: _shape_of_readout,
}


def _check_weights(layer: Conv2d | Linear, source: Shape) -> None:
    kernel, groups = (layer.window.kernel, layer.groups) if isinstance(layer, Conv2d) else ((1, 1), 1)
    channels = layer.shape[2]
    if groups < 1 or source[2] % groups or channels % groups:
        refuse(layer, f"wanted groups that divide {source[2]} and {channels} channels, found {groups}")
    weights = layer.weights
    wanted = (*kernel, source[2] // groups, channels)
    found = weights.shape if isinstance(weights, SeededWeights) else weights.values.shape
    if found != wanted:
        refuse(layer, f"wanted weights of shape {wanted}, found {found}")
    if math.prod(wanted) > MAX_VALUES:
        refuse(layer, f"wanted at most {MAX_VALUES} weights, found {wanted}")
    if not 1 <= weights.bits <= MOST_BITS:
        refuse(layer, f"wanted weights of 1 to {MOST_BITS} bits, found {weights.bits}")
    if isinstance(weights, StoredWeights):
        _check_stored(layer, weights)
    check_bias(layer, layer.bias)


def check_bias(layer: Layer, bias: NDArray[np.int32] | None) -> None:
    """Raise TraceError unless a bias has a number for each channel of a layer."""
    channels = layer.shape[2]
    if bias is not None and (bias.dtype != np.int32 or bias.shape != (channels,)):
        refuse(layer, f"wanted bias int32 ({channels},), found {bias.dtype} {bias.shape}")


def _check_stored(layer: Layer, weights: StoredWeights) -> None:
    if weights.values.dtype != (wanted := np.dtype(weight_type(weights.bits))):
        refuse(layer, f"wanted {wanted} weights for {weights.bits} bits, found {weights.values.dtype}")
    low, high = weight_range(weights.bits)
    if weights.values.min() < low or weights.values.max() > high:
        refuse(
            layer, f"wanted weights from {low} to {high} ({weights.bits} bit{'s' * (weights.bits > 1)}), found others"
        )
    if weights.bits == 1 and not weights.values.all():
        refuse(layer, "wanted weights of -1 and 1 (1 bit), found zeros")
    scale = weights.scale
    if scale.dtype != np.float32 or scale.shape != (layer.shape[2],):
        refuse(layer, f"wanted scale float32 ({layer.shape[2]},), found {scale.dtype} {scale.shape}")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        refuse(layer, "wanted finite positive weight scales, found others")


def check_neuron(layer: Layer) -> None:
    """Raise TraceError unless a layer's neurons, where it has any, have values that their membranes can hold."""
    neuron = neuron_of(layer)
    if neuron is None:
        return
    _check_leak(layer, "leak", neuron.leak, neuron.leak_bits)
    if neuron.synapse is not None:
        _check_leak(layer, "synapse_leak", neuron.synapse.leak, neuron.synapse.leak_bits)
    if not 0 <= neuron.fraction_bits <= 24 or not 2 <= neuron.membrane_bits <= 32:
        found = neuron.fraction_bits, neuron.membrane_bits
        refuse(layer, f"wanted fraction_bits from 0 to 24 and membrane_bits from 2 to 32, found {found}")
    _check_levels(layer, neuron)


def _check_leak(layer: Layer, name: str, value: Leak, bits: int) -> None:
    """A leak must leave no less than nothing, and no more than there was."""
    leak = np.asarray(value)
    if leak.ndim and (leak.dtype != np.int64 or leak.shape != (layer.shape[2],)):
        refuse(layer, f"wanted {name} int64 ({layer.shape[2]},), found {leak.dtype} {leak.shape}")
    if not 0 <= bits <= 16 or leak.min() < 0 or leak.max() > 1 << bits:
        refuse(layer, f"wanted 0 <= {name} <= 2**leak_bits, leak_bits <= 16, found {int(leak.max()), bits}")


def _check_levels(layer: Layer, neuron: Neuron) -> None:
    """Threshold, reset potential and feedback must be values that the membrane can hold."""
    top = (1 << (neuron.membrane_bits - 1)) - 1
    threshold = neuron.v_threshold
    if threshold.dtype != np.int64 or threshold.shape != (layer.shape[2],):
        refuse(layer, f"wanted v_threshold int64 ({layer.shape[2]},), found {threshold.dtype} {threshold.shape}")
    if threshold.min() < 0 or threshold.max() > top:
        refuse(layer, f"wanted v_threshold from 0 to {top} ({neuron.membrane_bits} membrane bits), found others")
    if neuron.signed and threshold.min() < 1:
        refuse(layer, "wanted v_threshold of 1 or more for signed spikes, found 0")
    if neuron.reset not in ("soft", "hard", "none"):
        refuse(layer, f"wanted reset 'soft', 'hard' or 'none', found {neuron.reset!r}")
    if neuron.v_reset and not (neuron.reset == "hard" and -top - 1 <= neuron.v_reset <= top):
        refuse(layer, f"wanted v_reset 0, or with a hard reset {-top - 1} to {top}, found {neuron.v_reset}")
    if neuron.reset_after_sum and not (neuron.reset == "hard" and neuron.delayed_reset):
        refuse(layer, "wanted reset_after_sum only with a hard reset that is delayed, found another")
    back = neuron.feedback
    if back is not None and (back.dtype != np.int64 or back.shape != (layer.shape[2],)):
        refuse(layer, f"wanted feedback int64 ({layer.shape[2]},), found {back.dtype} {back.shape}")
    if back is not None and (back.min() < -top - 1 or back.max() > top):
        refuse(layer, f"wanted feedback from {-top - 1} to {top} ({neuron.membrane_bits} membrane bits), found others")
