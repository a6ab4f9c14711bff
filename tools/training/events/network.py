"""A small convolutional SNN over timesteps of events, trained in floating point, as a float graph for hwsim."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from hwsim.doors.graph import Flattened, Graph, Neurons, Source, Weighted
from hwsim.traces.network.window import Window
from training.common.blocks import SpikingBlock, fold

POLARITIES = 2


@dataclass(frozen=True, slots=True)
class Geometry:
    """What fixes the network: height and width of the sensor, 3x3 convolutions of stride 2, classes, T."""

    size: tuple[int, int]
    channels: tuple[int, ...]
    n_classes: int
    timesteps: int

    def maps(self) -> list[tuple[int, int, int]]:
        """(height, width, channels) of the output of each convolution."""
        height, width = self.size
        shapes = []
        for n in self.channels:
            height, width = (height + 1) // 2, (width + 1) // 2
            shapes.append((height, width, n))
        return shapes

    def n_flat(self) -> int:
        """Inputs of the output layer."""
        height, width, n = self.maps()[-1]
        return height * width * n


class EventNetwork(nn.Module):
    """Spiking convolutions, then a linear layer whose outputs are summed over timesteps; it does not fire."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry
        sizes = pairwise((POLARITIES, *geometry.channels))
        convolutions = [nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False) for a, b in sizes]
        self.convs = nn.ModuleList(SpikingBlock(op, geometry.timesteps) for op in convolutions)
        self.output = nn.Linear(geometry.n_flat(), geometry.n_classes, bias=False)

    def blocks(self) -> list[SpikingBlock]:
        """The spiking layers from input to output."""
        return [block for block in self.modules() if isinstance(block, SpikingBlock)]

    def forward(self, spikes: Tensor) -> Tensor:
        """Logits [timestep, sample, class], not accumulated, of spikes [sample, timestep x polarity, height, width]."""
        steps = spikes.reshape(len(spikes), self.geometry.timesteps, POLARITIES, *self.geometry.size)
        x = steps.transpose(0, 1)
        for block in self.convs:
            x = block(x)
        logits: Tensor = self.output(x.flatten(2))
        return logits

    def project(self) -> None:
        """Put every block's leak and threshold back into their ranges."""
        for block in self.blocks():
            block.project()


def graph_of(network: EventNetwork) -> Graph:
    """The trained network with its batch norm folded into weights, in hwsim's order of axes."""
    geometry = network.geometry
    nodes: list[Source | Weighted | Neurons | Flattened] = [
        Source("input", (), (*geometry.size, POLARITIES), 1.0, 1, True)
    ]
    for k, (block, shape) in enumerate(zip(network.blocks(), geometry.maps(), strict=True), 1):
        weight, bias = (
            None if each is None else each.detach().double().numpy() for each in fold(block.op.weight, block.norm)
        )
        assert weight is not None
        name = f"conv{k}"
        window = Window.square(3, 2, 1)
        nodes.append(Weighted(name, (nodes[-1].name,), shape, weight.transpose(2, 3, 1, 0), bias, window))
        leak, threshold = (np.full(1, each.item()) for each in (block.leak, block.threshold))
        nodes.append(Neurons(f"{name}.neurons", (name,), shape, leak, threshold))
    height, width, channels = geometry.maps()[-1]
    nodes.append(Flattened("flatten", (nodes[-1].name,), (1, 1, geometry.n_flat())))
    rows = network.output.weight.detach().double().numpy().reshape(-1, channels, height, width)
    weight = rows.transpose(2, 3, 1, 0).reshape(1, 1, geometry.n_flat(), -1)  # torch flattens (channel, y, x)
    nodes.append(Weighted("fc", ("flatten",), (1, 1, geometry.n_classes), weight, None, linear=True))
    return Graph(tuple(nodes))
