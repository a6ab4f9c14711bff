"""Convolutions and linear layers with ReLU between them, one after another, as a model calls them."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hwsim.doors.torch.calls import Call, written_down
from hwsim.doors.torch.modules import class_of, hint, is_whole
from hwsim.doors.torch.neurons.traits import refuse
from hwsim.errors import TraceError
from hwsim.printable import one_line

TAKEN = {
    "Conv2d": "one group, a square window, padded by zeros",
    "Linear": "",
    "ReLU": "behind every layer of weights but the last",
    "BatchNorm1d": "",
    "BatchNorm2d": "in eval mode, before the ReLU: folded into weights",
    "Flatten": "to a vector",
    "Dropout": "",
    "Identity": "",
}
_SHAPED = {"flatten", "reshape", "view"}
_NOTHING = {"Dropout", "Dropout2d", "Identity", "dropout", "contiguous", "to", "float"}
_RELUS = {"ReLU", "relu", "relu_"}


class Link(NamedTuple):
    """A layer of weights by the name of its module, with a bias and what was folded into it."""

    name: str
    op: nn.Conv2d | nn.Linear


def chain_of(model: nn.Module, x: Tensor) -> list[Link]:
    """The layers of a model that is given inputs x [sample, ...].

    Raises TraceError, by the name of the module or the function, for what is no such layer or stands elsewhere.
    """
    with written_down(model, is_whole) as calls:
        try:
            given = model(x)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            failed = one_line(str(error))[:140]
            raise TraceError(f"model: its forward pass fails on an input {tuple(x.shape)}: {failed}") from None
    walk = _Walk(x)
    for call in calls:
        walk.take(call)
    return walk.links(given)


class _Walk:
    """The layers so far, and the tensor that comes from the last of them."""

    def __init__(self, x: Tensor) -> None:
        self.now, self.found, self.rectified = x, list[Link](), True

    def take(self, call: Call) -> None:
        """Take a call, which reads what the one before gave."""
        module, kind = call.module, call.name if call.module is None else _kind(call.module)
        what = f"function '{call.name}'" if module is None else f"module '{call.name}' ({kind})"
        if not call.gives:
            return
        if not any(each is self.now for each in call.takes):
            raise TraceError(f"{what}: wanted one layer after another, found one that does not read the last")
        if isinstance(module, nn.Linear | nn.Conv2d):
            self._weights(call.name, module)
        elif kind in ("BatchNorm1d", "BatchNorm2d"):
            if self.rectified:
                raise TraceError(f"{what}: wanted it directly behind a layer of weights")
            self.found[-1] = self.found[-1]._replace(op=_folded(self.found[-1].op, module))
        elif kind in _RELUS:
            self.rectified = True
        elif kind in _SHAPED or kind == "Flatten":
            if call.gives[0].dim() != 2:
                raise TraceError(f"{what}: wanted vectors [sample, n], found {tuple(call.gives[0].shape)}")
        elif kind not in _NOTHING:
            raise TraceError(f"{what}: {_why(module)}")
        self.now = call.gives[0]

    def _weights(self, name: str, module: nn.Linear | nn.Conv2d) -> None:
        if not self.rectified:
            refuse(name, module, f"wanted a ReLU between it and '{self.found[-1].name}'")
        if isinstance(module, nn.Linear) and self.now.dim() != 2:
            refuse(name, module, f"wanted vectors [sample, n], found {tuple(self.now.shape)}: flatten before it")
        if isinstance(module, nn.Conv2d) and (module.groups > 1 or module.padding_mode != "zeros"):
            refuse(name, module, "wanted one group and padding by zeros")
        op = copy.deepcopy(module)
        if op.bias is None:
            op.bias = nn.Parameter(op.weight.new_zeros(len(op.weight)))
        self.found.append(Link(name, op))
        self.rectified = False

    def links(self, given: Any) -> list[Link]:
        """All layers, of which the last gives what the model gives."""
        if not self.found or given is not self.now:
            raise TraceError("model: wanted layers of weights one after another, the last of which gives the logits")
        if self.rectified:
            raise TraceError(f"module '{self.found[-1].name}': wanted logits behind it, without a ReLU")
        return self.found


def sums(links: list[Link], x: Tensor) -> list[Tensor]:
    """What every layer gives before its ReLU, of inputs x [sample, ...]."""
    found: list[Tensor] = []
    for _, op in links:
        found.append(op(x.flatten(1) if isinstance(op, nn.Linear) else x))
        x = found[-1].relu()
    return found


def _kind(module: nn.Module) -> str:
    return "ReLU" if isinstance(module, nn.ReLU) else class_of(module) or type(module).__name__


def _why(module: nn.Module | None) -> str:
    if module is not None and (class_of(module) or "").startswith(("AvgPool", "MaxPool", "AdaptiveAvgPool")):
        return "spike times have no pools: train with strides"
    return (module is not None and hint(module)) or f"is not among what has spike times: {', '.join(TAKEN)}"


@torch.no_grad()
def _folded(op: nn.Conv2d | nn.Linear, norm: Any) -> nn.Conv2d | nn.Linear:
    """A layer with a batch norm behind it in its weights and bias."""
    scale = (norm.running_var + norm.eps).rsqrt()
    gain = scale if norm.weight is None else scale * norm.weight
    shift = 0 if norm.bias is None else norm.bias
    assert op.bias is not None
    op.bias.copy_((op.bias - norm.running_mean) * gain + shift)
    op.weight.mul_(gain.view(-1, *[1] * (op.weight.dim() - 1)))
    return op
