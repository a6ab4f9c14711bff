"""A differentiable term of a loss: what a batch's spikes cost on a machine, with a gradient to every spike.

Gradients go on through the model's own surrogates.  What a slope is on which machine is in docs/guides/oracle.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hwsim import arguments
from hwsim.errors import HwsimError, UsageError
from hwsim.oracle.cost import Cost
from hwsim.oracle.linear import Drift
from hwsim.oracle.monitor import Monitor
from hwsim.oracle.oracle import Oracle
from hwsim.oracle.torch.attached import Slope, attached
from hwsim.oracle.torch.axes import Tensors, maps_of, samples_axis, spread
from hwsim.oracle.torch.linear import Linear

__all__ = ["Term", "loss", "term"]

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
        self._model: Linear | None = None
        self._of_bits: dict[str, float] = {}  # what a bit more of each layer's weights costs

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
        bits = _whole_bits(widths)
        if self._model is None or self._calls % self.every == 0:
            value, slopes = self._played(spikes, inputs, tensors, bits)
        else:
            turn = self._calls if self._in_turn else None
            value, slopes = self._model.of(tensors, bits, self._of_bits, turn)
        self._calls += 1
        given = [pair for name, each in slopes.items() for pair in zip(tensors[name], each, strict=True)]
        given += [(each, Slope(torch.tensor(self._of_bits.get(name, 0.0)))) for name, each in widths.items()]
        scaled = [(each, slope.by(1 / self._unit)) for each, slope in given if each.requires_grad]
        return attached(value / self._unit, scaled, next(iter(tensors.values()))[0].device)

    def _played(
        self, spikes: Any, inputs: Any, tensors: Tensors, bits: dict[str, int]
    ) -> tuple[float | torch.Tensor, dict[str, list[Slope]]]:
        oracle = self.oracle.at_bits(bits) if bits else self.oracle
        asked = any(step.requires_grad for steps in tensors.values() for step in steps)
        if self.every == 1 and not (asked and torch.is_grad_enabled()):
            self.cost = oracle(spikes, inputs)
            self._of_bits = self._found_bits(spikes, inputs, bits)
            return self.cost.value, {}
        self.cost, slopes = oracle.slopes(spikes, inputs)
        if self.every > 1:
            if self._model is not None:
                said, _ = self._model.of(tensors, bits, self._of_bits)
                self.drift.note(float(said), self.cost.value)
            self._model = Linear(oracle, self.cost.value, slopes, tensors, bits)
        self._of_bits = self._found_bits(spikes, inputs, bits)
        return self.cost.value, _of_samples(oracle, slopes, tensors)

    def _found_bits(self, spikes: Any, inputs: Any, bits: dict[str, int]) -> dict[str, float]:
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


def _of_samples(oracle: Oracle, slopes: Mapping[str, Any], tensors: Tensors) -> dict[str, list[Slope]]:
    """Slopes of every sample, as the oracle has them, of the mean over samples."""
    found = {}
    for name, steps in tensors.items():
        values = spread(oracle, maps_of(oracle, name, slopes.get(name)), steps)
        numbers = [step.shape[samples_axis(oracle, step)] for step in steps]
        found[name] = [Slope(each, 1 / number) for each, number in zip(values, numbers, strict=True)]
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
