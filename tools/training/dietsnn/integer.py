"""A second, independent execution of a sequential integer network, in torch; it exists so that a trace can be checked.

Sums are taken in float32 where they stay below 2**24 and are exact, else in float64; neurons are int64.  It knows
Conv2d, Flatten and Linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.trace import PackedSpikes

BATCH = 125
WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class Execution:
    """Spikes uint8 [sample, timestep, height, width, channel] per layer, logits int64 [sample, timestep, class]."""

    spikes: Mapping[str, NDArray[np.uint8]]
    logits: NDArray[np.int64]


def execute_exactly(network: Network, images: NDArray[np.uint8], timesteps: int, keep_spikes: bool) -> Execution:
    """Run uint8 images [sample, height, width, channel] through `network` by its golden semantics."""
    parts = [_execute(network, torch.from_numpy(x.copy()), timesteps) for x in _chunks(images)]
    kept = [layer.name for layer in network.spiking()] if keep_spikes else []
    return Execution(
        {name: np.concatenate([spikes[name].numpy() for spikes, _ in parts]) for name in kept},
        np.concatenate([logits.numpy() for _, logits in parts]),
    )


def pack(spikes: NDArray[np.uint8]) -> PackedSpikes:
    """Bit-pack spikes [sample, timestep, height, width, channel] along channels into little-endian 64-bit words."""
    n, timesteps, height, width, channels = spikes.shape
    n_words = -(-channels // WORD_BITS)
    padded = np.zeros((n, timesteps, height * width, n_words * WORD_BITS), dtype=np.uint8)
    padded[..., :channels] = spikes.reshape(n, timesteps, height * width, channels)
    words = np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)
    return PackedSpikes(words, (height, width, channels))


def _chunks(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [images[k : k + BATCH] for k in range(0, len(images), BATCH)]


def _execute(network: Network, images: Tensor, timesteps: int) -> tuple[dict[str, Tensor], Tensor]:
    """Layer by layer; an activation is int64 [sample, timestep (1 when constant), height, width, channel]."""
    x = images.to(torch.int64).unsqueeze(1)
    spikes: dict[str, Tensor] = {}
    for layer in network.layers:
        match layer:
            case Input():
                pass
            case Flatten():
                x = x.reshape(*x.shape[:2], 1, 1, -1)
            case Conv2d() | Linear():
                x = _currents(layer, x)
                if layer.neuron is not None:
                    x = _neurons(x, layer.neuron, layer.bias, timesteps)
                    spikes[layer.name] = x.to(torch.uint8)
                elif layer.bias is not None:
                    x = x + torch.from_numpy(layer.bias.astype(np.int64))
            case _:
                raise TypeError(f"{layer.name}: no exact execution of a {type(layer).__name__}")
    return spikes, x.reshape(x.shape[0], x.shape[1], -1)


def _currents(layer: Conv2d | Linear, x: Tensor) -> Tensor:
    assert isinstance(layer.weights, StoredWeights)
    values = layer.weights.values.astype(np.float64)
    largest = np.abs(values).sum((0, 1, 2)).max() * float(x.abs().max())
    exact = torch.float32 if largest < 2**24 else torch.float64
    weight = torch.from_numpy(values).to(exact)
    if isinstance(layer, Linear):
        return (x.to(exact) @ weight[0, 0]).round().to(torch.int64)
    flat = x.flatten(0, 1).permute(0, 3, 1, 2).to(exact)
    window = layer.window
    sums = functional.conv2d(flat, weight.permute(3, 2, 0, 1), None, window.stride, window.before, 1, layer.groups)
    steps = sums.permute(0, 2, 3, 1).round().to(torch.int64)
    return steps.reshape(*x.shape[:2], *steps.shape[1:])


def _neurons(current: Tensor, neuron: Neuron, bias: NDArray[np.int32] | None, timesteps: int) -> Tensor:
    threshold = torch.from_numpy(neuron.v_threshold)
    offset = torch.zeros_like(threshold) if bias is None else torch.from_numpy(bias.astype(np.int64))
    assert isinstance(neuron.leak, int)
    leak = neuron.leak
    half = 1 << (neuron.leak_bits - 1) if neuron.leak_bits else 0
    top = 1 << (neuron.membrane_bits - 1)
    v = torch.zeros_like(current[:, 0])
    steps = []
    for t in range(timesteps):
        step = current[:, min(t, current.shape[1] - 1)]
        v = ((v * leak + half) >> neuron.leak_bits) + (step << neuron.fraction_bits) + offset
        v = v.clamp(-top, top - 1)
        spike = v > threshold
        steps.append(spike)
        after = v - threshold if neuron.reset == "soft" else torch.full_like(v, neuron.v_reset)
        v = torch.where(spike, after, v)
    return torch.stack(steps, 1).to(torch.int64)
