"""The fast engine: lays a schedule out in arrays and plays it in a compiled event loop; equal to the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.deadlock import deadlock
from hwsim.engine.orders import Blocks, follow_orders, room_for_one
from hwsim.engine.records import Shared, shared_by
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.timeline import ACCOUNTS, Timeline, Timelines
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.machine import Batch, Machine
from hwsim.named import Named

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_JOBS_WORTH_THREADS = 1 << 16  # of all samples: to start threads takes as long as some thousand of them


def run(schedule: Schedule) -> Timeline:
    """Play a schedule and return when each job ran; ModelError names the cycle of jobs where it deadlocks."""
    return run_all(Schedules.of([schedule]))[0]


def run_all(schedules: Schedules, threads: int = 1) -> Timelines:
    """Play one schedule for each sample; ModelError names the cycle of jobs where the first of them deadlocks.

    Threads share out the samples that take orders of their own; what comes of it is the same for any number of them.
    """
    shared = shared_by(schedules)
    batch = _laid_out(schedules, shared)
    blocks = follow_orders(schedules, shared, batch)
    left = np.flatnonzero(batch.left)
    parts = min(threads, left.size)
    if parts > 1 and left.size * shared.service.common.size >= _JOBS_WORTH_THREADS:
        _play_in_threads(batch, shared, np.array_split(left, parts))
    elif left.size:
        play_batch(batch, room_for_one(batch, shared))
    if batch.left.any():
        sample = int(batch.left.argmax())
        raise deadlock(schedules[sample], batch.heads[sample].tolist())
    return _timelines(shared, batch, blocks)


def _play_in_threads(batch: Batch, shared: Shared, shares: Sequence[NDArray[np.int64]]) -> None:
    """Some samples in each thread, with rooms of its own, of which accounts and spans are added up."""
    parts = []
    for share in shares:
        left = np.zeros_like(batch.left)
        left[share] = True
        own = {name: np.zeros_like(getattr(batch, name)) for name in ("accounts", "spans", "span")}
        parts.append(batch._replace(left=left, **own))
    rooms = [room_for_one(part, shared) for part in parts]
    list(_pool(len(parts)).map(play_batch, parts, rooms))
    batch.left[:] = np.any([part.left for part in parts], axis=0)
    for part in parts:
        batch.spans[:] += part.spans
        batch.accounts[:] += part.accounts


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for batches; they are not started before there is one."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, "hwsim engine")


def lay_out(schedules: Schedules) -> tuple[Batch, Machine]:
    """Empty machines at cycle 0, and room for one of them: names become positions, arrays of all stages one each."""
    shared = shared_by(schedules)
    batch = _laid_out(schedules, shared)
    return batch, room_for_one(batch, shared)


def _laid_out(schedules: Schedules, shared: Shared) -> Batch:
    records, n_samples = shared.records, len(schedules)
    changed = {place: schedules.stages[place] for place in schedules.changed}
    n_jobs, n_layers = shared.service.common.size, len(shared.layers.of)
    return Batch(
        stages=records,
        units=shared.units,
        needs=shared.needs,
        service=shared.service.numbers({place: stage.service for place, stage in changed.items()}, n_samples),
        latency=shared.latency.numbers({place: stage.latency for place, stage in changed.items()}, n_samples),
        times=np.empty((n_samples, 3 * n_jobs), dtype=np.int64),
        makespan=np.zeros(n_samples, dtype=np.int64),
        ran=np.ones((n_samples, n_jobs), dtype=np.bool_),
        heads=np.zeros((n_samples, len(records)), dtype=np.int64),
        left=np.ones(n_samples, dtype=np.bool_),
        layers=shared.layer_of,
        accounts=np.zeros((len(records), len(ACCOUNTS)), dtype=np.int64),
        spans=np.zeros((n_layers, 2), dtype=np.int64),
        span=np.zeros((n_layers, 2), dtype=np.int64),
    )


def _timelines(shared: Shared, batch: Batch, blocks: Blocks) -> Timelines:
    """The loop's arrays, by name."""
    parts, accounts = shared.jobs, batch.accounts
    accounts[:, -1] = batch.makespan.sum() - accounts.sum(axis=1)  # idle is the rest
    start, free, done = (_Cycles(parts, event, batch, blocks) for event in range(3))
    return Timelines(
        start=start,
        free=free,
        done=done,
        ran=Named(shared.columns, batch.ran),
        makespan_cycles=batch.makespan,
        accounts=Named(shared.stages, accounts),
        spans=Named(shared.layers, batch.spans),
    )


class _Cycles(Mapping[str, NDArray[np.int64]]):
    """When the jobs of each stage started, were free or done: int64 [sample, job], brought together when asked for."""

    def __init__(self, parts: Mapping[str, slice], event: int, batch: Batch, blocks: Blocks) -> None:
        self._parts, self._blocks = parts, blocks
        self._first, self._alone = event * batch.ran.shape[1], batch.times
        self._known: dict[str, NDArray[np.int64]] = {}

    def __getitem__(self, stage: str) -> NDArray[np.int64]:
        if stage not in self._known:
            part = self._parts[stage]
            rows = slice(self._first + part.start, self._first + part.stop)
            self._known[stage] = self._blocks.over(self._alone[:, rows], rows)
        return self._known[stage]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)
