"""What a model of an LSTM does with it, found by what it gives: which hidden values it reads, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hwsim.doors.torch.calls import tensors
from hwsim.doors.torch.lstm.standing_in import Weights
from hwsim.doors.torch.modules import class_of, hint, reset
from hwsim.doors.torch.neurons.traits import refuse
from hwsim.errors import TraceError
from hwsim.printable import one_line

CELLS = {
    "SLSTM": "snnTorch's, whose mem is read at the last element or over all, by a Linear or as it is",
    "LSTM": "of one layer and direction, read at the last element or over all, by a Linear or as it is",
    "LSTMCell": "in a loop, the same",
}
"""LSTMs that a spiking one may stand in for, by class."""
_NOTHING = {"Dropout", "Identity", "Flatten"}
_TOLERANCE = 1e-3  # of the largest value; ours: far above the rounding of single precision, far below a mistake


@dataclass(frozen=True, slots=True)
class OrdinaryLSTM:
    """An LSTM and its readout within a model."""

    name: str
    module: nn.Module
    weights: Weights
    readout: nn.Linear
    over: Literal["last", "all"]
    time_first: bool  # whether the model takes [element, sample, feature]
    remembers: bool  # False for snnTorch's where it begins anew with every call

    def logits(self, x: Tensor) -> Tensor:
        """What decides, [sample, class], of sequences [sample, element, feature]."""
        hidden = hidden_values(self.weights, x, self.remembers)
        found: Tensor = self.readout(hidden[-1] if self.over == "last" else hidden.mean(0))
        return found


def cells_of(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The LSTMs of a model by name, those within others left out."""
    found = [(name, module) for name, module in model.named_modules() if _kind(module)]
    return [(name, m) for name, m in found if not any(name.startswith(f"{outer}.") for outer, _ in found)]


def _kind(module: nn.Module) -> str | None:
    """The class of a library's LSTM, or of one that is derived from it."""
    kinds = (each for each in type(module).__mro__ if each.__module__.startswith(("torch.nn.", "snntorch.")))
    return next((each.__name__ for each in kinds if each.__name__ in CELLS), None)


@torch.no_grad()
def read(model: nn.Module, x: Tensor) -> OrdinaryLSTM:
    """The LSTM and the readout of a model, which gives on sequences [sample, element, feature] what these two do.

    Raises TraceError, by the name of the module, for whatever else is there or is done.
    """
    (name, cell), readout = _parts(model)
    weights = _weights(name, cell)
    n_hidden = weights.recurrent.shape[1]
    taken = nn.Linear(n_hidden, n_hidden, bias=False).to(x.dtype) if readout is None else readout
    if readout is None:
        taken.weight.copy_(torch.eye(n_hidden))
    failed = ""
    for time_first in (not getattr(cell, "batch_first", True), getattr(cell, "batch_first", True)):
        reset(model)
        try:
            given = tensors(model(x.transpose(0, 1) if time_first else x))
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            failed = failed or f"; it fails on {tuple(x.shape)}: {one_line(str(error))[:140]}"
            continue
        for remembers in (True, False):
            hidden = hidden_values(weights, x, remembers)
            for over, logits in _readings(taken, hidden):
                if any(_alike(each, logits) for each in given):
                    return OrdinaryLSTM(name, cell, weights, taken, over, time_first, remembers)
            if (threshold := getattr(cell, "threshold", None)) is not None:
                fired = (hidden > threshold).to(x.dtype)
                if any(_alike(each, logits) for each in given for _, logits in _readings(taken, fired)):
                    refuse(
                        name, cell, "its spikes are read, those of a trace are of output gate and cell: read its mem"
                    )
    wanted = "its hidden values at the last element, or their mean, alone or through one Linear"
    raise TraceError(f"module '{name}' ({type(cell).__name__}): wanted a model that gives {wanted}{failed}")


def hidden_values(weights: Weights, x: Tensor, remembers: bool) -> Tensor:
    """[element, sample, unit]."""
    nothing = x.new_zeros(len(x), weights.recurrent.shape[1])
    h, c, found = nothing, nothing, []
    for n in range(x.shape[1]):
        h, c, _ = weights.step(x[:, n], *(h, c) if remembers else (nothing, nothing))
        found.append(h)
    return torch.stack(found)


def _parts(model: nn.Module) -> tuple[tuple[str, nn.Module], nn.Linear | None]:
    """The LSTM by name, and the Linear if there is one, of a model that has nothing else."""
    first, *more = cells_of(model)
    for name, module in more:
        refuse(name, module, f"wanted one LSTM, '{first[0]}'; hwsim.make.sequence takes several layers of integers")
    readout: nn.Linear | None = None
    for name, module in model.named_modules():
        if any(True for _ in module.children()) or name.startswith(f"{first[0]}.") or module is first[1]:
            continue
        if isinstance(module, nn.Linear) and readout is None:
            readout = module
        elif class_of(module) not in _NOTHING:
            refuse(name, module, hint(module) or f"beside the LSTM '{first[0]}' wanted one Linear and nothing else")
    return first, readout


def _weights(name: str, module: Any) -> Weights:
    kind = _kind(module)
    if kind == "SLSTM":
        for key, wanted in (("reset_mechanism", "none"), ("inhibition", False), ("state_quant", False)):
            if getattr(module, key) != wanted:
                refuse(name, module, f"{key} cannot be said in a trace: wanted {wanted!r}")
        module = module.lstm_cell
    if kind == "LSTM" and (module.num_layers > 1 or module.bidirectional or module.proj_size):
        refuse(name, module, "wanted one layer, one direction and no projection")
    end = "_l0" if kind == "LSTM" else ""
    own, recurrent = (getattr(module, f"weight_{of}{end}").detach() for of in ("ih", "hh"))
    bias = own.new_zeros(len(own))
    if module.bias:
        bias = (getattr(module, f"bias_ih{end}") + getattr(module, f"bias_hh{end}")).detach()
    return Weights(own, recurrent, bias)


def _readings(readout: nn.Linear, values: Tensor) -> Iterator[tuple[Literal["last", "all"], Tensor]]:
    """What a readout may give of values [element, sample, unit], which are decided on by the one or by all."""
    if readout.in_features != values.shape[2]:
        return
    every = readout(values)
    yield "last", every[-1]
    yield "all", every.mean(0)
    yield "all", readout(values.sum(0))
    yield "all", every.sum(0)
    yield "all", every
    yield "all", every.transpose(0, 1)


def _alike(found: Tensor, wanted: Tensor) -> bool:
    if found.shape != wanted.shape:
        return False
    return bool((found - wanted).abs().max() <= _TOLERANCE * (1e-3 + wanted.abs().max()))
