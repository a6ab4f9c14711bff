"""What a library says of its neurons, read from a module and refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import nn

from hwsim.doors.graph import Floats
from hwsim.errors import TraceError

Traits = Mapping[str, Any]
"""Fields of `hwsim.doors.graph.Neurons` but for name, inputs and shape, and layers within: `INTO` and `BACK`."""
INTO, BACK = "into", "back"
"""Layers of weights that a module of neurons has within: for its input, and for its spikes of the timestep before."""

Reads = Mapping[str, Callable[[str, Any], Traits]]
"""How modules of neurons are read, given their name in the model, by library and class."""


def floats(value: Any) -> Floats:
    """A tensor or number as 64-bit floats in one axis."""
    found: Floats = torch.as_tensor(value).detach().cpu().double().numpy().reshape(-1)
    return found


def linear(weight: torch.Tensor) -> nn.Linear:
    """A layer of weights [out, in]."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    layer.weight = nn.Parameter(weight.detach())
    return layer


def refuse(name: str, module: object, what: str) -> NoReturn:
    """Raise TraceError about a module, by the name that it has in the model."""
    raise TraceError(f"module '{name}' ({type(module).__name__}): {what}")
