"""Samples lowered together: counts in one ledger, and the schedules of every run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.ledger import Ledger
from hwsim.contract.marginal import Asked, Marginals
from hwsim.contract.run import RunName
from hwsim.contract.stages import cut_short
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage, Unless
from hwsim.errors import ModelError

_JOBS_AT_ONCE = 1 << 19  # of all samples of a batch: memory does not grow with samples


@dataclass(frozen=True, slots=True)
class OneEach:
    """A schedule a sample, with all timesteps; a sample that leaves early costs what has happened by then.

    `ends` are the jobs of `stage` that end the timesteps: int64 [timestep].
    """

    schedules: Schedules
    stage: str
    ends: NDArray[np.int64]

    @property
    def each(self) -> Sequence[Schedule]:
        """All schedules that this stands for."""
        return self.schedules


@dataclass(frozen=True, slots=True)
class ByLeaving:
    """Schedules of all samples for each timestep after which they may leave; their answer is its end."""

    schedules: Sequence[Schedules]  # [timestep]

    @property
    def each(self) -> Sequence[Schedule]:
        """All schedules that this stands for: [sample * timesteps + timestep]."""
        return [leaving[sample] for sample in range(len(self.schedules[0])) for leaving in self.schedules]


@dataclass(frozen=True, slots=True)
class Overlapped:
    """A schedule a sample in which later timesteps start before the decision that ends each one.

    It stands for one for each timestep after which a sample may leave: once the decision on that, job `ends[timestep]`
    of `stage`, is done, no job of a later timestep starts any more, and what has started runs to its end.
    """

    schedules: Schedules
    stage: str
    ends: NDArray[np.int64]

    def leaving(self, timestep: int) -> Schedules:
        """The schedules of samples that leave after a timestep."""
        end, whole = self.ends[timestep], self.schedules
        voids = [self._void(stage, timestep) for stage in whole.stages]
        return cut_short(whole, voids, (self.stage, np.array([end], np.int64)))

    def _void(self, stage: BatchStage, timestep: int) -> Unless | None:
        """The decision on the jobs of a stage that belong to later timesteps; None where it has none."""
        later: NDArray[np.bool_] = stage.timestep > timestep
        return Unless(self.stage, np.where(later, self.ends[timestep], -1).astype(np.int64)) if later.any() else None

    @property
    def each(self) -> Sequence[Schedule]:
        """All schedules that this stands for: [sample * timesteps + timestep]."""
        return ByLeaving([self.leaving(timestep) for timestep in range(self.ends.size)]).each


Scheduled = OneEach | ByLeaving | Overlapped


def whole(scheduled: Scheduled) -> Schedules:
    """The schedules of samples that take all timesteps."""
    return scheduled.schedules[-1] if isinstance(scheduled, ByLeaving) else scheduled.schedules


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, lowered; where runs have samples of their own, those of one run."""

    samples: range
    ledger: Ledger
    runs: Mapping[RunName, Scheduled]

    @property
    def schedules(self) -> Mapping[RunName, Sequence[Schedule]]:
        """All schedules, by run."""
        return {run: scheduled.each for run, scheduled in self.runs.items()}

    @property
    def n_jobs(self) -> int:
        """Jobs of all schedules that are played."""
        return sum(_jobs(scheduled) for scheduled in self.runs.values())


def _jobs(scheduled: Scheduled) -> int:
    match scheduled:
        case OneEach(schedules) | Overlapped(schedules):
            return schedules.n_jobs * len(schedules)
        case ByLeaving(leaving):
            return sum(schedules.n_jobs * len(schedules) for schedules in leaving)


@dataclass(frozen=True)
class Batches:
    """The batches of a workload, lowered each time they are asked for.

    `lower` takes any consecutive samples of one kind; samples of a kind have the same jobs.  Where samples do not
    depend on each other several processes can share them out.
    """

    lower: Callable[[range], Batch]
    n_samples: int  # of all runs together where they have samples of their own
    most: int = 1 << 31  # samples in one batch, as memory allows
    kinds: Mapping[int, Hashable] = field(default_factory=lambda: {0: None})  # by the sample from which on they hold
    independent: bool = True
    jobs: Mapping[Hashable, int] | None = None  # of all schedules of one sample of each kind; None: to be counted
    anew: Callable[[Any, Collection[RunName]], Batches] | None = None  # of another trace of the same network, some runs
    marginals: Callable[[Asked], Marginals] | None = None  # what one spike more or less costs; None where nobody says

    @cached_property
    def _jobs(self) -> Mapping[Hashable, int]:
        """Jobs of all schedules of one sample of each kind."""
        if self.jobs is not None:
            return self.jobs
        firsts = {kind: start for start, kind in sorted(self.kinds.items(), reverse=True)}
        return {kind: self.lower(range(start, start + 1)).n_jobs for kind, start in firsts.items()}

    def played(self) -> Batches:
        """How much there was, without what it is lowered from."""
        return replace(self, lower=_lowered_before, jobs=self._jobs, anew=None, marginals=None)

    @property
    def n_jobs(self) -> int:
        """Jobs of all schedules of all samples, counted from one sample of each kind."""
        starts = [*self.kinds, self.n_samples]
        stretches = zip(self.kinds.values(), pairwise(starts), strict=True)
        return sum(self._jobs[kind] * (stop - start) for kind, (start, stop) in stretches)

    def within(self, samples: range) -> Iterator[Batch]:
        """Batches of some consecutive samples."""
        starts = [*self.kinds, self.n_samples]
        for kind, (start, stop) in zip(self.kinds.values(), pairwise(starts), strict=True):
            at_once = max(1, min(self.most, _JOBS_AT_ONCE // max(1, self._jobs[kind])))
            for first in range(max(start, samples.start), min(stop, samples.stop), at_once):
                yield self.lower(range(first, min(first + at_once, stop, samples.stop)))

    def __iter__(self) -> Iterator[Batch]:
        """Batches of all samples."""
        return self.within(range(self.n_samples))


def _lowered_before(_samples: range) -> Batch:
    raise ModelError("a workload that was played is not kept, only what came of it")
