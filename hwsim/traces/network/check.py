"""The rules that a network must keep to be executed exactly in integers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError, guess
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Leak,
    Linear,
    Network,
    Neuron,
    Pool,
    ReadOf,
    Readout,
    SeededWeights,
    Shape,
    StoredWeights,
    Upsample,
    is_delayed,
    neuron_of,
)
from hwsim.traces.network.weights import MOST_BITS, weight_range, weight_type, weight_values

MAX_INT = 2**31 - 1
"""Activations, currents and membranes fit in 32 bits, so no sum of the golden semantics leaves 64."""
MAX_INPUT_BITS = 16
MAX_SIZE = 2**20
MAX_VALUES = 2**28
"""Outputs, and weights, of one layer."""
MAX_FRAMED = 2**30
"""Values under the windows of a layer, with padding and what a map is spread by."""
MAX_LAYERS = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_name(name: str) -> None:
    """Raise TraceError unless `name` may name a layer or a set of logits."""
    if not _NAME.fullmatch(name):
        raise TraceError(
            f"name {name[:80]!r}: wanted 1 to 64 letters, digits, '_', '-' or '.', the first a letter or digit"
        )


def check_network(network: Network) -> None:
    """Raise TraceError, naming the layer and the rule, unless `network` can be executed exactly.

    Checked: names, edges to earlier layers, an Input first, logits last, no layer unread; shapes that follow from the
    geometry; what reads activations reads activations; ranges of weights, thresholds and membranes; and that no
    activation and no current can leave 32 bits in the worst case.
    """
    check_order(network)
    _check_ends(network)
    bounds: dict[str, int] = {}
    for layer in network:
        _check_reads(layer, network)
        check_geometry(layer, [network[name].shape for name in layer.inputs])
        _check_neuron(layer)
        if isinstance(layer, Readout):
            _check_readout(layer, network)
        reads = [1] if is_delayed(layer) else [bounds[name] for name in layer.inputs]
        bounds[layer.name] = _worst_case(layer, network, reads)


def check_order(network: Network) -> None:
    """Raise TraceError unless names are used once, the Input is first and all layers read earlier ones, or late."""
    layers = network.layers
    if not 2 <= len(layers) <= MAX_LAYERS:
        raise TraceError(f"network: wanted 2 to {MAX_LAYERS} layers, found {len(layers)}")
    seen: dict[str, Layer] = {}
    for index, layer in enumerate(layers):
        check_name(layer.name)
        if layer.name in seen:
            _fail(layer, "wanted a name used once, found it twice")
        if isinstance(layer, Input) != (index == 0):
            _fail(layer, "wanted the Input as the first layer and nowhere else")
        if is_delayed(layer):
            _check_delayed(layer, {each.name: each for each in layers})
        else:
            check_edges(layer, seen)
        seen[layer.name] = layer


def _check_delayed(layer: Layer, layers: Mapping[str, Layer]) -> None:
    """One that reads the timestep before must read neurons: nothing else is kept so long."""
    check_edges(layer, layers, "layers")
    if neuron_of(layers[layer.inputs[0]]) is None:
        _fail(layer, f"wanted neurons to read one timestep later, found '{layer.inputs[0]}', which has none")


def check_edges(layer: Layer, seen: Mapping[str, object], among: str = "earlier layers") -> None:
    """Raise TraceError unless `layer` reads the right number of layers, all of them in `seen`."""
    for name in layer.inputs:
        if name not in seen:
            _fail(layer, f"wanted inputs among the {among}, found {name[:80]!r}{guess(name, seen)}")
    if isinstance(layer, Add):
        if not len(layer.inputs) == len(layer.gains) >= 1:
            _fail(layer, f"wanted inputs and a gain for each, found {len(layer.inputs)}, {len(layer.gains)}")
    elif isinstance(layer, Concat):
        if len(layer.inputs) < 2:
            _fail(layer, f"wanted 2 or more inputs, found {len(layer.inputs)}")
    elif len(layer.inputs) != (wanted := int(not isinstance(layer, Input))):
        _fail(layer, f"wanted {wanted} input, found {len(layer.inputs)}")


def _fail(layer: Layer, message: str) -> NoReturn:
    raise TraceError(f"layer '{layer.name}': {message}")


def _check_ends(network: Network) -> None:
    *inner, last = network.layers
    for layer in inner:
        if not network.consumers[layer.name]:
            _fail(layer, "wanted a layer that reads it, found none")
    if not network.gives_currents(last.name):
        _fail(last, "wanted integer logits from the last layer (no neuron, or a readout), found activations")
    if last.shape[:2] != (1, 1):
        _fail(last, f"wanted logits of shape (1, 1, classes), found {last.shape}")
    if not network.spiking():
        raise TraceError("network: wanted a layer with neurons, found none")


def _check_reads(layer: Layer, network: Network) -> None:
    currents = [name for name in layer.inputs if network.gives_currents(name)]
    if currents and not isinstance(layer, Add | Pool):
        _fail(layer, f"wanted activations, found the currents of '{currents[0]}'")
    if isinstance(layer, Add):
        if len(layer.inputs) == 1 and (layer.neuron is None or not currents):
            _fail(layer, "wanted 2 or more inputs, or one of currents to neurons, found 1")
        lowest = -MAX_SIZE if network.gives_currents(layer.name) or layer.neuron else 1
        if not all(lowest <= gain <= MAX_SIZE and gain for gain in layer.gains):
            _fail(layer, f"wanted gains from {lowest} to {MAX_SIZE}, not 0, found {layer.gains}")
        if layer.bias is not None and layer.neuron is None:
            _fail(layer, "wanted a neuron beside the bias of a sum, found none")
        _check_bias(layer, layer.bias)


def _check_readout(layer: Readout, network: Network) -> None:
    if layer is not network.output:
        _fail(layer, "wanted a readout as the last layer, found one before it")
    if layer.of not in (known := get_args(ReadOf)):
        _fail(layer, f"wanted a readout of {', '.join(known)}, found {layer.of!r}")
    neuron = neuron_of(network[layer.inputs[0]])
    if layer.of_membrane and (neuron is None or layer.votes != 1 or neuron.membrane_bits > 31):
        _fail(layer, "wanted neurons of at most 31 membrane bits and 1 vote for a readout of membranes, found others")


def check_geometry(layer: Layer, inputs: list[Shape]) -> None:
    """Raise TraceError unless a layer's shape and weights follow from the shapes that it reads."""
    if len(layer.shape) != 3 or not all(1 <= size <= MAX_SIZE for size in layer.shape):
        _fail(layer, f"wanted a shape of 3 sizes from 1 to {MAX_SIZE}, found {layer.shape}")
    if math.prod(layer.shape) > MAX_VALUES:
        _fail(layer, f"wanted at most {MAX_VALUES} outputs, found {layer.shape}")
    if isinstance(layer, Input):
        if not 1 + layer.signed <= layer.bits <= MAX_INPUT_BITS:
            kind = "signed input" if layer.signed else "input"
            _fail(layer, f"wanted {1 + layer.signed} to {MAX_INPUT_BITS} {kind} bits, found {layer.bits}")
        return
    if isinstance(layer, Conv2d | Linear):
        _check_weights(layer, inputs[0])
    wanted = _SHAPES[type(layer)](layer, inputs)
    if layer.shape != wanted:
        _fail(layer, f"wanted shape {wanted} from inputs {', '.join(map(str, inputs))}, found {layer.shape}")


def _windowed(layer: Conv2d | Pool, source: Shape, channels: int) -> Shape:
    window = layer.window
    for key in ("kernel", "stride", "dilation", "spread"):
        if not all(1 <= size <= MAX_SIZE for size in getattr(window, key)):
            _fail(layer, f"wanted {key} from 1 to {MAX_SIZE}, found {getattr(window, key)}")
    (rows, columns), padding = window.extent, window.padding
    if not all(0 <= side < size for side, size in zip(padding, (rows, rows, columns, columns), strict=True)):
        _fail(layer, f"wanted padding from 0 to {rows - 1} rows and {columns - 1} columns, found {padding}")
    if math.prod(window.framed_size(*source[:2])) * source[2] > MAX_FRAMED:
        _fail(layer, f"wanted at most {MAX_FRAMED} values with spread and padding, found {source} and {window}")
    return *window.out_size(*source[:2]), channels


def _shape_of_conv(layer: Conv2d, inputs: list[Shape]) -> Shape:
    return _windowed(layer, inputs[0], layer.shape[2])


def _shape_of_pool(layer: Pool, inputs: list[Shape]) -> Shape:
    for key in ("dilation", "spread"):
        if (found := getattr(layer.window, key)) != (1, 1):
            _fail(layer, f"wanted a pool without {key}, found {found}")
    return _windowed(layer, inputs[0], inputs[0][2])


def _shape_of_linear(layer: Linear, inputs: list[Shape]) -> Shape:
    if inputs[0][:2] != (1, 1):
        _fail(layer, f"wanted an input of shape (1, 1, n), found {inputs[0]}; put a Flatten before it")
    return 1, 1, layer.shape[2]


def _shape_of_flatten(_layer: Flatten, inputs: list[Shape]) -> Shape:
    height, width, channels = inputs[0]
    return 1, 1, height * width * channels


def _shape_of_add(layer: Add, inputs: list[Shape]) -> Shape:
    if len(set(inputs)) != 1:
        _fail(layer, f"wanted inputs of one shape, found {', '.join(map(str, inputs))}")
    return inputs[0]


def _shape_of_concat(layer: Concat, inputs: list[Shape]) -> Shape:
    if len({shape[:2] for shape in inputs}) != 1:
        _fail(layer, f"wanted inputs of one height and width, found {', '.join(map(str, inputs))}")
    return (*inputs[0][:2], sum(shape[2] for shape in inputs))


def _shape_of_upsample(layer: Upsample, inputs: list[Shape]) -> Shape:
    if len(layer.factor) != 2 or not all(1 <= factor <= MAX_SIZE for factor in layer.factor):
        _fail(layer, f"wanted a factor of rows and one of columns, each from 1 to {MAX_SIZE}, found {layer.factor}")
    (height, width, channels), (rows, columns) = inputs[0], layer.factor
    return height * rows, width * columns, channels


def _shape_of_readout(layer: Readout, inputs: list[Shape]) -> Shape:
    channels = inputs[0][2]
    if inputs[0][:2] != (1, 1) or layer.votes < 1 or channels % layer.votes:
        _fail(layer, f"wanted votes that divide the channels of an input (1, 1, n), found {layer.votes}, {inputs[0]}")
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
        _fail(layer, f"wanted groups that divide {source[2]} and {channels} channels, found {groups}")
    weights = layer.weights
    wanted = (*kernel, source[2] // groups, channels)
    found = weights.shape if isinstance(weights, SeededWeights) else weights.values.shape
    if found != wanted:
        _fail(layer, f"wanted weights of shape {wanted}, found {found}")
    if math.prod(wanted) > MAX_VALUES:
        _fail(layer, f"wanted at most {MAX_VALUES} weights, found {wanted}")
    if not 1 <= weights.bits <= MOST_BITS:
        _fail(layer, f"wanted weights of 1 to {MOST_BITS} bits, found {weights.bits}")
    if isinstance(weights, StoredWeights):
        _check_stored(layer, weights)
    _check_bias(layer, layer.bias)


def _check_bias(layer: Layer, bias: NDArray[np.int32] | None) -> None:
    channels = layer.shape[2]
    if bias is not None and (bias.dtype != np.int32 or bias.shape != (channels,)):
        _fail(layer, f"wanted bias int32 ({channels},), found {bias.dtype} {bias.shape}")


def _check_stored(layer: Layer, weights: StoredWeights) -> None:
    if weights.values.dtype != (wanted := np.dtype(weight_type(weights.bits))):
        _fail(layer, f"wanted {wanted} weights for {weights.bits} bits, found {weights.values.dtype}")
    low, high = weight_range(weights.bits)
    if weights.values.min() < low or weights.values.max() > high:
        _fail(
            layer, f"wanted weights from {low} to {high} ({weights.bits} bit{'s' * (weights.bits > 1)}), found others"
        )
    if weights.bits == 1 and not weights.values.all():
        _fail(layer, "wanted weights of -1 and 1 (1 bit), found zeros")
    scale = weights.scale
    if scale.dtype != np.float32 or scale.shape != (layer.shape[2],):
        _fail(layer, f"wanted scale float32 ({layer.shape[2]},), found {scale.dtype} {scale.shape}")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        _fail(layer, "wanted finite positive weight scales, found others")


def _check_neuron(layer: Layer) -> None:
    neuron = neuron_of(layer)
    if neuron is None:
        return
    _check_leak(layer, "leak", neuron.leak, neuron.leak_bits)
    if neuron.synapse is not None:
        _check_leak(layer, "synapse_leak", neuron.synapse.leak, neuron.synapse.leak_bits)
    if not 0 <= neuron.fraction_bits <= 24 or not 2 <= neuron.membrane_bits <= 32:
        found = neuron.fraction_bits, neuron.membrane_bits
        _fail(layer, f"wanted fraction_bits from 0 to 24 and membrane_bits from 2 to 32, found {found}")
    _check_levels(layer, neuron)


def _check_leak(layer: Layer, name: str, value: Leak, bits: int) -> None:
    """A leak must leave no less than nothing, and no more than there was."""
    leak = np.asarray(value)
    if leak.ndim and (leak.dtype != np.int64 or leak.shape != (layer.shape[2],)):
        _fail(layer, f"wanted {name} int64 ({layer.shape[2]},), found {leak.dtype} {leak.shape}")
    if not 0 <= bits <= 16 or leak.min() < 0 or leak.max() > 1 << bits:
        _fail(layer, f"wanted 0 <= {name} <= 2**leak_bits, leak_bits <= 16, found {int(leak.max()), bits}")


def _check_levels(layer: Layer, neuron: Neuron) -> None:
    """Threshold, reset potential and feedback must be values that the membrane can hold."""
    top = (1 << (neuron.membrane_bits - 1)) - 1
    threshold = neuron.v_threshold
    if threshold.dtype != np.int64 or threshold.shape != (layer.shape[2],):
        _fail(layer, f"wanted v_threshold int64 ({layer.shape[2]},), found {threshold.dtype} {threshold.shape}")
    if threshold.min() < 0 or threshold.max() > top:
        _fail(layer, f"wanted v_threshold from 0 to {top} ({neuron.membrane_bits} membrane bits), found others")
    if neuron.signed and threshold.min() < 1:
        _fail(layer, "wanted v_threshold of 1 or more for signed spikes, found 0")
    if neuron.reset not in ("soft", "hard", "none"):
        _fail(layer, f"wanted reset 'soft', 'hard' or 'none', found {neuron.reset!r}")
    if neuron.v_reset and not (neuron.reset == "hard" and -top - 1 <= neuron.v_reset <= top):
        _fail(layer, f"wanted v_reset 0, or with a hard reset {-top - 1} to {top}, found {neuron.v_reset}")
    if neuron.reset_after_sum and not (neuron.reset == "hard" and neuron.delayed_reset):
        _fail(layer, "wanted reset_after_sum only with a hard reset that is delayed, found another")
    back = neuron.feedback
    if back is not None and (back.dtype != np.int64 or back.shape != (layer.shape[2],)):
        _fail(layer, f"wanted feedback int64 ({layer.shape[2]},), found {back.dtype} {back.shape}")
    if back is not None and (back.min() < -top - 1 or back.max() > top):
        _fail(layer, f"wanted feedback from {-top - 1} to {top} ({neuron.membrane_bits} membrane bits), found others")


def _worst_case(layer: Layer, network: Network, inputs: list[int]) -> int:
    """The largest magnitude that the layer passes on, after checking that its own sum fits in 32 bits."""
    if isinstance(layer, Conv2d | Linear):
        total = inputs[0] * _largest_gain(layer)
        if layer.bias is not None and layer.neuron is None:
            total += int(np.abs(layer.bias.astype(np.int64)).max())
    elif isinstance(layer, Add):
        total = sum(abs(gain) * bound for gain, bound in zip(layer.gains, inputs, strict=True))
    elif isinstance(layer, Readout):
        total = layer.votes * inputs[0] if layer.of == "spikes" else MAX_INT
    elif isinstance(layer, Pool) and network.gives_currents(layer.name):
        total = inputs[0] * (layer.window.taps if layer.kind == "avg" else 1)
    else:
        total = max(map(abs, network.values(layer.name)))
    if total > MAX_INT:
        _fail(layer, f"wanted sums within 32 bits, found {total} in the worst case")
    return total if neuron_of(layer) is None else 1


def _largest_gain(layer: Conv2d | Linear) -> int:
    """The largest sum of weight magnitudes over the output channels; seeded weights are taken at their largest."""
    if isinstance(layer.weights, SeededWeights):
        return math.prod(layer.weights.shape[:3]) * weight_range(layer.weights.bits)[1]
    return int(np.abs(weight_values(layer.weights).astype(np.int64)).sum(axis=(0, 1, 2)).max())
