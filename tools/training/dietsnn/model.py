"""A direct-coded convolutional SNN with a trained leak and threshold per layer (DIET-SNN), in floating point."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.common.blocks import SpikingBlock


@dataclass(frozen=True, slots=True)
class Geometry:
    """What fixes the network: image height, width, channels; convolution channels and hidden neurons; classes; T."""

    image: tuple[int, int, int]
    channels: tuple[int, ...]  # 3x3 convolutions, then one hidden layer
    n_classes: int
    timesteps: int
    strides: tuple[int, ...] = ()  # one a convolution; empty: 1, then 2 for each of the others

    def stride(self, k: int) -> int:
        """Stride of convolution `k`, counted from 0."""
        return self.strides[k] if self.strides else 1 + (k > 0)

    def maps(self) -> list[tuple[int, int, int]]:
        """(height, width, channels) of the output of each convolution."""
        height, width, _ = self.image
        shapes = []
        for k, n in enumerate(self.channels[:-1]):
            height, width = -(-height // self.stride(k)), -(-width // self.stride(k))
            shapes.append((height, width, n))
        return shapes

    def n_flat(self) -> int:
        """Inputs of the hidden layer."""
        height, width, n = self.maps()[-1]
        return height * width * n


def operations(geometry: Geometry) -> list[nn.Conv2d | nn.Linear]:
    """New layers without bias, from input to output: convolutions, hidden layer, output."""
    sizes, hidden = [geometry.image[2], *geometry.channels[:-1]], geometry.channels[-1]
    return [
        *(
            nn.Conv2d(a, b, 3, stride=geometry.stride(k), padding=1, bias=False)
            for k, (a, b) in enumerate(pairwise(sizes))
        ),
        nn.Linear(geometry.n_flat(), hidden, bias=False),
        nn.Linear(hidden, geometry.n_classes, bias=False),
    ]


class SpikingNetwork(nn.Module):
    """Spiking convolutions, a spiking hidden layer, and a linear output without bias, leak or firing."""

    def __init__(self, geometry: Geometry, dropout: float, normalised: bool = True) -> None:
        super().__init__()
        self.geometry, self.dropout = geometry, dropout
        *convolutions, hidden, output = operations(geometry)
        self.convs = nn.ModuleList(SpikingBlock(op, geometry.timesteps, normalised) for op in convolutions)
        self.hidden = SpikingBlock(hidden, geometry.timesteps, normalised)
        self.output = output

    def blocks(self) -> list[SpikingBlock]:
        """The spiking layers from input to output."""
        return [block for block in self.modules() if isinstance(block, SpikingBlock)]

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of each timestep, not accumulated: [timestep, sample, class] of pixels 0..255 [sample, c, h, w]."""
        x = (pixels / 255).unsqueeze(0)
        for block in self.convs:
            x = block(x)
        x = x.flatten(2)
        if self.training and self.dropout:
            # one mask for all timesteps: a neuron that is dropped is gone for the whole inference (DIET-SNN)
            x = x * functional.dropout(torch.ones_like(x[0]), self.dropout)
        logits: Tensor = self.output(self.hidden(x))
        return logits

    def without_spikes(self, plain: bool) -> None:
        """Let every block give rates of its neurons at constant currents instead of spikes, or spikes again."""
        for block in self.blocks():
            block.plain = plain

    def project(self) -> None:
        """Put every block's leak and threshold back into their ranges."""
        for block in self.blocks():
            block.project()
