"""How often each action happened, as exact integers per sample and timestep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.engine.stage import BatchStage, Stage
from hwsim.engine.timesteps import Timesteps
from hwsim.errors import ModelError

Counts = NDArray[np.int64]
AnyStage = Stage | BatchStage
OPERATIONS = "operations"
"""The one component without prices: what the network asked for (MAC, AC, membrane updates), posted like actions."""


class Action(NamedTuple):
    """Something that a component does for a layer, and that has a price."""

    layer: str
    component: str
    action: str


class Posting(NamedTuple):
    """Counts of one action by the jobs of one stage: int64 [job], or [sample, job] where samples differ."""

    stage: str
    component: str
    action: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Posted:
    """A posting that was checked: `rows` int64 [1 or sample, job], one where samples do not differ."""

    stage: str
    component: str
    action: str
    rows: Counts
    n_samples: int
    _sums: dict[int, Counts] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, posting: Posting, n_samples: int = 1) -> Posted:
        """A posting of so many samples, or one that is the same for any.

        Raises ModelError for counts that are not integers, are negative or have another number of samples.
        """
        (stage, component, action, counts), place = posting, f"{posting.component}.{posting.action} of {posting.stage}"
        if counts.dtype != np.int64 or counts.ndim > 2 or counts.min(initial=0) < 0:
            raise ModelError(f"{place}: counts must be int64 >= 0, [job] or [sample, job]")
        if counts.ndim == 2 and counts.shape[0] not in (1, n_samples):
            raise ModelError(f"{place}: counts of {counts.shape[0]} samples, not {n_samples}")
        return cls(stage, component, action, np.atleast_2d(counts), n_samples)

    @property
    def counts(self) -> Counts:
        """Counts of every job: int64 [sample, job]."""
        return np.broadcast_to(self.rows, (self.n_samples, self.rows.shape[1]))

    def by(self, stage: str, component: str, action: str, n_samples: int) -> Posted:
        """The same counts for an action, of so many samples."""
        return Posted(stage, component, action, self.rows, n_samples, self._sums)

    def sums(self, timestep: NDArray[np.int32], timesteps: int) -> Counts:
        """Sums over the jobs of each timestep: int64 [1 or sample, timestep]."""
        if timesteps not in self._sums:
            self._sums[timesteps] = Timesteps.of(timestep).sums(self.rows, timesteps)
        return self._sums[timesteps]


class Ledger:
    """Postings of a batch of samples whose schedules have the same stages and jobs."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.postings: list[Posted] = []

    @classmethod
    def of(cls, n_samples: int, postings: Iterable[Posting | Posted]) -> Ledger:
        """A ledger of everything that some samples do; what any samples do alike may have been checked before."""
        ledger, known = cls(n_samples), dict[int, tuple[Counts, Posted]]()
        for posting in postings:
            if isinstance(posting, Posted):
                ledger.postings.append(posting.by(posting.stage, posting.component, posting.action, n_samples))
                continue
            number = id(posting.counts)  # several actions may share an array, which is kept so that no other has its id
            if number not in known:
                known[number] = posting.counts, Posted.of(posting, n_samples)
            ledger.postings.append(known[number][1].by(*posting[:3], n_samples))
        return ledger

    def post(self, stage: str, component: str, action: str, counts: ArrayLike) -> None:
        """Add counts [job] or [sample, job] of an action done by the jobs of `stage`; zero counts are posted too.

        Raises ModelError as `Posted.of` does.
        """
        posting = Posting(stage, component, action, np.atleast_1d(np.asarray(counts)))
        self.postings.append(Posted.of(posting, self.n_samples))

    def tally(
        self, stages: Sequence[AnyStage], timesteps: int, ran: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> Mapping[Action, Counts]:
        """Sum the postings over the jobs that ran: int64 [sample, timestep] for every action.

        `ran` is [sample, job] by stage; without it all did.  Stages that a run does not have are left out of it.
        Raises ModelError where counts and jobs disagree.
        """
        if ran is None:
            return self._by_action(stages, lambda stage, posted: posted.sums(stage.timestep, timesteps))
        found = ran

        def of_those(stage: AnyStage, posted: Posted) -> Counts:
            return Timesteps.of(stage.timestep).sums(posted.rows * found[stage.name], timesteps)

        return self._by_action(stages, of_those)

    def until(self, stages: Sequence[AnyStage], ends: Mapping[str, Counts]) -> Mapping[Action, Counts]:
        """Sum the postings over the first jobs of every stage, as many as `ends` [sample, end] says: [sample, end]."""
        return self._by_action(stages, lambda stage, posted: first_jobs(posted.rows, ends[stage.name]))

    def _by_action(
        self, stages: Sequence[AnyStage], total: Callable[[AnyStage, Posted], Counts]
    ) -> Mapping[Action, Counts]:
        """Totals of each posting under its layer and action, added up where several have one."""
        by_name = {stage.name: stage for stage in stages}
        totals: dict[Action, Counts] = {}
        for posting in self.postings:
            stage = by_name.get(posting.stage)
            if stage is None:
                continue
            if posting.rows.shape[1] != stage.n_jobs:
                raise ModelError(
                    f"{posting.component}.{posting.action} of {posting.stage}: "
                    f"counts of {posting.rows.shape[1]} jobs, the stage has {stage.n_jobs}"
                )
            key, found = Action(stage.layer, posting.component, posting.action), total(stage, posting)
            totals[key] = totals[key] + found if key in totals else found
        return {key: for_all(each, self.n_samples) for key, each in totals.items()}


def for_all(rows: Counts, n_samples: int) -> Counts:
    """Counts [1 or sample, ...] as those of every sample, read-only where they are alike; np.broadcast_to is slow."""
    if len(rows) == n_samples:
        return rows
    spread = np.ndarray((n_samples, *rows.shape[1:]), rows.dtype, rows, 0, (0, *rows.strides[1:]))
    spread.flags.writeable = False
    return spread


def first_jobs(values: Counts, ends: Counts) -> Counts:
    """Sums of values [1 or sample, job] over the first jobs, as many as `ends` [sample, end] says: [sample, end]."""
    sums = np.zeros((len(values), values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return np.take_along_axis(np.broadcast_to(sums, (len(ends), sums.shape[1])), ends, axis=1)
