"""From an ordinary LSTM to one with IF neurons: thresholds and bias shifts of least error; it trains nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.common.loop import TensorImages
from training.slstm.network import GATE_ORDER, SIGNED, GatedNetwork
from training.slstm.neurons import fire

THRESHOLDS = tuple(0.3 + 0.05 * k for k in range(17))
SHIFTS = tuple(0.05 * k for k in range(-2, 15))
VALUES = 20000  # pre-activations that a search looks at


@dataclass(frozen=True, slots=True)
class Fit:
    """How IF neurons stand in for a clipped line: what is added to their current at every timestep, and their limit."""

    threshold: float
    shift: float
    error: float  # mean squared, of spikes per timestep


def fitted(values: Tensor, signed: bool, timesteps: int) -> Fit:
    """The threshold and the shift with which spikes per timestep are nearest to clip(values), in the mean square.

    Without a sign the threshold is 1, that of the line's upper end, and a shift of 1 / (2 T) turns rounding down into
    rounding to the nearest; which shift is best follows from where the values lie.  With a sign the shift is 0 by
    symmetry, and the threshold is what can move.
    """
    target, best = values.clamp(-1.0 if signed else 0.0, 1.0), Fit(1.0, 0.0, float("inf"))
    one = torch.ones(1)
    for threshold in THRESHOLDS if signed else (1.0,):
        for shift in (0.0,) if signed else SHIFTS:
            current = (values + shift).view(1, -1, 1).expand(timesteps, -1, -1).contiguous()
            spikes = fire(current, one, threshold * one, float(signed) * one).mean(0).flatten()
            error = float((spikes - target).square().mean())
            if error < best.error:
                best = Fit(threshold, shift, error)
    return best


@torch.no_grad()
def converted(
    ordinary: GatedNetwork, spiking: tuple[str, ...], timesteps: int, samples: TensorImages
) -> tuple[GatedNetwork, dict[str, Fit]]:
    """A network with the weights of `ordinary` in which the gates in `spiking` are IF neurons fitted on `samples`."""
    network = GatedNetwork(ordinary.shape, spiking, timesteps, ordinary.dropout, ordinary.noise)
    own = network.state_dict()
    same = {name: value for name, value in ordinary.state_dict().items() if name not in ("log_threshold", "leak")}
    network.load_state_dict(own | same)
    ordinary.eval()
    pixels = next(samples.batches(len(samples.y)))
    _, currents, states = ordinary.play(ordinary.scaled(pixels))
    gates = torch.stack(currents)
    gates = gates.view(*gates.shape[:-1], 4, -1)
    fits = {}
    for row, name in enumerate(network.neurons()):
        values = torch.stack(states) if name == "cell" else gates[..., GATE_ORDER.index(name), :]
        values = values.flatten()
        fits[name] = fit = fitted(values[:: max(1, len(values) // VALUES)], name in SIGNED, timesteps)
        network.log_threshold[row] = torch.tensor(fit.threshold).log()
        (network.cell_bias if name == "cell" else network.bias[GATE_ORDER.index(name)]).add_(fit.shift)
    return network, fits
