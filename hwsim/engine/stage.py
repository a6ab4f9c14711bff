"""A unit or pipeline step with its jobs: how long each takes and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Event = Literal["start", "free", "done"]
"""A job starts, frees its stage after its service, and is done (its result visible) after its latency."""
Stall = Literal["starved", "blocked"]
"""The account a wait is booked on: no data yet, or no space yet."""


class _Needing:
    """What needs jobs of another stage."""

    needs: NDArray[np.int64]

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest job that is needed, looked up once; (0, -1) where none is asked about."""
        if not self.needs.size:
            return 0, -1
        lowest, highest = (extreme.reduce(self.needs, axis=None) for extreme in (np.minimum, np.maximum))
        return int(lowest), int(highest)


@dataclass(frozen=True, eq=False)
class Wait(_Needing):
    """Job j waits for `event` of job `needs[j]` of `stage`: int64 [job], -1 for nothing.

    `stage` may be any stage, a later one or the waiter's own. Data wait for done, a buffer that is being read for free,
    a queue that is popped at the start for start. `stall` names the account of the wait and never changes timing.
    """

    stage: str
    needs: NDArray[np.int64]
    event: Event = "done"
    stall: Stall = "starved"


@dataclass(frozen=True, eq=False)
class Unless(_Needing):
    """Job j is void once the decision, job `needs[j]` of `stage`, is done: int64 [job], -1 for never."""

    stage: str
    needs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One unit or pipeline step of a machine; it runs its jobs in index order, one at a time.

    `service` is the cycles a job occupies the stage (int64 [job]), `latency` the cycles from then until its result is
    visible (int64 [job], or one int for all). A job with service holds one slot of `unit` meanwhile. `sample` and
    `timestep` are labels (int32 [job]) for the ledger and the report; they never change timing.
    """

    name: str
    layer: str
    service: NDArray[np.int64]
    latency: NDArray[np.int64] | int
    waits: tuple[Wait, ...] = ()
    unit: str | None = None
    unless: Unless | None = None
    sample: NDArray[np.int32] = field(kw_only=True)
    timestep: NDArray[np.int32] = field(kw_only=True)

    @property
    def n_jobs(self) -> int:
        """How many jobs the stage has; zero is allowed."""
        return len(self.service)

    @property
    def latencies(self) -> NDArray[np.int64]:
        """Latency of every job, int64 [job]; a read-only view where it is one number for all."""
        return np.broadcast_to(np.asarray(self.latency, dtype=np.int64), self.service.shape)


@dataclass(frozen=True, eq=False)
class BatchStage:
    """One stage for all samples of a batch: arrays are [job] where samples are alike, else [sample, job]; so are needs.

    `sample` and `timestep` are [job]; all else is as in `Stage`.
    """

    name: str
    layer: str
    service: NDArray[np.int64]
    latency: NDArray[np.int64] | int
    waits: tuple[Wait, ...]
    timestep: NDArray[np.int32]
    unit: str | None = None
    unless: Unless | None = None
    sample: NDArray[np.int32] | None = None  # None: each schedule is of one sample

    @property
    def n_jobs(self) -> int:
        """How many jobs the stage has for each sample."""
        return int(self.service.shape[-1])

    def retimed(self, service: NDArray[np.int64], latency: NDArray[np.int64] | int) -> BatchStage:
        """The same with other cycles; dataclasses.replace takes twice as long."""
        return BatchStage(
            self.name, self.layer, service, latency, self.waits, self.timestep, self.unit, self.unless, self.sample
        )

    def of(self, sample: int) -> Stage:
        """The stage of one sample."""
        return Stage(
            name=self.name,
            layer=self.layer,
            service=_row(self.service, sample),
            latency=self.latency if isinstance(self.latency, int) else _row(self.latency, sample),
            waits=tuple(
                wait if wait.needs.ndim == 1 else replace(wait, needs=wait.needs[sample]) for wait in self.waits
            ),
            unit=self.unit,
            unless=self.unless,
            sample=np.zeros_like(self.timestep) if self.sample is None else self.sample,
            timestep=self.timestep,
        )


def _row(values: NDArray[np.int64], sample: int) -> NDArray[np.int64]:
    return values if values.ndim == 1 else np.ascontiguousarray(values[sample])
