"""Samples lowered together: counts in one ledger, and the schedules of every run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.ledger import Ledger
from hwsim.contract.run import RunName
from hwsim.engine.schedule import Schedule

_JOBS_AT_ONCE = 1 << 18  # of all samples of a batch: memory does not grow with samples


@dataclass(frozen=True, slots=True)
class OneEach:
    """A schedule a sample, with all timesteps; a sample that leaves early costs what has happened by then.

    `ends` are the jobs of `stage` that end the timesteps: int64 [timestep].
    """

    schedules: Sequence[Schedule]
    stage: str
    ends: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ByLeaving:
    """A schedule for every sample and timestep after which it may leave: [sample * timesteps + timestep].

    The answer of each is the end of that timestep.
    """

    schedules: Sequence[Schedule]


@dataclass(frozen=True, slots=True)
class InStream:
    """One schedule of all samples with the jobs of the static run, sample by sample on every stage."""

    schedule: Schedule

    @property
    def schedules(self) -> Sequence[Schedule]:
        """The one schedule."""
        return (self.schedule,)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, lowered; where runs have samples of their own, those of one run."""

    samples: range
    ledger: Ledger
    runs: Mapping[RunName, OneEach | ByLeaving | InStream]

    @property
    def schedules(self) -> Mapping[RunName, Sequence[Schedule]]:
        """All schedules, by run."""
        return {run: scheduled.schedules for run, scheduled in self.runs.items()}

    @property
    def n_jobs(self) -> int:
        """Jobs of all schedules."""
        return sum(schedule.n_jobs for schedules in self.schedules.values() for schedule in schedules)


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

    @cached_property
    def _jobs(self) -> Mapping[Hashable, int]:
        """Jobs of all schedules of one sample of each kind."""
        firsts = {kind: start for start, kind in sorted(self.kinds.items(), reverse=True)}
        return {kind: self.lower(range(start, start + 1)).n_jobs for kind, start in firsts.items()}

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
