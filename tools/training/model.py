"""A direct-coded convolutional SNN with a trained leak and threshold per layer (DIET-SNN), in floating point."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.neurons import lif

MIN_THRESHOLD = 0.05


@dataclass(frozen=True, slots=True)
class Geometry:
    """What fixes the network: image height, width, channels; convolution channels and hidden neurons; classes; T."""

    image: tuple[int, int, int]
    channels: tuple[int, ...]  # 3x3 convolutions, the first with stride 1 and the others with 2, then one hidden layer
    n_classes: int
    timesteps: int

    def maps(self) -> list[tuple[int, int, int]]:
        """(height, width, channels) of the output of each convolution."""
        height, width, _ = self.image
        shapes = []
        for k, n in enumerate(self.channels[:-1]):
            if k:
                height, width = (height + 1) // 2, (width + 1) // 2
            shapes.append((height, width, n))
        return shapes

    def n_flat(self) -> int:
        """Inputs of the hidden layer."""
        height, width, n = self.maps()[-1]
        return height * width * n


class SpikingBlock(nn.Module):
    """Convolution or linear layer, batch norm with statistics shared over timesteps, then LIF neurons.

    The normalisation is folded into weights and a bias before quantisation (`quantise.fold`).
    """

    def __init__(self, op: nn.Conv2d | nn.Linear, timesteps: int) -> None:
        super().__init__()
        self.op, self.timesteps = op, timesteps
        n = op.weight.shape[0]
        self.norm: nn.BatchNorm1d | nn.BatchNorm2d = (
            nn.BatchNorm2d(n) if isinstance(op, nn.Conv2d) else nn.BatchNorm1d(n)
        )
        self.leak = nn.Parameter(torch.tensor(1.0))
        self.threshold = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [timestep, sample, ...] of inputs [timestep or 1, sample, ...]."""
        current = self.norm(self.op(x.flatten(0, 1)))
        return lif(current.view(*x.shape[:2], *current.shape[1:]), self.leak, self.threshold, self.timesteps)

    @torch.no_grad()
    def project(self) -> None:
        """Back to a leak in [0, 1] and a positive threshold, after each step of the optimiser."""
        self.leak.clamp_(0.0, 1.0)
        self.threshold.clamp_(min=MIN_THRESHOLD)


class SpikingNetwork(nn.Module):
    """Spiking convolutions, a spiking hidden layer, and a linear output without bias, leak or firing."""

    def __init__(self, geometry: Geometry, dropout: float) -> None:
        super().__init__()
        self.geometry, self.dropout = geometry, dropout
        sizes = [geometry.image[2], *geometry.channels[:-1]]
        self.convs = nn.ModuleList(
            SpikingBlock(nn.Conv2d(a, b, 3, stride=2 if k else 1, padding=1, bias=False), geometry.timesteps)
            for k, (a, b) in enumerate(pairwise(sizes))
        )
        hidden = geometry.channels[-1]
        self.hidden = SpikingBlock(nn.Linear(geometry.n_flat(), hidden, bias=False), geometry.timesteps)
        self.output = nn.Linear(hidden, geometry.n_classes, bias=False)

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

    def project(self) -> None:
        """Put every block's leak and threshold back into their ranges."""
        for block in self.blocks():
            block.project()
