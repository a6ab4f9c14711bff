"""The linear model of a batch that was played (see `hwsim.oracle.linear`), for the batches after it.

A step of training between two that are played reads each spike once and adds to each gradient once.  All else is of the
size of a sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hwsim.oracle.oracle import Oracle
from hwsim.oracle.spikes import named
from hwsim.oracle.torch.attached import Slope
from hwsim.oracle.torch.axes import Tensors, maps_of, samples_axis, spread
from hwsim.oracle.torch.memory import Laid


class Linear:
    """What batches cost by the slopes of one, in the mean over its samples."""

    def __init__(
        self, oracle: Oracle, value: float, slopes: Mapping[str, Any], tensors: Tensors, bits: Mapping[str, int]
    ) -> None:
        """Of a batch, its cost and its slopes as the oracle has them."""
        self._oracle, self._bits = oracle, bits
        self._means = {name: maps_of(oracle, name, _mean(slopes.get(name))) for name in tensors}
        self._laid: dict[str, list[Laid]] = {}
        self._said: dict[str, torch.Tensor] = {}  # by layer, of the batch that it was looked at in last
        self._look(tensors)
        self._rest = value - self._sum()

    def of(
        self, tensors: Tensors, bits: Mapping[str, int], of_bits: Mapping[str, float], turn: int | None = None
    ) -> tuple[torch.Tensor, dict[str, list[Slope]]]:
        """What a batch costs by the model, and its slopes; in a `turn` those of one layer, which stand for all.

        `of_bits` is what a bit more of a layer's weights costs.
        """
        names = list(named(tensors, self._means))
        chosen = names if turn is None else [names[turn % len(names)]]
        self._look({name: tensors[name] for name in chosen})
        times = len(names) / len(chosen)
        slopes = {
            name: [
                Slope(laid.values, times / laid.number(step))
                for laid, step in zip(self._laid[name], tensors[name], strict=True)
            ]
            for name in chosen
        }
        wider = sum(each * (bits[name] - self._bits[name]) for name, each in of_bits.items() if name in bits)
        return self._rest + self._sum() + wider, slopes

    def _look(self, tensors: Tensors) -> None:
        """Note what the slopes of some layers say of their spikes."""
        first = next(iter(tensors.values()))[0].device
        with torch.autocast(first.type, enabled=False):
            for name, steps in tensors.items():
                said = [laid.dot(step) for laid, step in zip(self._laid_for(name, steps), steps, strict=True)]
                self._said[name] = said[0] if len(said) == 1 else torch.stack(said).sum()

    def _laid_for(self, name: str, steps: list[torch.Tensor]) -> list[Laid]:
        """The slopes of a layer for its tensors, kept for others that lie in memory alike."""
        found = self._laid.get(name, [])
        if len(found) != len(steps) or not all(map(Laid.fits, found, steps)):
            values = spread(self._oracle, self._means[name], steps)
            axes = [samples_axis(self._oracle, step) for step in steps]
            self._laid[name] = found = list(map(Laid.of, values, steps, axes))
        return found

    def _sum(self) -> torch.Tensor:
        first, *others = self._said.values()
        return torch.stack([first, *(each.to(first.device) for each in others)]).sum()


def _mean(slopes: Any) -> Any:
    """That over samples, the first axis; of none, none."""
    return None if slopes is None else slopes.mean(axis=0, keepdims=True)
