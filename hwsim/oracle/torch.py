"""A differentiable term of a loss: what a batch's spikes cost on a machine, with a gradient to every spike.

Gradients go on through the model's own surrogates.  What a slope is on which machine is in docs/guides/oracle.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from hwsim import arguments
from hwsim.errors import HwsimError, UsageError
from hwsim.oracle.cost import Cost
from hwsim.oracle.linear import Drift
from hwsim.oracle.monitor import Monitor
from hwsim.oracle.oracle import Oracle

__all__ = ["Term", "loss", "term"]

Tensors = dict[str, list[torch.Tensor]]
"""By layer: one over all timesteps, or one a timestep."""
_MOST_BITS = 16


def loss(
    oracle: Oracle,
    spikes: Monitor | Mapping[str, Any],
    inputs: Any = None,
    *,
    every: int = 1,
    in_turn: bool = False,
    relative: bool = False,
    weight_bits: Mapping[str, torch.Tensor] | None = None,
) -> torch.Tensor:
    """What a batch costs, in the oracle's objective: a float64 scalar with gradients to its spikes.

    Args:
        oracle: what costs are asked of.
        spikes: of a monitor, or by layer as the oracle takes them, tensors that a model made.
        inputs: raw inputs as the oracle takes them; a monitor has its own.
        every: play one batch in so many; those between get a linear model, of which `term(oracle, every).drift` tells.
        in_turn: between those that are played look at one layer a batch, in turn, with its slopes times how many layers
            there are: in the mean the same gradient, at a share of its price.
        relative: in shares of what the trace's recorded samples cost, in the place of pJ, ns and the like.
        weight_bits: widths by layer that are learned, scalars: the cost is that of the nearest whole numbers, and the
            gradient the mean of one bit more and one less.

    Raises UsageError as a call of the oracle does.

    """
    return term(oracle, every, relative, in_turn)(spikes, inputs, weight_bits)


def term(oracle: Oracle, every: int = 1, relative: bool = False, in_turn: bool = False) -> Term:
    """The term that `loss` keeps with an oracle."""
    key = "term", every, relative, in_turn
    if key not in oracle.kept:
        oracle.kept[key] = Term(oracle, every=every, relative=relative, in_turn=in_turn)
    found: Term = oracle.kept[key]
    return found


class Term:
    """What `loss` computes, with a state: how many batches came, the linear model, and its drift.

    `cost` is that of the last batch that was played.
    """

    def __init__(self, oracle: Oracle, *, every: int = 1, relative: bool = False, in_turn: bool = False) -> None:
        self.oracle, self.every = oracle, arguments.whole("every", every)
        if self.every < 1:
            raise UsageError(f"every: wanted 1 or more, got {self.every}")
        self._in_turn = arguments.flag("in_turn", in_turn)
        self._unit = oracle.reference.value if arguments.flag("relative", relative) else 1.0
        if not self._unit:
            raise UsageError("relative: the recorded samples cost nothing in this objective")
        self.drift, self._calls = Drift(), 0
        self.cost: Cost | None = None
        self._model: _Linear | None = None

    def __call__(
        self,
        spikes: Monitor | Mapping[str, Any],
        inputs: Any = None,
        weight_bits: Mapping[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """The term of a batch (see `loss`)."""
        if isinstance(spikes, Monitor):
            spikes, seen = spikes.take()
            inputs = seen if inputs is None else inputs
        tensors, widths = _tensors(spikes), dict(weight_bits or {})
        plays = self._model is None or self._calls % self.every == 0
        if plays:
            value, slopes, of_bits = self._played(spikes, inputs, tensors, _whole_bits(widths))
        else:
            assert self._model is not None
            turn = self._calls if self._in_turn else None
            value, slopes, of_bits = self._model.of(tensors, _whole_bits(widths), turn)
        self._calls += 1
        flat = [step for steps in tensors.values() for step in steps]
        scalars = [_Slope(torch.tensor(of_bits.get(name, 0.0)), each.shape) for name, each in widths.items()]
        unit = 1 / self._unit
        given = [*flat, *widths.values()]
        result: torch.Tensor = _Given.apply(value * unit, [*slopes, *scalars], unit, *given)  # type: ignore[no-untyped-call]
        return result

    def _played(
        self, spikes: Any, inputs: Any, tensors: Tensors, bits: dict[str, int]
    ) -> tuple[float, Sequence[_Slope | None], dict[str, float]]:
        oracle = self.oracle.at_bits(bits) if bits else self.oracle
        asked = any(step.requires_grad for steps in tensors.values() for step in steps)
        if self.every == 1 and not (asked and torch.is_grad_enabled()):
            self.cost = oracle(spikes, inputs)
            return (
                self.cost.value,
                [None for steps in tensors.values() for _ in steps],
                self._of_bits(spikes, inputs, bits),
            )
        self.cost, slopes = oracle.slopes(spikes, inputs)
        layout = {name: _as_given(oracle, name, slopes.get(name)) for name in tensors}
        of_bits = self._of_bits(spikes, inputs, bits)
        if self.every > 1:
            before = self._model
            self._model = _Linear(oracle, self.cost.value, layout, tensors, bits, of_bits)
            if before is not None:
                self.drift.note(before.of(tensors, bits)[0], self.cost.value)
        return self.cost.value, _spread(oracle, layout, tensors), of_bits

    def _of_bits(self, spikes: Any, inputs: Any, bits: dict[str, int]) -> dict[str, float]:
        """What a bit more of each layer's weights costs: the mean of one more and one less that the machine has."""
        assert self.cost is not None
        found = {}
        for name, width in bits.items():
            ends = []
            for other in (width - 1, width + 1):
                try:
                    if 1 <= other <= _MOST_BITS:
                        changed = self.oracle.at_bits({**bits, name: other})(spikes, inputs)
                        ends.append((changed.value - self.cost.value) / (other - width))
                except HwsimError:  # the machine holds no such weights
                    continue
            found[name] = sum(ends) / len(ends) if ends else 0.0
        return found


def _tensors(spikes: Any) -> Tensors:
    """All tensors of all layers."""
    if not isinstance(spikes, Mapping):
        raise UsageError("spikes: wanted a monitor or tensors by layer")
    found = {name: list(each) if isinstance(each, list | tuple) else [each] for name, each in spikes.items()}
    for name, steps in found.items():
        if not steps or not all(isinstance(step, torch.Tensor) for step in steps):
            raise UsageError(f"spikes, {name}: wanted tensors")
    return found


def _whole_bits(widths: Mapping[str, torch.Tensor]) -> dict[str, int]:
    """Widths as the nearest whole numbers that there are."""
    found = {}
    for name, each in widths.items():
        if not isinstance(each, torch.Tensor) or each.numel() != 1 or not bool(torch.isfinite(each).all()):
            raise UsageError(f"weight_bits, {name}: wanted a tensor of one finite number")
        found[name] = min(max(round(float(each.detach())), 1), _MOST_BITS)
    return found


@dataclass(frozen=True, slots=True)
class _Linear:
    """The linear model of one batch (see `hwsim.oracle.linear`)."""

    oracle: Oracle
    value: float
    slopes: Mapping[str, torch.Tensor]
    tensors: Tensors
    bits: Mapping[str, int]
    of_bits: dict[str, float]
    means: Mapping[str, torch.Tensor] = field(init=False)
    said: dict[str, float] = field(init=False)  # by layer, of the batch that it was looked at in last
    base: float = field(init=False)

    def __post_init__(self) -> None:
        axis = 1 if self.oracle.over_time else 0
        object.__setattr__(self, "means", {name: each.mean(axis, keepdim=True) for name, each in self.slopes.items()})
        object.__setattr__(self, "said", {})
        self._look(self.tensors)
        object.__setattr__(self, "base", sum(self.said.values()))
        object.__setattr__(self, "tensors", {})  # nothing of the batch is kept
        object.__setattr__(self, "slopes", {})

    def of(
        self, tensors: Tensors, bits: Mapping[str, int], turn: int | None = None
    ) -> tuple[float, Sequence[_Slope | None], dict[str, float]]:
        """What a batch costs by the model, and its slopes; in a `turn` those of one layer, which stand for all."""
        names = list(tensors)
        chosen = names if turn is None else [names[turn % len(names)]]
        slopes = self._look({name: tensors[name] for name in chosen})
        times = len(names) / len(chosen)
        found: list[_Slope | None] = []
        for name, steps in tensors.items():
            found += [_Slope(each.values * times, each.shape) for each in slopes.get(name, [])]
            found += [None] * (len(steps) if name not in slopes else 0)
        wider = sum(each * (bits[name] - self.bits[name]) for name, each in self.of_bits.items() if name in bits)
        return self.value + sum(self.said.values()) - self.base + wider, found, self.of_bits

    @torch.no_grad()
    def _look(self, tensors: Tensors) -> dict[str, list[_Slope]]:
        """The slopes of some layers; what they say of their spikes is noted."""
        found = {}
        for name, steps in tensors.items():
            found[name] = _spread(self.oracle, self.means, {name: steps})
            self.said[name] = sum(slope.dot(step) for slope, step in zip(found[name], steps, strict=True))
        return found


@dataclass(frozen=True, slots=True)
class _Slope:
    """Slopes of one tensor, in as few numbers as there are different ones."""

    values: torch.Tensor  # broadcasts to the shape
    shape: torch.Size

    def times(self, factor: float, like: tuple[torch.dtype, torch.device]) -> torch.Tensor:
        """Those of all of it, scaled."""
        dtype, device = like
        return (self.values * factor).to(device=device, dtype=dtype).expand(self.shape)

    def dot(self, step: torch.Tensor) -> float:
        """The sum of slopes times a tensor, over whose axis of samples they are the same."""
        each = self.values.to(device=step.device, dtype=torch.float32)
        alike = [axis for axis in range(each.dim()) if each.shape[axis] == 1 < step.shape[axis]]
        total = step.detach().sum(alike, keepdim=True, dtype=torch.float32) if alike else step.detach()
        return float((total * each).sum(dtype=torch.float64))


class _Given(torch.autograd.Function):
    """A value that is known, with slopes that are."""

    @staticmethod
    def forward(ctx: Any, value: float, slopes: Sequence[_Slope | None], unit: float, *given: torch.Tensor) -> Any:
        """The value; `unit` scales the slopes."""
        ctx.slopes, ctx.unit = slopes, unit
        ctx.kinds = [(each.dtype, each.device) for each in given]
        return torch.tensor(value, dtype=torch.float64, device=given[0].device)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The slopes, times what comes back."""
        factor = float(gradients[0]) * ctx.unit
        wanted = zip(ctx.slopes, ctx.kinds, ctx.needs_input_grad[3:], strict=True)
        each = [slope.times(factor, kind) if slope is not None and asked else None for slope, kind, asked in wanted]
        return None, None, None, *each


def _as_given(oracle: Oracle, name: str, slopes: Any) -> torch.Tensor:
    """Slopes [sample, timestep, place, channel] in the axes of a layer of maps over time, else as they are."""
    if slopes is None:
        return torch.zeros(1, 1, 1, 1, 1) if oracle.over_time else torch.zeros(1, 1, 1, 1)
    found = torch.from_numpy(np.require(slopes, requirements=["C", "W"]))
    if not oracle.over_time:
        return found * oracle.slope_of_value
    samples, steps, _, channels = found.shape
    return found.reshape(samples, steps, *oracle.shape(name)[:2], channels).permute(1, 0, 4, 2, 3)


def _spread(oracle: Oracle, slopes: Mapping[str, torch.Tensor], tensors: Tensors) -> list[_Slope]:
    """Slopes of the mean over samples, for each tensor of each layer."""
    found: list[_Slope] = []
    for name, steps in tensors.items():
        whole = slopes[name]
        if not oracle.over_time:
            found += [
                _Slope(whole.reshape(len(whole), *[1] * (step.dim() - 1)) / len(step), step.shape) for step in steps
            ]
            continue
        whole = whole if math.prod(oracle.shape(name)[:2]) > 1 else whole[..., 0, 0]
        if len(steps) == 1 and steps[0].dim() == whole.dim():
            (step,), first = steps, oracle.axes == "time, sample"
            found.append(
                _Slope((whole if first else whole.transpose(0, 1)) / step.shape[1 if first else 0], step.shape)
            )
        else:
            found += [_Slope(whole[min(t, len(whole) - 1)] / len(step), step.shape) for t, step in enumerate(steps)]
    return found
