"""An LSTM layer with piecewise-linear gates, any of which may be neurons, and a readout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.slstm.neurons import fire

GATE_ORDER = ("input", "forget", "candidate", "output")
SIGNED = ("candidate", "cell")
"""What may be negative: clip(z, -1, 1), a hard tanh. The others are clip(z, 0, 1), a hard sigmoid."""
INPUT_STEPS_PER_ONE = 32
"""Integers of the raw input for one standard deviation: a power of two, so that it is a shift of the weights."""
STATE_LIMIT = 8.0  # of the cell state, either sign


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network over sequences of `n_elements` vectors of `n_features`."""

    n_elements: int
    n_features: int
    n_hidden: int
    n_classes: int
    over: Literal["last", "all"]  # hidden values that the readout takes


class GatedNetwork(nn.Module):
    """One LSTM layer; the ordinary one has no `spiking` gates and one timestep.

    Pre-activations are [.., 4 * n_hidden] with the gates of `self.order` side by side, spiking ones first, so that all
    that fires is one call.  States are [timestep, sample, unit]: each timestep has a state of its own.
    """

    def __init__(self, shape: Shape, spiking: tuple[str, ...], timesteps: int, dropout: float, noise: float) -> None:
        super().__init__()
        self.shape, self.spiking, self.timesteps, self.dropout, self.noise = shape, spiking, timesteps, dropout, noise
        self.firing = tuple(name for name in GATE_ORDER if name in spiking)
        self.order = self.firing + tuple(name for name in GATE_ORDER if name not in spiking)
        width, hidden = shape.n_features, shape.n_hidden
        bound = hidden**-0.5
        self.input_weight = nn.Parameter(torch.empty(4, hidden, width).uniform_(-bound, bound))
        self.hidden_weight = nn.Parameter(torch.empty(4, hidden, hidden).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.tensor([0.5, 0.75, 0.0, 0.5])[:, None].repeat(1, hidden))
        with torch.no_grad():  # a hard sigmoid has the slope of the logistic one, 1/4
            for gate in (0, 1, 3):
                self.input_weight[gate] /= 4
                self.hidden_weight[gate] /= 4
        self.readout = nn.Linear(hidden, shape.n_classes)
        self.cell_bias = nn.Parameter(torch.zeros(hidden), requires_grad="cell" in spiking)
        n_firing = len(self.firing) + ("cell" in spiking)
        self.log_threshold = nn.Parameter(torch.zeros(n_firing, hidden))
        self.leak = nn.Parameter(torch.ones(n_firing))

    def neurons(self) -> tuple[str, ...]:
        """Whose thresholds and leaks are the rows of `log_threshold` and `leak`."""
        return self.firing + (("cell",) if "cell" in self.spiking else ())

    def project(self) -> None:
        """Keep leaks from 0 to 1 (1: no leak)."""
        self.leak.data.clamp_(0, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Share of each timestep in the logits [timestep, sample, class]: their sum is what is decided on."""
        hidden = torch.stack(self.play(self.scaled(pixels))[0])
        taken = hidden.mean(0) if self.shape.over == "all" else hidden[-1]
        logits: Tensor = self.readout(functional.dropout(taken, self.dropout, self.training))
        return logits / self.timesteps

    def play(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Hidden values, pre-activations of the gates and cell states of every element, each [timestep, sample, ..]."""
        hidden_weight, firing = self._ordered(self.hidden_weight).flatten(0, 1).t(), self._firing()
        own = functional.linear(x, self._ordered(self.input_weight).flatten(0, 1), self._ordered(self.bias).flatten())
        h = c = x.new_zeros(self.timesteps, len(x), self.shape.n_hidden)
        kept: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for n in range(self.shape.n_elements):
            current = own[:, n] + (h.flatten(0, 1) @ hidden_weight).view(*h.shape[:2], -1)
            gates = self._gates(current, firing)
            c = gates["forget"] * c + gates["input"] * gates["candidate"]
            c = c.clamp(-STATE_LIMIT, STATE_LIMIT)
            h = gates["output"] * self._cell(c, firing)
            for values, value in zip(kept, (h, current, c), strict=True):
                values.append(value)
        return kept

    def scaled(self, pixels: Tensor) -> Tensor:
        """Sequences in standard deviations [sample, element, feature], in training with noise."""
        x = pixels[:, 0] / INPUT_STEPS_PER_ONE
        return x + self.noise * torch.randn_like(x) if self.training and self.noise else x

    def _ordered(self, values: Tensor) -> Tensor:
        return values[[GATE_ORDER.index(name) for name in self.order]]

    def _firing(self) -> tuple[Tensor, Tensor, Tensor]:
        """Leak, threshold, sign of every row of neurons, each [row, unit]."""
        threshold = self.log_threshold.exp()
        signed = threshold.new_tensor([float(name in SIGNED) for name in self.neurons()])
        return self.leak[:, None].expand_as(threshold), threshold, signed[:, None].expand_as(threshold)

    def _gates(self, current: Tensor, firing: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        hidden, n = self.shape.n_hidden, len(self.firing)
        values: list[Tensor] = []
        if n:
            spikes = fire(current[..., : n * hidden], *(rows[:n].reshape(-1) for rows in firing))
            values += torch.split(spikes, hidden, -1)
        for k, name in enumerate(self.order[n:], start=n):
            values.append(current[..., k * hidden : (k + 1) * hidden].clamp(-1.0 if name in SIGNED else 0.0, 1.0))
        return dict(zip(self.order, values, strict=True))

    def _cell(self, c: Tensor, firing: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        if "cell" not in self.spiking:
            return c.clamp(-1, 1)
        return fire(c + self.cell_bias, *(rows[-1] for rows in firing))
