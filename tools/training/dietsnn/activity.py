"""What a network did on a set of images: right or wrong and how many spikes, image by image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common.loop import EVALUATION_BATCH, TensorImages
from training.dietsnn.conversion import RealNetwork
from training.dietsnn.model import SpikingNetwork


@dataclass(frozen=True, slots=True)
class Activity:
    """`right` bool [timestep, sample] from summed logits; `spikes` int64 [layer, timestep, sample]; neurons [layer]."""

    right: NDArray[np.bool_]
    spikes: NDArray[np.int64]
    neurons: tuple[int, ...]

    def per_neuron(self) -> list[float]:
        """Spikes per neuron and inference of each layer, all timesteps together."""
        return [float(layer.sum(0).mean() / n) for layer, n in zip(self.spikes, self.neurons, strict=True)]

    def overall(self) -> tuple[float, float]:
        """Spikes per neuron and inference over all layers, and its standard error over images."""
        return mean_and_error(self.spikes.sum((0, 1)) / sum(self.neurons))


def mean_and_error(values: NDArray[np.float64] | NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and its standard error over independent samples (sample standard deviation / sqrt(n))."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


@torch.no_grad()
def spiking_activity(network: SpikingNetwork, images: TensorImages) -> Activity:
    """Run `network` over `images` and count."""
    network.eval()
    counts: list[list[Tensor]] = [[] for _ in network.blocks()]
    sizes = [0] * len(counts)

    def watch(layer: int) -> Callable[[nn.Module, object, Tensor], None]:
        def count(_module: nn.Module, _inputs: object, spikes: Tensor) -> None:
            flat = spikes.flatten(2)
            sizes[layer] = flat.shape[2]
            counts[layer].append(flat.sum(2).round().long().cpu())

        return count

    hooks = [block.register_forward_hook(watch(k)) for k, block in enumerate(network.blocks())]
    try:
        logits = torch.cat([network(pixels) for pixels in images.batches(EVALUATION_BATCH)], 1)
    finally:
        for hook in hooks:
            hook.remove()
    right = logits.cumsum(0).argmax(2) == images.y
    spikes = np.stack([torch.cat(parts, 1).numpy() for parts in counts])
    return Activity(right.cpu().numpy(), spikes, tuple(sizes))


@torch.no_grad()
def active_fractions(network: RealNetwork, images: TensorImages) -> list[float]:
    """Share of each hidden layer's activations that is not zero, over all images."""
    network.eval()
    totals = np.zeros(len(network.layers) - 1)
    for pixels in images.batches(EVALUATION_BATCH):
        totals += [float((x > 0).flatten(1).float().mean(1).sum()) for x in network.activations(pixels)[:-1]]
    return [float(total) / len(images.y) for total in totals]
