"""A differentiable term of a loss: what a batch's spikes cost on a machine, with a gradient to every spike.

Gradients go on through the model's own surrogates.  What a slope is on which machine is in docs/guides/oracle.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hwsim import arguments
from hwsim.errors import UsageError
from hwsim.oracle.cost import Cost
from hwsim.oracle.linear import Drift
from hwsim.oracle.monitor import Monitor
from hwsim.oracle.oracle import Oracle

__all__ = ["Term", "loss"]

Tensors = dict[str, list[torch.Tensor]]
"""By layer: one over all timesteps, or one a timestep."""


def loss(
    oracle: Oracle, spikes: Monitor | Mapping[str, Any], inputs: Any = None, *, every: int = 1, relative: bool = False
) -> torch.Tensor:
    """What a batch costs, in the oracle's objective: a float64 scalar with gradients to its spikes.

    Args:
        oracle: what costs are asked of.
        spikes: of a monitor, or by layer as the oracle takes them, tensors that a model made.
        inputs: raw inputs as the oracle takes them; a monitor has its own.
        every: play one batch in so many; those between get a linear model, of which `term(oracle, every).drift` tells.
        relative: in shares of what the trace's recorded samples cost, in the place of pJ, ns and the like.

    Raises UsageError as a call of the oracle does.

    """
    return term(oracle, every, relative)(spikes, inputs)


def term(oracle: Oracle, every: int = 1, relative: bool = False) -> Term:
    """The term that `loss` keeps with an oracle."""
    known: dict[Any, Term] = oracle.kept
    if (every, relative) not in known:
        known[every, relative] = Term(oracle, every=every, relative=relative)
    return known[every, relative]


class Term:
    """What `loss` computes, with a state: how many batches came, the linear model, and its drift.

    `cost` is that of the last batch that was played.
    """

    def __init__(self, oracle: Oracle, *, every: int = 1, relative: bool = False) -> None:
        self.oracle, self.every = oracle, arguments.whole("every", every)
        if self.every < 1:
            raise UsageError(f"every: wanted 1 or more, got {self.every}")
        self._unit = oracle.reference.value if arguments.flag("relative", relative) else 1.0
        if not self._unit:
            raise UsageError("relative: the recorded samples cost nothing in this objective")
        self.drift, self.cost, self._calls = Drift(), None, 0
        self._model: _Linear | None = None

    cost: Cost | None

    def __call__(self, spikes: Monitor | Mapping[str, Any], inputs: Any = None) -> torch.Tensor:
        """The term of a batch (see `loss`)."""
        if isinstance(spikes, Monitor):
            spikes, seen = spikes.take()
            inputs = seen if inputs is None else inputs
        plays = self._model is None or self._calls % self.every == 0
        self._calls += 1
        tensors = self._tensors(spikes)
        if plays:
            value, slopes = self._played(spikes, inputs, tensors)
        else:
            assert self._model is not None
            value, slopes = self._model.value(tensors), self._model.slopes(tensors)
        flat = [step for steps in tensors.values() for step in steps]
        result: torch.Tensor = _Given.apply(value / self._unit, slopes, 1 / self._unit, *flat)
        return result

    def _tensors(self, spikes: Any) -> Tensors:
        """All tensors of all layers: one over all timesteps, or one a timestep."""
        if not isinstance(spikes, Mapping):
            raise UsageError("spikes: wanted a monitor or tensors by layer")
        found = {name: list(each) if isinstance(each, list | tuple) else [each] for name, each in spikes.items()}
        for name, steps in found.items():
            if not all(isinstance(step, torch.Tensor) for step in steps):
                raise UsageError(f"spikes, {name}: wanted tensors")
        return found

    def _played(self, spikes: Any, inputs: Any, tensors: Tensors) -> tuple[float, list[_Slope | None]]:
        wanted = torch.is_grad_enabled() and any(step.requires_grad for each in tensors.values() for step in each)
        if self.every == 1 and not wanted:
            self.cost = self.oracle(spikes, inputs)
            return self.cost.value, [None for steps in tensors.values() for _ in steps]
        self.cost, slopes = self.oracle.slopes(spikes, inputs)
        whole = {name: _time_first(slopes.get(name), self.oracle.shape(name)) for name in tensors}
        if self.every > 1:
            before, self._model = self._model, _Linear(self.oracle, self.cost.value, whole, tensors)
            if before is not None:
                self.drift.note(before.value(tensors), self.cost.value)
        return self.cost.value, _spread(self.oracle, whole, tensors)


class _Linear:
    """The linear model of one batch (see `hwsim.oracle.linear`)."""

    def __init__(self, oracle: Oracle, value: float, slopes: Mapping[str, torch.Tensor], tensors: Tensors) -> None:
        self._oracle, self._value = oracle, value
        self._slopes = {name: each.mean(dim=1, keepdim=True) for name, each in slopes.items()}
        self._base = self._said(tensors)

    def value(self, tensors: Tensors) -> float:
        """What a batch costs by the model."""
        return self._value + self._said(tensors) - self._base

    def slopes(self, tensors: Tensors) -> list[_Slope | None]:
        """What each spike of a batch costs by it."""
        return _spread(self._oracle, self._slopes, tensors)

    @torch.no_grad()
    def _said(self, tensors: Tensors) -> float:
        """The sum of slope times mean spikes."""
        flat = [step for steps in tensors.values() for step in steps]
        return sum(_dot(slope, step) for slope, step in zip(self.slopes(tensors), flat, strict=True) if slope)


def _dot(slope: _Slope, step: torch.Tensor) -> float:
    """The sum of slopes times what they are of, in one pass over the latter."""
    each = slope.values.to(device=step.device, dtype=torch.float32)
    samples = (
        next(axis for axis in range(each.dim()) if each.shape[axis] == 1 and step.shape[axis] > 1)
        if (any(each.shape[axis] == 1 < step.shape[axis] for axis in range(each.dim())))
        else 0
    )
    return float((step.detach().sum(dim=samples, keepdim=True).float() * each).sum(dtype=torch.float64))


@dataclass(frozen=True, slots=True)
class _Slope:
    """Slopes of one tensor, in as few numbers as there are different ones."""

    values: torch.Tensor  # broadcasts to the shape
    shape: torch.Size

    def times(self, factor: float, like: tuple[torch.dtype, torch.device]) -> torch.Tensor:
        """Those of all of it, scaled."""
        dtype, device = like
        return (self.values * factor).to(device=device, dtype=dtype).expand(self.shape)


class _Given(torch.autograd.Function):
    """A value that is known, with slopes that are."""

    @staticmethod
    def forward(ctx: Any, value: float, slopes: Sequence[_Slope | None], unit: float, *steps: torch.Tensor) -> Any:
        """The value; `unit` scales the slopes."""
        ctx.slopes, ctx.unit = slopes, unit
        ctx.kinds = [(step.dtype, step.device) for step in steps]
        return torch.tensor(value, dtype=torch.float64, device=steps[0].device)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The slopes, times what comes back."""
        factor = float(gradients[0]) * ctx.unit
        wanted = zip(ctx.slopes, ctx.kinds, ctx.needs_input_grad[3:], strict=True)
        each = [slope.times(factor, kind) if slope is not None and asked else None for slope, kind, asked in wanted]
        return None, None, None, *each


def _time_first(slopes: Any, shape: tuple[int, int, int]) -> torch.Tensor:
    """Slopes [sample, timestep, place, channel] as [timestep, sample, channel, y, x], of axes that differ."""
    if slopes is None:
        return torch.zeros(1, 1, 1, 1, 1)
    maps = torch.from_numpy(np.ascontiguousarray(slopes)).unflatten(2, shape[:2])
    return maps.permute(1, 0, 4, 2, 3)


def _spread(oracle: Oracle, slopes: Mapping[str, torch.Tensor], tensors: Tensors) -> list[_Slope | None]:
    """Slopes of the mean over samples, for each tensor of each layer."""
    found: list[_Slope | None] = []
    for name, steps in tensors.items():
        whole, is_map = slopes[name], math.prod(oracle.shape(name)[:2]) > 1
        whole = whole if is_map else whole[..., 0, 0]
        if len(steps) == 1 and steps[0].dim() == whole.dim():
            first = oracle.axes == "time, sample"
            n = steps[0].shape[1 if first else 0]
            found.append(_Slope((whole if first else whole.transpose(0, 1)) / n, steps[0].shape))
            continue
        for t, step in enumerate(steps):
            found.append(_Slope(whole[min(t, len(whole) - 1)] / step.shape[0], step.shape))
    return found
