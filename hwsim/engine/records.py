"""What schedules that were retimed from one share, as the records and arrays of the compiled loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Event, Unless, Wait
from hwsim.kept import kept_with
from hwsim.kernels.events.machine import NEVER, NONE, STAGE, UNIT, WAIT, Numbers
from hwsim.named import Places

Cycles = NDArray[np.int64] | int
_NOTHING = np.zeros(0, np.int64)


class Shared(NamedTuple):
    """What all schedules have that were retimed from one."""

    records: NDArray[Any]
    waits: NDArray[Any]
    units: NDArray[Any]
    n_slots: int  # of all units
    n_asking: int  # stages that ask for one
    stages: Places[str]  # their numbers
    layers: Places[str]
    layer_of: NDArray[np.int64]  # [stage] its number
    jobs: Mapping[str, slice]  # those of each stage among all
    columns: Places[str]  # the same, of all samples
    needs: NDArray[np.int64]  # [1 or sample, need] of all waits, then of all decisions
    service: Rows
    latency: Rows


class Rows(NamedTuple):
    """Cycles of all stages side by side, as they were before any were changed."""

    parts: Sequence[Cycles]  # of each stage [job], or [sample, job] where samples differ, or one for all jobs
    bounds: NDArray[np.int64]  # where each begins in the whole, and where the last ends
    common: NDArray[np.int64]  # [all], 0 where samples differ
    several: Sequence[int]  # stages in which they do
    nowhere: NDArray[np.int64]  # [stage] NONE

    @classmethod
    def of(cls, parts: Sequence[Cycles]) -> Rows:
        """Those of a shape."""
        arrays = [np.atleast_1d(np.asarray(part, np.int64)) for part in parts]
        alike = (part if part.ndim == 1 else np.zeros(part.shape[1], np.int64) for part in arrays)
        several = [i for i, part in enumerate(arrays) if part.ndim == 2]
        bounds = _starts(part.shape[-1] for part in arrays)
        return cls(parts, bounds, np.concatenate([_NOTHING, *alike]), several, np.full(len(parts), NONE, np.int64))

    def numbers(self, changed: Mapping[int, Cycles], n_samples: int) -> Numbers:
        """Those with some stages changed, as many of each: what samples share, and side by side what they do not."""
        common, column, own, taken = self.common, self.nowhere.copy(), list[NDArray[np.int64]](), 0
        for i, part in {**{i: self.parts[i] for i in self.several}, **changed}.items():
            if isinstance(part, np.ndarray) and part.ndim == 2:
                assert part.shape[1] == self.bounds[i + 1] - self.bounds[i]
                column[i], taken = taken, taken + part.shape[1]
                own.append(part)
            elif part is not self.parts[i]:
                common = common.copy() if common is self.common else common
                common[self.bounds[i] : self.bounds[i + 1]] = part
        rows = np.concatenate(own, axis=1) if own else np.zeros((n_samples, 0), np.int64)
        return Numbers(common, rows, self.bounds, column)


def shared_by(schedules: Schedules) -> Shared:
    """Kept with what they were retimed from."""
    shape = schedules if schedules.shape is None else schedules.shape
    found: Shared = kept_with(shape).once("records", lambda: _found(shape))
    return found


def _found(shape: Schedules) -> Shared:
    service = Rows.of([stage.service for stage in shape.stages])
    latency = Rows.of([stage.latency for stage in shape.stages])
    if shape.shape is not None:
        return shared_by(shape)._replace(service=service, latency=latency)
    layers: dict[str, int] = {}
    layer_of = [layers.setdefault(stage.layer, len(layers)) for stage in shape.stages]
    bounds = service.bounds.tolist()
    jobs = {stage.name: slice(*part) for stage, part in zip(shape.stages, pairwise(bounds), strict=True)}
    records, waits, units = _records(shape)
    return Shared(
        records,
        waits,
        units,
        n_slots=int(units["n_slots"].sum()),
        n_asking=int((records["unit"] != NONE).sum()),
        stages=Places(shape.positions),
        layers=Places(layers),
        layer_of=np.array(layer_of, np.int64),
        jobs=jobs,
        columns=Places({name: (slice(None), part) for name, part in jobs.items()}),
        needs=_needs(shape),
        service=service,
        latency=latency,
    )


def _records(schedules: Schedules) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Records of all stages, of all waits and of all units."""
    stages, waits = schedules.stages, [wait for stage in schedules.stages for wait in stage.waits]
    needing = [*waits, *_decided(stages)]
    first_need = _starts(each.needs.shape[-1] for each in needing)
    first_wait = _starts(len(stage.waits) for stage in stages)
    first_job = _starts(stage.n_jobs for stage in stages)
    records = np.zeros(len(stages), dtype=STAGE)
    records["first_job"] = first_job[:-1]
    records["n_jobs"] = np.diff(first_job)
    records["first_wait"] = first_wait[:-1]
    records["end_wait"] = first_wait[1:]
    lengths = [1 if np.ndim(stage.latency) == 0 else np.shape(stage.latency)[-1] for stage in stages]
    records["first_latency"] = _starts(lengths)[:-1]
    records["latency_step"] = [not isinstance(stage.latency, int | np.integer) for stage in stages]
    for name in ("ready", "decided", "wakes"):
        records[name] = NEVER
    for name in ("unit", "place", "decider", "follower", "next_follower", "next_feared", "waiter", "next"):
        records[name] = NONE
    _link_decisions(schedules, records, first_need[len(waits) :])
    awaited = _waits(schedules, waits, first_need, records["first_job"], int(first_job[-1]))
    return records, awaited, _link_units(schedules, records)


def _decided(stages: Sequence[BatchStage]) -> list[Unless]:
    return [stage.unless for stage in stages if stage.unless is not None]


def _needs(schedules: Schedules) -> NDArray[np.int64]:
    """What waits and decisions need, [1, need] where samples are alike in all of that, else [sample, need]."""
    stages = schedules.stages
    parts = [*(wait.needs for stage in stages for wait in stage.waits), *(each.needs for each in _decided(stages))]
    if all(part.ndim == 1 for part in parts):
        return np.concatenate([_NOTHING, *parts])[None]
    return np.concatenate([np.broadcast_to(part, (len(schedules), part.shape[-1])) for part in parts], axis=1)


def _starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Where each part begins in the whole, and where the last one ends: int64 [part + 1]."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def _link_units(schedules: Schedules, stages: NDArray[Any]) -> NDArray[Any]:
    """Records of all units, whose numbers the stages get that have to ask for a slot."""
    number = {unit: u for u, unit in enumerate(schedules.units)}
    asking = _asking(schedules)
    stages["unit"] = [
        NONE if stage.unit is None or stage.name not in asking else number[stage.unit] for stage in schedules.stages
    ]
    users = Counter(stage.unit for stage in schedules.stages if stage.name in asking)
    sharing = [users[unit] for unit in schedules.units]
    # No more slots than stages to hold one: a stage holds one at a time.
    slots = [min(int(capacity), n) for capacity, n in zip(schedules.units.values(), sharing, strict=True)]
    records = np.zeros(len(sharing), dtype=UNIT)
    records["first_slot"], records["n_slots"] = _starts(slots)[:-1], slots
    records["first_place"] = _starts(sharing)[:-1]
    return records


def _asking(schedules: Schedules) -> frozenset[str]:
    """Stages whose jobs have to ask for a slot of their unit.

    Where each stage of a unit can have a slot of its own, one is vacant when a job is ready.  It starts in that cycle,
    and when in the cycle shows only in what waits for its start or in a decision that makes it void.  All stages of a
    unit ask if one does, so that slots are counted right.
    """
    users = Counter(stage.unit for stage in schedules.stages)
    awaited = {wait.stage for stage in schedules.stages for wait in stage.waits if wait.event == "start"}
    units = {
        stage.unit
        for stage in schedules.stages
        if stage.unit is not None
        and (schedules.units[stage.unit] < users[stage.unit] or stage.name in awaited or stage.unless is not None)
    }
    return frozenset(stage.name for stage in schedules.stages if stage.unit in units)


def _link_decisions(schedules: Schedules, stages: NDArray[Any], first_need: NDArray[np.int64]) -> None:
    positions = schedules.positions
    decided = [(s, stage.unless) for s, stage in enumerate(schedules.stages) if stage.unless is not None]
    for (s, unless), first in zip(decided, first_need, strict=False):
        decider = positions[unless.stage]
        stages[s]["decider"], stages[s]["first_decision"] = decider, first
        stages[s]["next_follower"], stages[decider]["follower"] = stages[decider]["follower"], s


def _waits(
    schedules: Schedules,
    waits: Sequence[Wait],
    first_need: NDArray[np.int64],
    first_job: NDArray[np.int64],
    n_jobs: int,
) -> NDArray[Any]:
    positions, events = schedules.positions, get_args(Event)
    records = np.zeros(len(waits), dtype=WAIT)
    awaited = np.array([positions[wait.stage] for wait in waits], dtype=np.int64)
    records["stage"], records["first_need"] = awaited, first_need[: len(waits)]
    records["first_time"] = [events.index(wait.event) * n_jobs for wait in waits]
    records["first_time"] += first_job[awaited]
    records["for_space"] = [wait.stall == "blocked" for wait in waits]
    return records
