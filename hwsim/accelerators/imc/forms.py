"""What steps post, laid out before there are spikes: which action has which counts, and how they follow from spikes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import Postings


@dataclass(frozen=True, slots=True)
class Driven:
    """Counts of a row in proportion to one of its `LayerCounts`; with `more`, the words that these and more bits fill.

    The last word need not be full.
    """

    of: str  # its name
    times: int = 1
    more: IntArray | None = None  # [timestep or 1, row or 1]
    word: int = 1

    def __mul__(self, times: int) -> Driven:
        return replace(self, times=self.times * times)

    def fill(self, room: IntArray, counts: LayerCounts) -> None:
        """Write those of a batch to int64 [sample, timestep, row]."""
        np.multiply(getattr(counts, self.of), self.times, out=room)
        if self.more is not None:
            room += self.more + (self.word - 1)
            room //= self.word


Actions = dict[tuple[str, str], IntArray | int | Driven]
"""Counts of each component's actions for one row: [timestep or 1, row or 1], one for all, or what spikes drive."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a step posts for its rows, whatever the spikes; counts that several actions have are written once."""

    actions: tuple[tuple[str, str, int], ...]  # component, action and which of the counts
    counts: tuple[IntArray | int | Driven, ...]

    @classmethod
    def of(cls, actions: Actions) -> Form:
        """That of some actions."""
        counts = {id(each): each for each in actions.values()}
        places = dict(zip(counts, range(len(counts)), strict=True))
        named = ((component, action, places[id(each)]) for (component, action), each in actions.items())
        return cls((*named,), (*counts.values(),))

    def posted(self, plan: Plan, step: Step, counts: LayerCounts | None, n_samples: int) -> Postings:
        """Counts of all actions in the order of a step's jobs; `counts` are None of a step that spikes do not drive."""
        full = np.empty((len(self.counts), n_samples, plan.timesteps, step.rows), np.int64)
        for room, each in zip(full, self.counts, strict=True):
            if isinstance(each, Driven):
                assert counts is not None
                each.fill(room, counts)
            else:
                room[:] = each
        return Postings(step.name, self.actions, plan.pipeline.order.arrange(full))
