"""The ANN that a first-spike network is converted from: convolutions, hidden layers, ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.common.loop import TensorImages

PIXEL_TOP = 255
KERNEL, STRIDE, PADDING = 3, 2, 1
"""Of every convolution: a stride takes the place of pooling, which spike times have no exact form of."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Images of `image` (height, width, channels) through 3x3 convolutions with stride 2, then linear layers."""

    image: tuple[int, int, int]
    convolutions: tuple[int, ...]  # output channels of each
    hidden: tuple[int, ...]  # width of each
    n_classes: int

    def maps(self) -> list[tuple[int, int, int]]:
        """Output shape (height, width, channels) of each convolution."""
        shapes = []
        height, width, _ = self.image
        for channels in self.convolutions:
            height, width = ((n + 2 * PADDING - KERNEL) // STRIDE + 1 for n in (height, width))
            shapes.append((height, width, channels))
        return shapes

    def n_flat(self) -> int:
        """Inputs of the first linear layer."""
        height, width, channels = [self.image, *self.maps()][-1]
        return height * width * channels


class RealNetwork(nn.Module):
    """The layers of a geometry in floating point, with biases and ReLU; the last gives logits."""

    def __init__(self, geometry: Geometry, dropout: float) -> None:
        super().__init__()
        self.geometry, self.dropout = geometry, dropout
        channels = (geometry.image[2], *geometry.convolutions)
        widths = (geometry.n_flat(), *geometry.hidden, geometry.n_classes)
        self.layers = nn.ModuleList(
            [nn.Conv2d(n, m, KERNEL, STRIDE, PADDING) for n, m in pairwise(channels)]
            + [nn.Linear(n, m) for n, m in pairwise(widths)]
        )
        for layer in self.operations():
            assert layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def operations(self) -> list[nn.Conv2d | nn.Linear]:
        """The layers from input to output."""
        return [layer for layer in self.layers if isinstance(layer, nn.Conv2d | nn.Linear)]

    def sums(self, pixels: Tensor) -> list[Tensor]:
        """What every layer gives before its ReLU [sample, ...], of pixels 0..255 [sample, c, h, w]."""
        x = pixels / PIXEL_TOP
        out: list[Tensor] = []
        for layer in self.operations():
            if isinstance(layer, nn.Linear):
                x = x.flatten(1)
                if out:  # pixels are not dropped: most of them are silent as it is
                    x = functional.dropout(x, self.dropout, self.training)
            out.append(layer(x))
            x = functional.relu(out[-1])
        return out

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits [1, sample, class]: one timestep, so that it trains and is judged like the spiking networks."""
        return self.sums(pixels)[-1].unsqueeze(0)

    def project(self) -> None:
        """Nothing to keep in range."""


@torch.no_grad()
def sums_of(network: RealNetwork, images: TensorImages, batch: int) -> list[Tensor]:
    """What every layer gives before its ReLU on all images, one dimension a layer."""
    network.eval()
    parts = [network.sums(pixels) for pixels in images.batches(batch)]
    return [torch.cat([part[k].flatten() for part in parts]) for k in range(len(network.layers))]
