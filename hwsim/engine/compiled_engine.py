"""The fast engine: lays a schedule out in arrays and plays it in a compiled event loop; equal to the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.deadlock import deadlock
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage, Event, Unless, Wait
from hwsim.engine.timeline import ACCOUNTS, Timeline, Timelines
from hwsim.kept import kept_with
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.machine import NEVER, NONE, STAGE, UNIT, WAIT, Batch, Machine


def run(schedule: Schedule) -> Timeline:
    """Play a schedule and return when each job ran; ModelError names the cycle of jobs where it deadlocks."""
    return run_all(Schedules.of([schedule]))[0]


def run_all(schedules: Schedules) -> Timelines:
    """Play one schedule for each sample; ModelError names the cycle of jobs where the first of them deadlocks."""
    batch, room = lay_out(schedules)
    play_batch(batch, room)
    stuck = (batch.heads < batch.stages["n_jobs"]).any(axis=1)
    if stuck.any():
        sample = int(stuck.argmax())
        raise deadlock(schedules[sample], batch.heads[sample].tolist())
    return _timelines(schedules, batch)


def lay_out(schedules: Schedules) -> tuple[Batch, Machine]:
    """Empty machines at cycle 0, and room for one of them: names become positions, arrays of all stages one each."""
    shape = schedules if schedules.shape is None else schedules.shape
    records, waits, units = kept_with(shape).once("records", lambda: _records(shape))
    stages, n_samples = schedules.stages, len(schedules)
    needing = [*(wait for stage in stages for wait in stage.waits), *_decided(stages)]
    n_jobs = sum(stage.n_jobs for stage in stages)
    batch = Batch(
        stages=records,
        needs=_side_by_side([each.needs for each in needing], n_samples),
        service=_side_by_side([stage.service for stage in stages], n_samples),
        latency=_side_by_side([_latencies(stage) for stage in stages], n_samples),
        times=np.empty((n_samples, 3 * n_jobs), dtype=np.int64),
        ran=np.ones((n_samples, n_jobs), dtype=np.bool_),
        heads=np.broadcast_to(records["n_jobs"], (n_samples, len(stages))).copy(),
        accounts=np.zeros((len(stages), len(ACCOUNTS)), dtype=np.int64),
    )
    room = Machine(
        stages=records.copy(),
        waits=waits,
        needs=batch.needs[0],
        service=batch.service[0],
        latency=batch.latency[0],
        slots=np.zeros(units["n_slots"].sum(), dtype=np.int64),
        turn=np.zeros(len(stages), dtype=np.int64),
        feared=np.full(1, NONE, dtype=np.int64),
        units=units.copy(),
        queues=np.zeros((records["unit"] != NONE).sum(), dtype=np.int64),
        due=np.full(len(units), NEVER, dtype=np.int64),
        times=batch.times[0],
        ran=batch.ran[0],
    )
    return batch, room


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
    records["first_latency"] = _starts(_latencies(stage).shape[-1] for stage in stages)[:-1]
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


def _latencies(stage: BatchStage) -> NDArray[np.int64]:
    return np.atleast_1d(np.asarray(stage.latency, dtype=np.int64))


def _side_by_side(parts: Sequence[NDArray[np.int64]], n_samples: int) -> NDArray[np.int64]:
    """Arrays [job] or [sample, job] as one: [1, jobs] where samples are alike in all, else [sample, jobs]."""
    rows = n_samples if any(part.ndim == 2 for part in parts) else 1
    whole = np.empty((rows, sum(part.shape[-1] for part in parts)), dtype=np.int64)
    first = 0
    for part in parts:
        whole[:, first : first + part.shape[-1]] = part
        first += part.shape[-1]
    return whole


def _starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Where each part begins in the whole, and where the last one ends: int64 [part + 1]."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def _link_units(schedules: Schedules, stages: NDArray[Any]) -> NDArray[Any]:
    """Records of all units, whose numbers the stages get."""
    users = Counter(stage.unit for stage in schedules.stages)
    sharing = [users[unit] for unit in schedules.units]
    # No more slots than stages to hold one: a stage holds one at a time.
    slots = [min(int(capacity), n) for capacity, n in zip(schedules.units.values(), sharing, strict=True)]
    records = np.zeros(len(sharing), dtype=UNIT)
    records["first_slot"], records["n_slots"] = _starts(slots)[:-1], slots
    records["first_place"] = _starts(sharing)[:-1]
    number = {unit: u for u, unit in enumerate(schedules.units)}
    stages["unit"] = [NONE if stage.unit is None else number[stage.unit] for stage in schedules.stages]
    return records


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


def _timelines(schedules: Schedules, batch: Batch) -> Timelines:
    """Views of the loop's arrays, by name."""
    bounds = _starts(stage.n_jobs for stage in schedules.stages).tolist()
    parts = {stage.name: slice(*part) for stage, part in zip(schedules.stages, pairwise(bounds), strict=True)}
    start, free, done = batch.times.reshape(len(schedules), 3, -1).swapaxes(0, 1)
    return Timelines(
        start={name: start[:, part] for name, part in parts.items()},
        free={name: free[:, part] for name, part in parts.items()},
        done={name: done[:, part] for name, part in parts.items()},
        ran={name: batch.ran[:, part] for name, part in parts.items()},
        # No void job is later than all that ran: it became void at the free or done of one of them.
        makespan_cycles=done.max(axis=1, initial=0),
        accounts=dict(zip(parts, batch.accounts, strict=True)),
    )
