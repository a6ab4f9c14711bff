"""A trace on a machine: what happened and how long each job takes, in batches made when asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.exits import Exits
from hwsim.contract.hardware import Hardware
from hwsim.contract.ledger import Ledger
from hwsim.engine.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, lowered: one ledger, and schedules for every run.

    Where runs have samples of their own, as learning and inference do, a batch has those of one run only.
    A run of which `step_ends` speaks has one schedule a sample, with all timesteps, and what happens up to the end of
    a timestep is what a sample costs that leaves then.  Of others each sample has a schedule for every timestep after
    which it may leave, in that order, whose answer is the end of that timestep: [sample * timesteps + timestep].
    `streamed`, for machines that have it, is one schedule of all samples with the jobs of the static run, sample by
    sample on every stage.
    """

    samples: range
    ledger: Ledger
    schedules: Mapping[str, Sequence[Schedule]]
    step_ends: Mapping[str, tuple[str, NDArray[np.int64]]]  # run -> stage and job [timestep] that ends each timestep
    streamed: Schedule | None = None


class Batches(ABC):
    """The batches of samples that do not depend on each other, lowered each time they are asked for.

    Any samples can be asked for by themselves, so that several processes can share them out.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """All samples."""

    @property
    @abstractmethod
    def most_at_once(self) -> int:
        """Samples that are lowered together, at least 1: memory does not grow with their number."""

    @abstractmethod
    def lower(self, samples: range) -> Batch:
        """Some consecutive samples in one batch."""

    def within(self, samples: range) -> Iterator[Batch]:
        """Batches of some consecutive samples."""
        for start in range(samples.start, samples.stop, self.most_at_once):
            yield self.lower(range(start, min(start + self.most_at_once, samples.stop)))

    def __iter__(self) -> Iterator[Batch]:
        """Batches of all samples."""
        return self.within(range(self.n_samples))


@dataclass(frozen=True, slots=True)
class Workload:
    """A trace on a machine: what happened (ledgers) and how long each job takes (schedules), in batches made when
    asked for.
    """

    batches: Iterable[Batch]  # `Batches` where samples do not depend on each other
    n_samples: int  # of all runs together where they have samples of their own
    n_jobs: int  # of all schedules of all samples
    timesteps: int
    runs: tuple[str, ...]
    hardware: Hardware
    accuracy: tuple[float | None, int]  # at the last timestep, and over how many samples; not of a run that learns
    exits: Exits | None = None
