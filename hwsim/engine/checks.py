"""What makes stages, units and an answer a schedule; each rule is one message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.stage import BatchStage, Event, Stage, Stall, Unless, Wait
from hwsim.errors import ModelError, guess

MAX_CYCLES = 2**62
"""Sum of all service and latency a schedule may hold, so that no time computed from it overflows int64."""

AnyStage = Stage | BatchStage
_EVENTS, _STALLS = get_args(Event), get_args(Stall)
Answer = tuple[str, NDArray[np.int64]]


def check(stages: Sequence[AnyStage], units: Mapping[str, int], answer: Answer, n_samples: int | None = None) -> None:
    """Raise ModelError unless they make a schedule, or one for each of so many samples."""
    _check_units(units)
    jobs = _count_jobs(stages, n_samples)
    for stage in stages:
        _check_stage(stage, jobs, units, n_samples)
    _check_answer(answer, jobs)


def cycles_of(stages: Collection[AnyStage], late: Iterable[AnyStage] | None = None) -> NDArray[np.float64]:
    """Service of all jobs of some stages, and latency of the same or of others.

    It is float64 [sample], or [1] where all samples have the same.
    """
    single, alike, own = 0.0, list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    for cycles, n_jobs in (
        *((stage.service, stage.n_jobs) for stage in stages),
        *((stage.latency, stage.n_jobs) for stage in (stages if late is None else late)),
    ):
        if isinstance(cycles, int | np.integer):
            single += float(cycles) * n_jobs
        else:
            (alike if cycles.ndim == 1 else own).append(cycles)
    if alike:
        single += float(np.add.reduce(np.concatenate(alike), dtype=np.float64))
    if not own:
        return np.array([single])
    total: NDArray[np.float64] = np.add.reduce(np.concatenate(own, axis=1), axis=1, dtype=np.float64) + single
    return total


def check_total(cycles: NDArray[np.float64]) -> float:
    """The most of `cycles_of` all stages; raises ModelError unless the times of every sample stay within int64."""
    total = float(np.max(cycles, initial=0.0))
    if total >= MAX_CYCLES:
        raise ModelError(f"schedule: service and latency must sum to less than 2**62 cycles, got {total:.3g}")
    return total


def check_times(stage: BatchStage, before: BatchStage, n_samples: int) -> None:
    """Raise ModelError unless a stage that was retimed has service and latency for as many jobs as before."""
    if stage.service is not before.service:
        check_array(f"stage {stage.name}: service", stage.service, np.int64, before.n_jobs, n_samples)
        _check_times(stage.name, "service", stage.service)
    if stage.latency is not before.latency:
        _check_latency(stage, n_samples)


def _check_units(units: Mapping[str, int]) -> None:
    for name, capacity in units.items():
        if not isinstance(capacity, int | np.integer):
            raise ModelError(f"unit {name}: capacity must be a whole number of slots, got {capacity!r}")
        if capacity < 1:
            raise ModelError(f"unit {name}: capacity must be at least 1, got {capacity}")


def _count_jobs(stages: Sequence[AnyStage], n_samples: int | None) -> dict[str, int]:
    jobs: dict[str, int] = {}
    for position, stage in enumerate(stages):
        if stage.name in jobs:
            raise ModelError(f"stage {stage.name}: names must be unique, got it again at position {position}")
        check_array(f"stage {stage.name}: service", stage.service, np.int64, n_samples=n_samples)
        jobs[stage.name] = stage.n_jobs
    return jobs


def _check_stage(stage: AnyStage, jobs: Mapping[str, int], units: Mapping[str, int], n_samples: int | None) -> None:
    place = f"stage {stage.name}"
    _check_times(stage.name, "service", stage.service)
    _check_latency(stage, n_samples)
    check_array(f"{place}: timestep", stage.timestep, np.int32, stage.n_jobs)
    if stage.unit is not None and stage.unit not in units:
        raise ModelError(f"{place}: unit '{stage.unit}' does not exist{guess(stage.unit, units)}")
    for wait in stage.waits:
        if wait.event not in _EVENTS:
            raise ModelError(f"{place}: a wait's event must be start, free or done, got {wait.event!r}")
        if wait.stall not in _STALLS:
            raise ModelError(f"{place}: a wait's stall must be starved or blocked, got {wait.stall!r}")
        _check_needs(stage, "waits for", wait, jobs, n_samples)
    if stage.unless is not None:
        _check_needs(stage, "is void by", stage.unless, jobs, None)


def _check_latency(stage: AnyStage, n_samples: int | None) -> None:
    if isinstance(stage.latency, int | np.integer):
        if stage.latency < 0:
            raise ModelError(f"stage {stage.name}: latency must not be negative, got {stage.latency}")
    else:
        check_array(f"stage {stage.name}: latency", stage.latency, np.int64, stage.n_jobs, n_samples)
        _check_times(stage.name, "latency", stage.latency)


def _check_needs(
    stage: AnyStage, relation: str, other: Wait | Unless, jobs: Mapping[str, int], n_samples: int | None
) -> None:
    place = f"stage {stage.name}"
    if other.stage not in jobs:
        raise ModelError(f"{place}: {relation} stage '{other.stage}', which does not exist{guess(other.stage, jobs)}")
    check_array(f"{place}: needs of '{other.stage}'", other.needs, np.int64, stage.n_jobs, n_samples)
    _check_jobs(stage.name, f"{relation} {other.stage}", other.needs, other.bounds, (-1, jobs[other.stage] - 1))


def _check_answer(answer: Answer, jobs: Mapping[str, int]) -> None:
    stage, needs = answer
    if stage not in jobs:
        raise ModelError(f"answer: stage '{stage}' does not exist{guess(stage, jobs)}")
    check_array("answer: jobs", needs, np.int64)
    _check_jobs("answer", f"is {stage}", needs, Wait(stage, needs).bounds, (0, jobs[stage] - 1))


def check_array(
    place: str,
    values: object,
    dtype: type[np.integer],
    n_jobs: int | None = None,
    n_samples: int | None = None,
) -> None:
    """Raise ModelError unless it is an array [job] of a type, or [sample, job] where there are samples."""
    shapes = (1,) if n_samples is None else (1, 2)
    if not isinstance(values, np.ndarray) or values.ndim not in shapes or values.dtype != dtype:
        wanted = f"a one-dimensional {np.dtype(dtype).name} array"  # not made before it is needed: it takes its time
        if isinstance(values, np.ndarray):
            raise ModelError(f"{place} must be {wanted}, got {values.dtype} of shape {values.shape}")
        raise ModelError(f"{place} must be {wanted}, got {type(values).__name__}")
    if n_jobs is not None and values.shape[-1] != n_jobs:
        raise ModelError(f"{place} must have one entry per job ({n_jobs}), got {values.shape[-1]}")
    if values.ndim == 2 and len(values) != n_samples:
        raise ModelError(f"{place} must have one row per sample ({n_samples}), got {len(values)}")


def _check_times(stage: str, what: str, cycles: NDArray[np.int64]) -> None:
    if cycles.size and np.minimum.reduce(cycles, axis=None) < 0:
        where = np.unravel_index(np.argmax(cycles < 0), cycles.shape)
        raise ModelError(f"{_job(stage, where)}: {what} must not be negative, got {cycles[where]}")


def _check_jobs(
    place: str, relation: str, needs: NDArray[np.int64], found: tuple[int, int], allowed: tuple[int, int]
) -> None:
    (lowest, highest), (low, high) = found, allowed
    if needs.size and (lowest < low or highest > high):
        where = np.unravel_index(np.argmax((needs < low) | (needs > high)), needs.shape)
        there = f"allowed: {low} to {high}" if high >= 0 else "it has no jobs"
        raise ModelError(f"{_job(place, where)}: {relation}[{needs[where]}], which does not exist ({there})")


def _job(stage: str, where: tuple[np.intp, ...]) -> str:
    """A job by its number, and its sample where there are several."""
    *sample, job = where
    return f"{stage}[{job}]" + "".join(f" of sample {i}" for i in sample)
