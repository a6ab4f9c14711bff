"""The fast engine: lays a schedule out in arrays and plays it in a compiled event loop; equal to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.deadlock import deadlock
from hwsim.engine.records import Shared, latencies_of, needs_of, shared_by
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage
from hwsim.engine.timeline import ACCOUNTS, Timeline, Timelines
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.machine import FREE, HELD, NEVER, NONE, Batch, Machine

_JOBS_WORTH_THREADS = 1 << 16  # of all samples: to start threads takes as long as some thousand of them


def run(schedule: Schedule) -> Timeline:
    """Play a schedule and return when each job ran; ModelError names the cycle of jobs where it deadlocks."""
    return run_all(Schedules.of([schedule]))[0]


def run_all(schedules: Schedules, threads: int = 1) -> Timelines:
    """Play one schedule for each sample; ModelError names the cycle of jobs where the first of them deadlocks.

    Threads share out the samples; what comes of it is the same for any number of them.
    """
    shared = shared_by(schedules)
    batch, room = _laid_out(schedules, shared)
    n_samples = len(schedules)
    parts = min(threads, n_samples)
    if parts == 1 or n_samples * shared.service.bounds[-1] < _JOBS_WORTH_THREADS:
        play_batch(batch, room, _room(batch, shared))
    else:
        _play_in_threads(batch, room, shared, parts)
    stuck = (batch.heads < batch.stages["n_jobs"]).any(axis=1)
    if stuck.any():
        sample = int(stuck.argmax())
        raise deadlock(schedules[sample], batch.heads[sample].tolist())
    return _timelines(schedules, shared, batch, room)


def _play_in_threads(batch: Batch, room: Machine, shared: Shared, parts: int) -> None:
    """Some samples in each thread, with rooms of its own, of which accounts and spans are added up."""
    edges = [len(batch.times) * i // parts for i in range(parts + 1)]
    shares = [(_samples(batch, *edge), _room(batch, shared)) for edge in pairwise(edges)]
    rooms = [_room(part, shared) for part, _ in shares]
    list(_pool(parts).map(play_batch, *zip(*shares, strict=True), rooms))
    for part, machine in shares:
        batch.spans[:] += part.spans
        room.accounts[:] += machine.accounts


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for batches; they are not started before there is one."""
    return ThreadPoolExecutor(threads, "hwsim engine")


def _samples(batch: Batch, first: int, stop: int) -> Batch:
    """Some samples of a batch, with spans of their own."""
    own = {name: getattr(batch, name)[first:stop] for name in ("times", "ran", "heads")}
    rows = {name: getattr(batch, name) for name in ("needs", "service", "latency")}
    own |= {name: each[first:stop] if len(each) > 1 else each for name, each in rows.items()}
    return batch._replace(**own, spans=np.zeros_like(batch.spans), span=np.zeros_like(batch.span))


def lay_out(schedules: Schedules) -> tuple[Batch, Machine]:
    """Empty machines at cycle 0, and room for one of them: names become positions, arrays of all stages one each."""
    return _laid_out(schedules, shared_by(schedules))


def _laid_out(schedules: Schedules, shared: Shared) -> tuple[Batch, Machine]:
    records = shared.records
    stages, n_samples = schedules.stages, len(schedules)
    n_jobs = shared.service.bounds[-1]
    batch = Batch(
        stages=records,
        needs=shared.needs.side_by_side(needs_of(stages), n_samples),
        service=shared.service.side_by_side([stage.service for stage in stages], n_samples),
        latency=shared.latency.side_by_side([latencies_of(stage) for stage in stages], n_samples),
        times=np.empty((n_samples, 3 * n_jobs), dtype=np.int64),
        ran=np.ones((n_samples, n_jobs), dtype=np.bool_),
        heads=np.broadcast_to(records["n_jobs"], (n_samples, len(stages))).copy(),
        held=_held(stages),
        layers=shared.layer_of,
        spans=np.zeros((len(shared.layers), 2), dtype=np.int64),
        span=np.zeros((len(shared.layers), 2), dtype=np.int64),
    )
    return batch, _room(batch, shared)


def _room(batch: Batch, shared: Shared) -> Machine:
    """Room for one sample at cycle 0."""
    records, units, n_stages = batch.stages, shared.units, len(batch.stages)
    return Machine(
        stages=records.copy(),
        waits=shared.waits,
        needs=batch.needs[0],
        service=batch.service[0],
        latency=batch.latency[0],
        slots=np.zeros(units["n_slots"].sum(), dtype=np.int64),
        turn=np.zeros(n_stages, dtype=np.int64),
        held=np.full(n_stages, FREE, dtype=np.int64),
        until=np.full(1, NEVER, dtype=np.int64),
        feared=np.full(1, NONE, dtype=np.int64),
        units=units.copy(),
        queues=np.zeros((records["unit"] != NONE).sum(), dtype=np.int64),
        due=np.full(len(units), NEVER, dtype=np.int64),
        accounts=np.zeros((n_stages, len(ACCOUNTS)), dtype=np.int64),
        reached=np.zeros((n_stages, 2), dtype=np.int64),
        times=batch.times[0],
        ran=batch.ran[0],
    )


def _held(stages: Sequence[BatchStage]) -> NDArray[np.int64]:
    """HELD for stages of which the times of samples differ; for all where they differ in what decides or is needed."""
    waits = (wait for stage in stages for wait in stage.waits)
    apart = any(stage.unless is not None for stage in stages) or any(wait.needs.ndim == 2 for wait in waits)
    differ = [apart or stage.service.ndim == 2 or np.ndim(stage.latency) == 2 for stage in stages]
    return np.where(differ, HELD, FREE).astype(np.int64)


def _timelines(schedules: Schedules, shared: Shared, batch: Batch, room: Machine) -> Timelines:
    """Views of the loop's arrays, by name."""
    parts = shared.jobs
    start, free, done = batch.times.reshape(len(schedules), 3, -1).swapaxes(0, 1)
    makespan_cycles = done.max(axis=1, initial=0)  # no void job is later: it is void at free or done of one that ran
    accounts = room.accounts
    accounts[:, -1] = makespan_cycles.sum() - accounts.sum(axis=1)  # idle is the rest
    return Timelines(
        start={name: start[:, part] for name, part in parts.items()},
        free={name: free[:, part] for name, part in parts.items()},
        done={name: done[:, part] for name, part in parts.items()},
        ran={name: batch.ran[:, part] for name, part in parts.items()},
        makespan_cycles=makespan_cycles,
        accounts=dict(zip(parts, accounts, strict=True)),
        spans=dict(zip(shared.layers, batch.spans, strict=True)),
    )
