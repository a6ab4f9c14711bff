"""A network of neurons that fire once as the integers of a trace."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hwsim.doors.graph import Shape
from hwsim.doors.torch.first_spike.timed import TimedLayer, TimedNetwork
from hwsim.doors.torch.windows import of_convolution
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Layer, Linear, Network, StoredWeights
from hwsim.traces.ttfs.trace import FirstSpikeNetwork, FirstSpikeNeurons


def network_of(
    trained: TimedNetwork, image: Shape, input_bits: int = 8, names: Sequence[str] | None = None
) -> FirstSpikeNetwork:
    """The integer network on raw inputs of a shape (height, width, channels).

    Unless layers have other names, they are input, conv1 .., flatten, fc1 ..
    """
    layers: list[Layer] = [Input("input", (), image, input_bits)]
    neurons: dict[str, FirstSpikeNeurons] = {}
    shape, flat = image, False
    for layer, name in zip(trained.timed(), names or _numbered(trained), strict=True):
        if isinstance(layer.op, nn.Conv2d):
            layers.append(_convolution(name, layers[-1].name, layer, layer.op, shape))
            shape = layers[-1].shape
        else:
            if not flat:
                layers.append(Flatten("flatten", (layers[-1].name,), (1, 1, math.prod(shape))))
            layers.append(_linear(name, layers[-1], layer, shape, flat))
            flat = True
        neurons[name] = _neurons(layer)
    window = trained.timed()[0].timing.window
    return FirstSpikeNetwork(Network(tuple(layers)), window, "windowed", neurons)


def _numbered(trained: TimedNetwork) -> list[str]:
    kinds = ["conv" if isinstance(layer.op, nn.Conv2d) else "fc" for layer in trained.timed()]
    return [f"{kind}{kinds[: n + 1].count(kind)}" for n, kind in enumerate(kinds)]


def _convolution(name: str, source: str, layer: TimedLayer, op: nn.Conv2d, shape: Shape) -> Conv2d:
    weights = _stored(layer, _integers(layer.integer_weight()).transpose(2, 3, 1, 0))
    window = of_convolution(op)
    height, width = window.out_size(*shape[:2])
    return Conv2d(name, (source,), (height, width, op.out_channels), window, op.groups, weights, _bias(layer), None)


def _linear(name: str, source: Layer, layer: TimedLayer, image: Shape, flat: bool) -> Linear:
    values = _integers(layer.integer_weight())
    if not flat:  # torch flattens (channel, y, x), the trace (y, x, channel)
        height, width, channels = image
        values = values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(values), -1)
    return Linear(name, (source.name,), (1, 1, len(values)), _stored(layer, values.T[None, None]), _bias(layer), None)


def _neurons(layer: TimedLayer) -> FirstSpikeNeurons:
    """The neurons with slopes and potentials just wide enough that no input whatsoever can saturate them."""
    weights, timing = _integers(layer.integer_weight()), layer.timing
    per_neuron = weights.reshape(len(weights), -1)
    bias = _bias(layer).astype(np.int64)
    rising = np.maximum(per_neuron, 0).sum(1) + timing.ramp
    falling = np.minimum(per_neuron, 0).sum(1)
    highest = max(int((bias + timing.window * rising).max()), timing.v_threshold)
    lowest = int((bias + timing.window * falling).min())
    return FirstSpikeNeurons(
        v_threshold=timing.v_threshold,
        ramp=timing.ramp,
        start=timing.start,
        slope_bits=signed_bits(int(falling.min()), int(rising.max())),
        potential_bits=signed_bits(lowest, highest),
    )


def signed_bits(lowest: int, highest: int) -> int:
    """The least bits of two's complement that hold both."""
    return 1 + max((-lowest - 1).bit_length() if lowest < 0 else 0, highest.bit_length())


def logit_scale(trained: TimedNetwork) -> float:
    """The real logit of a weight step times an input arrival of 1 at the output."""
    last = trained.timed()[-1]
    return last.step * last.unit


def _stored(layer: TimedLayer, values: NDArray[np.int64]) -> StoredWeights:
    scale = np.full(values.shape[-1], layer.step, np.float32)
    return StoredWeights(np.ascontiguousarray(values.astype(np.int8)), layer.bits, scale)


def _bias(layer: TimedLayer) -> NDArray[np.int32]:
    return _integers(layer.integer_bias()).astype(np.int32)


def _integers(values: Tensor) -> NDArray[np.int64]:
    with torch.no_grad():
        return np.asarray(values.detach().cpu().double().round().long().numpy(), dtype=np.int64)
