"""The fast engine: lays a schedule out in arrays and plays it in a compiled event loop; equal to the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.deadlock import deadlock
from hwsim.engine.schedule import Event, Schedule
from hwsim.engine.timeline import Timeline
from hwsim.kernels.events.loop import play
from hwsim.kernels.events.machine import NEVER, NONE, STAGE, WAIT, Machine


def run(schedule: Schedule) -> Timeline:
    """Play a schedule and return when each job ran; ModelError names the cycle of jobs where it deadlocks."""
    machine = lay_out(schedule)
    play(machine)
    heads = machine.stages["head"]
    if (heads < machine.stages["n_jobs"]).any():
        raise deadlock(schedule, heads.tolist())
    return _timeline(schedule, machine)


def lay_out(schedule: Schedule) -> Machine:
    """An empty machine at cycle 0: names become positions, and the arrays of all stages one array each."""
    latencies = [np.atleast_1d(np.asarray(stage.latency, dtype=np.int64)) for stage in schedule.stages]
    needs = [wait.needs for stage in schedule.stages for wait in stage.waits]
    needs += [stage.unless.needs for stage in schedule.stages if stage.unless is not None]
    first_need = _starts(map(len, needs))
    slots = _slots(schedule)
    stages = np.zeros(len(schedule.stages), dtype=STAGE)
    first_job = _starts(stage.n_jobs for stage in schedule.stages)
    first_wait = _starts(len(stage.waits) for stage in schedule.stages)
    stages["first_job"] = first_job[:-1]
    stages["n_jobs"] = np.diff(first_job)
    stages["first_wait"] = first_wait[:-1]
    stages["end_wait"] = first_wait[1:]
    stages["first_latency"] = _starts(map(len, latencies))[:-1]
    stages["latency_step"] = [np.ndim(stage.latency) for stage in schedule.stages]
    for field in ("ready", "decided", "wakes"):
        stages[field] = NEVER
    for field in ("first_slot", "asked_slot", "decider", "follower", "next_follower", "next_asker", "waiter", "next"):
        stages[field] = NONE
    _link_units(schedule, stages, slots)
    _link_decisions(schedule, stages, first_need[first_wait[-1] :])
    n_jobs = int(first_job[-1])
    return Machine(
        stages=stages,
        waits=_waits(schedule, first_need, stages["first_job"], n_jobs),
        needs=np.concatenate([*needs, np.empty(0, dtype=np.int64)]),
        service=np.concatenate([stage.service for stage in schedule.stages]),
        latency=np.concatenate(latencies),
        slots=np.zeros(sum(slots.values()), dtype=np.int64),
        turn=np.zeros(len(stages), dtype=np.int64),
        asker=np.full(1, NONE, dtype=np.int64),
        times=np.empty(3 * n_jobs, dtype=np.int64),
        ran=np.ones(n_jobs, dtype=np.bool_),
    )


def _starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Where each part begins in the whole, and where the last one ends: int64 [part + 1]."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def _slots(schedule: Schedule) -> dict[str, int]:
    """Slots of each unit, but no more than there are stages to hold one: a stage holds one at a time."""
    users = Counter(stage.unit for stage in schedule.stages)
    return {unit: min(int(capacity), users[unit]) for unit, capacity in schedule.units.items()}


def _link_units(schedule: Schedule, stages: NDArray[Any], slots: dict[str, int]) -> None:
    first_slot = dict(zip(slots, _starts(slots.values()).tolist(), strict=False))
    for record, stage in zip(stages, schedule.stages, strict=True):
        if stage.unit is not None:
            record["first_slot"], record["n_slots"] = first_slot[stage.unit], slots[stage.unit]


def _link_decisions(schedule: Schedule, stages: NDArray[Any], first_need: NDArray[np.int64]) -> None:
    positions = schedule.positions
    decided = [(s, stage.unless) for s, stage in enumerate(schedule.stages) if stage.unless is not None]
    for (s, unless), first in zip(decided, first_need, strict=False):
        decider = positions[unless.stage]
        stages[s]["decider"], stages[s]["first_decision"] = decider, first
        stages[s]["next_follower"], stages[decider]["follower"] = stages[decider]["follower"], s


def _waits(
    schedule: Schedule, first_need: NDArray[np.int64], first_job: NDArray[np.int64], n_jobs: int
) -> NDArray[Any]:
    positions, events = schedule.positions, get_args(Event)
    waits = [wait for stage in schedule.stages for wait in stage.waits]
    records = np.zeros(len(waits), dtype=WAIT)
    for record, wait, first in zip(records, waits, first_need, strict=False):
        awaited = positions[wait.stage]
        record["stage"], record["first_need"] = awaited, first
        record["first_time"] = events.index(wait.event) * n_jobs + first_job[awaited]
    return records


def _timeline(schedule: Schedule, machine: Machine) -> Timeline:
    """Views of the loop's arrays, by name."""
    bounds = _starts(stage.n_jobs for stage in schedule.stages).tolist()
    parts = {stage.name: slice(*part) for stage, part in zip(schedule.stages, pairwise(bounds), strict=True)}
    start, free, done = machine.times.reshape(3, -1)
    return Timeline(
        start={name: start[part] for name, part in parts.items()},
        free={name: free[part] for name, part in parts.items()},
        done={name: done[part] for name, part in parts.items()},
        ran={name: machine.ran[part] for name, part in parts.items()},
        # No void job is later than all that ran: it became void at the free or done of one of them.
        makespan_cycles=int(done.max(initial=0)),
    )
