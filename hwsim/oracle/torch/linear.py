"""The linear model of a batch that was played (see `hwsim.oracle.linear`), for the batches after it.

A step of training between two that are played reads each spike once and adds to each gradient once.  All else is of the
size of a sample.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from hwsim.oracle.oracle import Oracle
from hwsim.oracle.spikes import named
from hwsim.oracle.torch.attached import Slope
from hwsim.oracle.torch.axes import Tensors, samples_axis, spread
from hwsim.oracle.torch.memory import Laid


class Linear:
    """What batches cost by the slopes of one, in the mean over its samples."""

    def __init__(
        self, oracle: Oracle, value: float, maps: Mapping[str, torch.Tensor], tensors: Tensors, bits: Mapping[str, int]
    ) -> None:
        """Of a batch, its cost and its slopes by layer (`maps_of`), of which the means are kept."""
        self._oracle, self._bits, samples = oracle, bits, 1 if oracle.over_time else 0
        self._means = {name: each.mean(samples, keepdim=True) for name, each in maps.items()}
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
