"""A spiking LSTM that stands in for an ordinary one, with logistic gates and hyperbolic tangents; it trains nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hwsim.doors.torch.lstm.network import CHOSEN, SIGNED, STATE_LIMIT, Shape, SpikingLSTM
from hwsim.doors.torch.lstm.neurons import fire
from hwsim.traces.sequence.trace import GATES, NEURONS

_GAINS = {False: tuple(0.10 + 0.02 * k for k in range(16)), True: tuple(0.4 + 0.1 * k for k in range(13))}
_THRESHOLDS = tuple(0.3 + 0.05 * k for k in range(35))
_SHIFTS = tuple(0.3 + 0.05 * k for k in range(19))
_VALUES = 4000  # pre-activations that a search looks at


class Weights(NamedTuple):
    """Of an LSTM cell with gates i, f, g, o, as PyTorch has them: [4 * unit, input], [4 * unit, unit], [4 * unit]."""

    own: Tensor
    recurrent: Tensor
    bias: Tensor

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden values, state and pre-activations after an element x [sample, input]."""
        z = x @ self.own.t() + h @ self.recurrent.t() + self.bias
        i, f, g, o = z.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c, z


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in for a smooth activation: of gain * z + shift a clipped line, or neurons of a threshold."""

    gain: float
    shift: float
    threshold: float
    error: float  # root of the mean square


def nearest(values: Tensor, signed: bool, spikes: int, is_cell: bool) -> Line:
    """The line of least error to sigmoid or tanh of values [n]; of neurons the mean over their timesteps, if `spikes`.

    A cell's current is its state, so that of it a threshold takes the place of the gain.
    """
    target = values.tanh() if signed else values.sigmoid()
    best, one = Line(1.0, 0.0, 1.0, float("inf")), values.new_ones(1)
    for gain in (1.0,) if is_cell else _GAINS[signed]:
        for shift in (0.0,) if signed else _SHIFTS:
            line = gain * values + shift
            for threshold in _THRESHOLDS if spikes and signed else (1.0,):
                if spikes:
                    current = line.view(1, -1, 1).expand(spikes, -1, -1).contiguous()
                    found = fire(current, one, threshold * one, float(signed) * one).mean(0).flatten()
                else:
                    found = line.clamp(-1.0 if signed else 0.0, 1.0)
                error = float((found - target).square().mean().sqrt())
                if error < best.error:
                    best = Line(gain, shift, threshold, error)
    return best


@torch.no_grad()
def stand_in(
    weights: Weights, readout: nn.Linear, shape: Shape, x: Tensor, timesteps: int, remembers: bool = True
) -> tuple[SpikingLSTM, dict[str, Line]]:
    """A network whose gates are nearest to those of a cell on sequences x [sample, element, feature], and how near.

    A cell that does not remember begins anew with every element.
    """
    network = SpikingLSTM(shape, CHOSEN, timesteps).to(x)
    nothing = x.new_zeros(len(x), shape.n_hidden)
    h, c, currents, states = nothing, nothing, [], []
    for n in range(shape.n_elements):
        h, c, z = weights.step(x[:, n], *(h, c) if remembers else (nothing, nothing))
        currents.append(z)
        states.append(c.clamp(-STATE_LIMIT, STATE_LIMIT))
    seen = dict(zip(GATES, torch.stack(currents).chunk(4, -1), strict=True)) | {"cell": torch.stack(states)}
    rows, lines = {name: row for row, name in enumerate(network.neurons())}, {}
    for gate, name in enumerate(NEURONS):
        values = seen[name].flatten()
        spikes = timesteps if name in rows else 0
        line = nearest(values[:: max(1, len(values) // _VALUES)], name in SIGNED, spikes, name == "cell")
        lines[name] = line
        if name in rows:
            network.log_threshold[rows[name]] = torch.tensor(line.threshold).log()
        if name != "cell":
            of = slice(gate * shape.n_hidden, (gate + 1) * shape.n_hidden)
            network.input_weight[gate] = weights.own[of] * line.gain
            network.hidden_weight[gate] = weights.recurrent[of] * line.gain
            network.bias[gate] = weights.bias[of] * line.gain + line.shift
    if not remembers:
        network.hidden_weight.zero_()
        network.input_weight[GATES.index("forget")] = 0
        network.bias[GATES.index("forget")] = -1  # a line below 0: nothing is kept
    if readout.bias is None:
        network.readout.bias.zero_()
    network.readout.load_state_dict(readout.state_dict(), strict=False)
    return network, lines
