"""How often each action happened, as exact integers per sample and timestep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline
from hwsim.errors import ModelError

Counts = NDArray[np.int64]
OPERATIONS = "operations"
"""The one component without prices: what the network asked for (MAC, AC, membrane updates), posted like actions."""


class Action(NamedTuple):
    """Something that a component does for a layer, and that has a price."""

    layer: str
    component: str
    action: str


class Posting(NamedTuple):
    """Counts of one action by the jobs of one stage: int64 [job] or [sample, job]."""

    stage: str
    component: str
    action: str
    counts: Counts


class Ledger:
    """Postings of a batch of samples whose schedules have the same stages and jobs."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.postings: list[Posting] = []

    @classmethod
    def of(cls, n_samples: int, postings: Iterable[Posting]) -> Ledger:
        """A ledger of everything that some samples do."""
        ledger = cls(n_samples)
        for posting in postings:
            ledger.post(*posting)
        return ledger

    def post(self, stage: str, component: str, action: str, counts: ArrayLike) -> None:
        """Add counts [job] or [sample, job] of an action done by the jobs of `stage`; zero counts are posted too.

        Raises ModelError for counts that are not integers, are negative or have another number of samples.
        """
        array = np.atleast_1d(np.asarray(counts))
        if array.dtype != np.int64 or array.ndim > 2 or (array < 0).any():
            raise ModelError(f"{component}.{action} of {stage}: counts must be int64 >= 0, [job] or [sample, job]")
        if array.ndim == 2 and array.shape[0] != self.n_samples:
            raise ModelError(
                f"{component}.{action} of {stage}: counts of {array.shape[0]} samples, not {self.n_samples}"
            )
        self.postings.append(
            Posting(stage, component, action, np.broadcast_to(array, (self.n_samples, array.shape[-1])))
        )

    def tally(
        self, schedules: Sequence[Schedule], timelines: Sequence[Timeline], timesteps: int
    ) -> Mapping[Action, Counts]:
        """Sum the postings over the jobs that ran: int64 [sample, timestep] for every action.

        Stages that a run does not have are left out of it.  Raises ModelError where counts and jobs disagree.
        """
        stages = {stage.name: stage for stage in schedules[0].stages}
        masks: dict[str, NDArray[np.bool_]] = {}
        steps: dict[str, _Timesteps] = {}
        totals: dict[Action, Counts] = {}
        for posting in self.postings:
            stage = stages.get(posting.stage)
            if stage is None:
                continue
            if posting.stage not in masks:
                masks[posting.stage] = np.stack([timeline.ran[posting.stage] for timeline in timelines])
                steps[posting.stage] = _Timesteps.of(stage.timestep)
            ran = masks[posting.stage]
            if ran.shape != posting.counts.shape:
                raise ModelError(
                    f"{posting.component}.{posting.action} of {posting.stage}: "
                    f"counts of {posting.counts.shape[1]} jobs, the stage has {ran.shape[1]}"
                )
            counts = posting.counts if ran.all() else posting.counts * ran
            key = Action(stage.layer, posting.component, posting.action)
            total = totals.setdefault(key, np.zeros((self.n_samples, timesteps), np.int64))
            steps[posting.stage].add(counts, total)
        return totals


@dataclass(frozen=True, slots=True)
class _Timesteps:
    """The jobs of a stage by timestep, so that all sums over the jobs of a timestep take one pass."""

    order: NDArray[np.int64] | None  # jobs by timestep, None where they are in that order already
    present: NDArray[np.int32]  # timesteps that have jobs
    starts: NDArray[np.int64]  # place in that order of the first job of each

    @classmethod
    def of(cls, timestep: NDArray[np.int32]) -> _Timesteps:
        """Sort jobs by their timestep [job]."""
        in_order = bool((timestep[1:] >= timestep[:-1]).all())
        order = None if in_order else np.argsort(timestep, kind="stable")
        present, starts = np.unique(timestep if order is None else timestep[order], return_index=True)
        return cls(order, present, starts)

    def add(self, counts: Counts, total: Counts) -> None:
        """Add the counts [sample, job] of each timestep's jobs to its total [sample, timestep]."""
        ordered = counts if self.order is None else counts[:, self.order]
        total[:, self.present] += np.add.reduceat(ordered, self.starts, axis=1)
