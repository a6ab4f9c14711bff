"""An LSTM layer with piecewise-linear gates, any of which may be neurons, and a readout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.doors.torch.lstm.neurons import fire
from hwsim.errors import UsageError
from hwsim.traces.sequence.trace import GATES, NEURONS

CHOSEN = ("input", "output", "cell")
"""Gates that fire unless others are asked for: f and g stay multi-bit."""
SIGNED = ("candidate", "cell")
"""What may be negative: clip(z, -1, 1), a hard tanh. The others are clip(z, 0, 1), a hard sigmoid."""
STATE_LIMIT = 8.0  # of the cell state, either sign


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network over sequences of `n_elements` vectors of `n_features`."""

    n_elements: int
    n_features: int
    n_hidden: int
    n_classes: int
    over: Literal["last", "all"]  # hidden values that the readout takes


class Played(NamedTuple):
    """What a layer did on every element, each [timestep, sample, ..]."""

    hidden: list[Tensor]
    currents: list[Tensor]  # pre-activations of the gates
    states: list[Tensor]
    spikes: dict[str, list[Tensor]]  # of every gate that fires, -1, 0 or 1


class SpikingLSTM(nn.Module):
    """One LSTM layer and a linear readout; with `spiking` gates and T timesteps it is what a sequence trace holds.

        i, f, o = clip(z, 0, 1)      g = clip(z, -1, 1)      z = W_x x + W_h h' + bias, of each its own
        c = clip(f c' + i g, -8, 8)  s = clip(c + bias, -1, 1)      h = o s

    A gate in `spiking` fires instead, -1, 0 or 1, of a membrane that takes z at each of T timesteps; `cell` is s.  Each
    timestep has a state of its own and membranes begin anew with every element; c' and h' are of the element before.
    The ordinary LSTM, from which training begins, has no spiking gates and one timestep; one to be captured fires at
    least in `output` and `cell`, so that hidden values are spikes.

    Pre-activations are [.., 4 * n_hidden] with the gates of `self.order` side by side, spiking ones first, so that all
    that fires is one call.  States are [timestep, sample, unit].
    """

    def __init__(
        self, shape: Shape, spiking: tuple[str, ...] = CHOSEN, timesteps: int = 2, dropout: float = 0.0
    ) -> None:
        """`dropout` is before the readout; of spiking gates thresholds and leaks are learned.

        Raises UsageError for gates that there are none of.
        """
        super().__init__()
        if not set(spiking) <= set(NEURONS):
            raise UsageError(f"spiking: wanted gates among {', '.join(NEURONS)}, got {', '.join(map(str, spiking))}")
        self.shape, self.spiking, self.timesteps, self.dropout = shape, spiking, timesteps, dropout
        self.firing = tuple(name for name in GATES if name in spiking)
        self.order = self.firing + tuple(name for name in GATES if name not in spiking)
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

    def forward(self, x: Tensor) -> Tensor:
        """Share of each timestep in the logits [timestep, sample, class] of sequences [sample, element, feature].

        Their sum is what is decided on.
        """
        return self.logits(x)

    def logits(self, x: Tensor) -> Tensor:
        """What `forward` gives, which networks on other inputs have their own way to."""
        hidden = torch.stack(self.play(x).hidden)
        taken = hidden.mean(0) if self.shape.over == "all" else hidden[-1]
        logits: Tensor = self.readout(functional.dropout(taken, self.dropout, self.training))
        return logits / self.timesteps

    def play(self, x: Tensor) -> Played:
        """What the layer does on sequences [sample, element, feature]."""
        hidden_weight, firing = self._ordered(self.hidden_weight).flatten(0, 1).t(), self._firing()
        own = functional.linear(x, self._ordered(self.input_weight).flatten(0, 1), self._ordered(self.bias).flatten())
        h = c = x.new_zeros(self.timesteps, len(x), self.shape.n_hidden)
        played = Played([], [], [], {name: [] for name in self.neurons()})
        for n in range(self.shape.n_elements):
            current = own[:, n] + (h.flatten(0, 1) @ hidden_weight).view(*h.shape[:2], -1)
            gates = self._gates(current, firing)
            c = gates["forget"] * c + gates["input"] * gates["candidate"]
            c = c.clamp(-STATE_LIMIT, STATE_LIMIT)
            gates["cell"] = self._cell(c, firing)
            h = gates["output"] * gates["cell"]
            played.hidden.append(h)
            played.currents.append(current)
            played.states.append(c)
            for name, spikes in played.spikes.items():
                spikes.append(gates[name])
        return played

    def _ordered(self, values: Tensor) -> Tensor:
        return values[[GATES.index(name) for name in self.order]]

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
