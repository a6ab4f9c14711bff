"""From an ordinary LSTM to one with IF neurons: thresholds and bias shifts of least error; it trains nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hwsim.doors.torch.lstm.network import CHOSEN, SIGNED, SpikingLSTM
from hwsim.doors.torch.lstm.neurons import fire
from hwsim.traces.sequence.trace import GATES

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


def spiking(
    ordinary: SpikingLSTM, x: Tensor, timesteps: int = 2, gates: tuple[str, ...] = CHOSEN
) -> tuple[SpikingLSTM, dict[str, Fit]]:
    """A network with the weights of an ordinary one in which `gates` are IF neurons, fitted on sequences x.

    x is [sample, element, feature]; training goes on from what this gives.
    """
    network = SpikingLSTM(ordinary.shape, gates, timesteps, ordinary.dropout)
    return network, fit_neurons(network, ordinary, x)


@torch.no_grad()
def fit_neurons(network: SpikingLSTM, ordinary: SpikingLSTM, x: Tensor) -> dict[str, Fit]:
    """Give a network the weights of an ordinary one, and to its neurons what is nearest to the lines that they were."""
    own = network.state_dict()
    same = {name: value for name, value in ordinary.state_dict().items() if name not in ("log_threshold", "leak")}
    network.load_state_dict(own | same)
    ordinary.eval()
    played = ordinary.play(x)
    gates = torch.stack(played.currents)
    gates = gates.view(*gates.shape[:-1], 4, -1)
    fits = {}
    for row, name in enumerate(network.neurons()):
        values = torch.stack(played.states) if name == "cell" else gates[..., GATES.index(name), :]
        values = values.flatten()
        fits[name] = fit = fitted(values[:: max(1, len(values) // VALUES)], name in SIGNED, network.timesteps)
        network.log_threshold[row] = torch.tensor(fit.threshold).log()
        (network.cell_bias if name == "cell" else network.bias[GATES.index(name)]).add_(fit.shift)
    return fits
