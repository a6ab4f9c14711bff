"""From an ordinary LSTM on pixels to a spiking one that trains on."""

from __future__ import annotations

import torch

from hwsim.doors.torch.lstm.conversion import Fit, fit_neurons
from training.common.loop import TensorImages
from training.slstm.network import GatedNetwork


@torch.no_grad()
def converted(
    ordinary: GatedNetwork, spiking: tuple[str, ...], timesteps: int, samples: TensorImages
) -> tuple[GatedNetwork, dict[str, Fit]]:
    """A network with the weights of `ordinary` in which the gates in `spiking` are IF neurons fitted on `samples`."""
    network = GatedNetwork(ordinary.shape, spiking, timesteps, ordinary.dropout, ordinary.noise)
    ordinary.eval()
    pixels = next(samples.batches(len(samples.y)))
    return network, fit_neurons(network, ordinary, ordinary.scaled(pixels))
