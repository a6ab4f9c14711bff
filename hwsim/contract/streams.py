"""Samples that follow each other as closely as a machine lets them: their schedules joined to one.

What samples share shows in what their jobs wait for, and only the machine knows it: a buffer has room for a row of the
next sample once that of the one before is read.  So a machine says what the jobs of any number of samples in a row wait
for; how long they take is known from each sample by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage, Wait
from hwsim.errors import ModelError, UsageError

MOST_JOBS = 1 << 24
"""Of one joined schedule, which is in memory as a whole (some 100 bytes a job); our choice."""
StreamWaits = Mapping[str, tuple[Wait, ...]]
"""Waits of all samples' jobs by stage: needs int64 [sample * job], sample by sample."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """How the samples of a workload follow each other: what the jobs of so many in a row wait for."""

    waits: Callable[[int], StreamWaits]

    def played(self) -> Streaming:
        """That samples may overlap, without what says how."""
        return replace(self, waits=_played_before)


def _played_before(_samples: int) -> StreamWaits:
    raise ModelError("a workload that was played is not kept, only what came of it")


def joined(parts: Sequence[Schedules], streaming: Streaming) -> Schedule:
    """One schedule of the samples of all parts in their order, each sample's jobs after those of the one before.

    Raises UsageError where that is more than is played at once.
    """
    first, n = parts[0], sum(len(part) for part in parts)
    if n * first.n_jobs > MOST_JOBS:
        most = max(1, MOST_JOBS // first.n_jobs)
        raise UsageError(f"samples: {n} in a stream are {n * first.n_jobs} jobs in one schedule, at most {most} fit")
    waits, stages = streaming.waits(n), []
    samples = np.arange(n, dtype=np.int32)
    for i, stage in enumerate(first.stages):
        each = [(part.stages[i], len(part)) for part in parts]
        stages.append(
            Stage(
                name=stage.name,
                layer=stage.layer,
                service=np.concatenate([_in_a_row(one.service, size) for one, size in each]),
                latency=np.concatenate([_in_a_row(_latencies(one.latency, one.n_jobs), size) for one, size in each]),
                waits=waits.get(stage.name, ()),
                unit=stage.unit,
                sample=np.repeat(samples, stage.n_jobs),
                timestep=np.tile(stage.timestep, n),
            )
        )
    name, jobs = first.answer
    each_answer = jobs[-1] + np.arange(n, dtype=np.int64) * first.stages[first.positions[name]].n_jobs
    return Schedule(tuple(stages), first.units, (name, each_answer))


def _in_a_row(values: IntArray, samples: int) -> IntArray:
    """[job] or [sample, job] as [sample * job]."""
    return np.broadcast_to(values, (samples, values.shape[-1])).reshape(-1)


def _latencies(latency: IntArray | int, jobs: int) -> IntArray:
    return np.full(jobs, latency, np.int64) if isinstance(latency, int | np.integer) else latency


def repeated(needs: IntArray, samples: int, awaited: int) -> IntArray:
    """Needs [job] among the `awaited` jobs that a sample has on a stage, for each of some samples [sample * job].

    What is below 0 needs nothing, in any sample.
    """
    first = np.arange(samples, dtype=np.int64)[:, None] * awaited
    return np.where(needs >= 0, needs + first, -1).reshape(-1)


def after_sample_before(stage: str, needs: IntArray, samples: int, awaited: int, back: int = 1) -> Wait:
    """A wait for jobs of the sample so many before to be free: needs [job] among the `awaited` jobs of a sample there.

    That is what samples wait for where they share a place: the one before must have left it.
    """
    first = np.arange(-back, samples - back, dtype=np.int64)[:, None]
    found = np.where((needs >= 0) & (first >= 0), needs + first * awaited, -1)
    return Wait(stage, found.reshape(-1), event="free", stall="blocked")
