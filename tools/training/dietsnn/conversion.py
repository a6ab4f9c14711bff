"""The ANN that DIET-SNN starts from, and its conversion to spiking neurons by percentiles.

Steps as arXiv 2008.03658 and its public code take them: an ANN without bias and batch norm, its weights kept, and for
each layer in turn a threshold from a high percentile of what reaches its membranes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.doors.torch.ranks import nearest_rank
from training.common.blocks import MIN_THRESHOLD
from training.dietsnn.model import Geometry, SpikingNetwork, operations

BALANCING_STEPS = 20
"""Timesteps over which the input of a layer is watched (our choice; the public code takes 1,000)."""


class RealNetwork(nn.Module):
    """The layers of a `SpikingNetwork` with ReLU for neurons: no bias, no normalisation."""

    def __init__(self, geometry: Geometry, dropout: float) -> None:
        super().__init__()
        self.geometry, self.dropout = geometry, dropout
        self.layers = nn.ModuleList(operations(geometry))
        for weight in self.weights():
            # without batch norm nothing else keeps the activations at one size from layer to layer
            nn.init.kaiming_normal_(weight, nonlinearity="relu")

    def weights(self) -> list[Tensor]:
        """The weights of each layer from input to output."""
        return [layer.weight for layer in self.layers if isinstance(layer, nn.Conv2d | nn.Linear)]

    def activations(self, pixels: Tensor) -> list[Tensor]:
        """After each ReLU [sample, ...], then the logits [sample, class], of pixels 0..255 [sample, c, h, w]."""
        x, out = pixels / 255, []
        for k, layer in enumerate(self.layers):
            if isinstance(layer, nn.Linear):
                x = x.flatten(1)
            if k == len(self.layers) - 2:
                x = functional.dropout(x, self.dropout, self.training)
            x = layer(x)
            if k < len(self.layers) - 1:
                x = functional.relu(x)
            out.append(x)
        return out

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits [1, sample, class]: a network of one timestep, so that it trains and is judged like the others."""
        return self.activations(pixels)[-1].unsqueeze(0)

    def project(self) -> None:
        """Nothing to keep in range."""


@torch.no_grad()
def converted(real: RealNetwork, timesteps: int, thresholds: Sequence[float]) -> SpikingNetwork:
    """IF neurons (leak 1) with these thresholds, one a layer, on the weights of `real`."""
    network = SpikingNetwork(replace(real.geometry, timesteps=timesteps), real.dropout, normalised=False)
    blocks = network.blocks()
    for op, weight in zip([*(block.op for block in blocks), network.output], real.weights(), strict=True):
        op.weight.copy_(weight)
    for block, threshold in zip(blocks, thresholds, strict=True):
        block.threshold.fill_(threshold)
    # channels last: currents lie in memory as neurons read them; 10 timesteps train 1.5 times faster on a CPU
    network.to(real.weights()[0].device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


@torch.no_grad()
def percentile_thresholds(real: RealNetwork, pixels: Tensor, percentile: float) -> list[float]:
    """For each spiking layer that percentile of its currents over neurons and samples, the largest over timesteps.

    Layer by layer, each on the spikes of those before it with their thresholds already set, as the public code does.
    """
    network = converted(real, BALANCING_STEPS, [1.0] * (len(real.layers) - 1)).eval()
    x = (pixels / 255).unsqueeze(0)
    for block in network.blocks():
        if isinstance(block.op, nn.Linear):
            x = x.flatten(2)
        highest = max(nearest_rank(step, percentile) for step in block.currents(x))
        block.threshold.fill_(max(highest, MIN_THRESHOLD))
        x = block(x)
    return [block.threshold.item() for block in network.blocks()]
