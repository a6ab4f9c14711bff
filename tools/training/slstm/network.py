"""The network that is trained: a spiking LSTM on pixels, as the tools' loops give them, with noise on them."""

from __future__ import annotations

import torch
from torch import Tensor

from hwsim.doors.torch.lstm.network import Shape, SpikingLSTM

INPUT_STEPS_PER_ONE = 32
"""Integers of the raw input for one standard deviation: a power of two, so that it is a shift of the weights."""


class GatedNetwork(SpikingLSTM):
    """The LSTM on raw integers [sample, 1, element, feature], in standard deviations and in training with noise."""

    def __init__(self, shape: Shape, spiking: tuple[str, ...], timesteps: int, dropout: float, noise: float) -> None:
        super().__init__(shape, spiking, timesteps, dropout)
        self.noise = noise

    def forward(self, x: Tensor) -> Tensor:
        """Share of each timestep in the logits [timestep, sample, class]: their sum is what is decided on."""
        return self.logits(self.scaled(x))

    def scaled(self, pixels: Tensor) -> Tensor:
        """Sequences in standard deviations [sample, element, feature], in training with noise."""
        x = pixels[:, 0] / INPUT_STEPS_PER_ONE
        return x + self.noise * torch.randn_like(x) if self.training and self.noise else x
