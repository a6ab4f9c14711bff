"""The jobs a machine has to run, as data: how long each takes and what it waits for; not when it runs, nor a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import ModelError, guess

Event = Literal["start", "free", "done"]
"""A job starts, frees its stage after its service, and is done (its result visible) after its latency."""
Stall = Literal["starved", "blocked"]
"""The account a wait is booked on: no data yet, or no space yet."""

MAX_CYCLES = 2**62
"""Sum of all service and latency a schedule may hold, so that no time computed from it overflows int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """Job j waits for `event` of job `needs[j]` of `stage`: int64 [job], -1 for nothing.

    `stage` may be any stage, a later one or the waiter's own. Data wait for done, a buffer that is being read for free,
    a queue that is popped at the start for start. `stall` names the account of the wait and never changes timing.
    """

    stage: str
    needs: NDArray[np.int64]
    event: Event = "done"
    stall: Stall = "starved"


@dataclass(frozen=True, slots=True, eq=False)
class Unless:
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


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Stages in order (position breaks ties), slots of each shared unit, and the job that answers each sample.

    `answer` is (stage, int64 [sample]): the job whose done ends that sample's latency.

    Raises ModelError on a stage, unit, event or job that does not exist, a wrong shape or dtype, a negative time, a
    unit without slots. Arrays are checked once, here, and must not be changed afterwards.
    """

    stages: tuple[Stage, ...]
    units: Mapping[str, int]
    answer: tuple[str, NDArray[np.int64]]

    def __post_init__(self) -> None:
        _check_units(self.units)
        jobs = _count_jobs(self.stages)
        for stage in self.stages:
            _check_stage(stage, jobs, self.units)
        _check_answer(self.answer, jobs)
        total = sum(float(s.service.sum(dtype=np.float64) + s.latencies.sum(dtype=np.float64)) for s in self.stages)
        if total >= MAX_CYCLES:
            raise ModelError(f"schedule: service and latency must sum to less than 2**62 cycles, got {total:.3g}")

    @property
    def n_jobs(self) -> int:
        """Jobs of all stages."""
        return sum(stage.n_jobs for stage in self.stages)

    @property
    def positions(self) -> dict[str, int]:
        """Position of each stage by its name."""
        return {stage.name: position for position, stage in enumerate(self.stages)}


def _check_units(units: Mapping[str, int]) -> None:
    for name, capacity in units.items():
        if not isinstance(capacity, int | np.integer):
            raise ModelError(f"unit {name}: capacity must be a whole number of slots, got {capacity!r}")
        if capacity < 1:
            raise ModelError(f"unit {name}: capacity must be at least 1, got {capacity}")


def _count_jobs(stages: tuple[Stage, ...]) -> dict[str, int]:
    jobs: dict[str, int] = {}
    for position, stage in enumerate(stages):
        if stage.name in jobs:
            raise ModelError(f"stage {stage.name}: names must be unique, got it again at position {position}")
        _check_array(f"stage {stage.name}: service", stage.service, np.int64)
        jobs[stage.name] = stage.n_jobs
    return jobs


def _check_stage(stage: Stage, jobs: Mapping[str, int], units: Mapping[str, int]) -> None:
    place = f"stage {stage.name}"
    _check_times(stage.name, "service", stage.service)
    if isinstance(stage.latency, int | np.integer):
        if stage.latency < 0:
            raise ModelError(f"{place}: latency must not be negative, got {stage.latency}")
    else:
        _check_array(f"{place}: latency", stage.latency, np.int64, stage.n_jobs)
        _check_times(stage.name, "latency", stage.latency)
    _check_array(f"{place}: sample", stage.sample, np.int32, stage.n_jobs)
    _check_array(f"{place}: timestep", stage.timestep, np.int32, stage.n_jobs)
    if stage.unit is not None and stage.unit not in units:
        raise ModelError(f"{place}: unit '{stage.unit}' does not exist{guess(stage.unit, units)}")
    for wait in stage.waits:
        if wait.event not in get_args(Event):
            raise ModelError(f"{place}: a wait's event must be start, free or done, got {wait.event!r}")
        if wait.stall not in get_args(Stall):
            raise ModelError(f"{place}: a wait's stall must be starved or blocked, got {wait.stall!r}")
        _check_needs(stage, "waits for", wait, jobs)
    if stage.unless is not None:
        _check_needs(stage, "is void by", stage.unless, jobs)


def _check_needs(stage: Stage, relation: str, other: Wait | Unless, jobs: Mapping[str, int]) -> None:
    place = f"stage {stage.name}"
    if other.stage not in jobs:
        raise ModelError(f"{place}: {relation} stage '{other.stage}', which does not exist{guess(other.stage, jobs)}")
    _check_array(f"{place}: needs of '{other.stage}'", other.needs, np.int64, stage.n_jobs)
    _check_jobs(stage.name, f"{relation} {other.stage}", other.needs, -1, jobs[other.stage])


def _check_answer(answer: tuple[str, NDArray[np.int64]], jobs: Mapping[str, int]) -> None:
    stage, needs = answer
    if stage not in jobs:
        raise ModelError(f"answer: stage '{stage}' does not exist{guess(stage, jobs)}")
    _check_array("answer: jobs", needs, np.int64)
    _check_jobs("answer", f"is {stage}", needs, 0, jobs[stage])


def _check_array(place: str, values: object, dtype: type[np.integer], length: int | None = None) -> None:
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype != dtype:
        wanted = f"a one-dimensional {np.dtype(dtype).name} array"  # not made before it is needed: it takes its time
        if isinstance(values, np.ndarray):
            raise ModelError(f"{place} must be {wanted}, got {values.dtype} of shape {values.shape}")
        raise ModelError(f"{place} must be {wanted}, got {type(values).__name__}")
    if length is not None and len(values) != length:
        raise ModelError(f"{place} must have one entry per job ({length}), got {len(values)}")


def _check_times(stage: str, what: str, cycles: NDArray[np.int64]) -> None:
    if len(cycles) and cycles.min() < 0:
        job = int(np.argmax(cycles < 0))
        raise ModelError(f"{stage}[{job}]: {what} must not be negative, got {cycles[job]}")


def _check_jobs(place: str, relation: str, needs: NDArray[np.int64], lowest: int, n_jobs: int) -> None:
    if len(needs) and (needs.min() < lowest or needs.max() >= n_jobs):
        job = int(np.argmax((needs < lowest) | (needs >= n_jobs)))
        allowed = f"allowed: {lowest} to {n_jobs - 1}" if n_jobs else "it has no jobs"
        raise ModelError(f"{place}[{job}]: {relation}[{needs[job]}], which does not exist ({allowed})")
