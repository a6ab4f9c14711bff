"""An integer network that can be trained on, from the trace that one was written to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hwsim.errors import UsageError
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import read_trace
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Neuron, StoredWeights
from training.dietsnn.model import Geometry, SpikingNetwork
from training.dietsnn.quantise import Precision, QuantBlock, QuantNetwork

LOWEST_THRESHOLD = 0.5
"""Of a neuron whose integer threshold is 0 or less, before rounding: it becomes 1."""


def read_start(path: Path) -> Trace:
    """The trace at `path`; raises UsageError unless it holds a network such as this tool writes."""
    trace = read_trace(path)
    if not isinstance(trace, Trace):
        raise UsageError(f"--start {path}: wanted a direct-coded trace of tools/train_dietsnn.py")
    kinds = [type(layer) for layer in trace.network]
    n = kinds.count(Conv2d)
    if not n or kinds != [Input, *[Conv2d] * n, Flatten, Linear, Linear]:
        shown = " ".join(kind.__name__ for kind in kinds)
        raise UsageError(f"--start {path}: wanted Input, convolutions, Flatten, Linear, Linear, found {shown}")
    return trace


def geometry_of_trace(trace: Trace) -> Geometry:
    """The geometry of the network of a trace that `read_start` gave."""
    weighted = trace.network.weighted()
    strides = tuple(layer.window.stride[0] for layer in weighted if isinstance(layer, Conv2d))
    channels = tuple(layer.shape[2] for layer in weighted[:-1])
    height, width, depth = trace.network.input.shape
    return Geometry((height, width, depth), channels, weighted[-1].shape[2], trace.timesteps, strides)


@torch.no_grad()
def network_of_trace(trace: Trace) -> QuantNetwork:
    """The network of a trace that `read_start` gave, with the same integers."""
    geometry = geometry_of_trace(trace)
    *weighted, output = trace.network.weighted()
    neurons = [layer.neuron for layer in weighted if layer.neuron is not None]
    precision = Precision(
        weighted[0].weights.bits,
        max(neuron.leak_bits for neuron in neurons),
        max(neuron.membrane_bits for neuron in neurons),
        max(neuron.fraction_bits for neuron in neurons),
    )
    normalised = any(layer.bias is not None for layer in weighted)
    found = QuantNetwork(SpikingNetwork(geometry, 0.0, normalised), precision)
    for block, layer, neuron in zip(found.spiking(), weighted, neurons, strict=True):
        _fill(block, layer, neuron, (geometry.maps()[-1] if layer is weighted[-1] else None))
    weights = _stored(output)
    found.output_weight.copy_(torch.from_numpy(weights.values[0, 0].T.astype(np.float32)))
    found.log_step.copy_(torch.tensor(float(weights.scale[0])).log())
    return found


def _fill(block: QuantBlock, layer: Conv2d | Linear, neuron: Neuron, flattened: tuple[int, int, int] | None) -> None:
    weights = _stored(layer)
    values = torch.from_numpy(weights.values.astype(np.float32))
    if flattened is not None:  # torch flattens (channel, y, x), the trace (y, x, channel)
        values = values.reshape(*flattened, -1).permute(3, 2, 0, 1).flatten(1)
    else:
        values = values.permute(3, 2, 0, 1)
    fraction = 2.0**neuron.fraction_bits
    threshold = torch.from_numpy(np.array(neuron.v_threshold, np.float32)).expand(layer.shape[2]) / fraction
    block.weight.copy_(values)
    block.log_threshold.copy_(threshold.clamp(min=LOWEST_THRESHOLD / fraction).log())
    if layer.bias is not None and block.bias_ratio is not None:
        block.bias_ratio.copy_(torch.from_numpy(layer.bias.astype(np.float32)) / fraction / threshold)
    block.leak.fill_(float(np.asarray(neuron.leak)))
    block.fraction_bits = neuron.fraction_bits
    real: Tensor = torch.from_numpy(weights.scale.copy()) * threshold
    block.real_threshold.copy_(real.mean())


def _stored(layer: Conv2d | Linear) -> StoredWeights:
    assert isinstance(layer.weights, StoredWeights)
    return layer.weights
