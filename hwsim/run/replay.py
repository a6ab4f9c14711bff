"""Samples played again by themselves: the jobs of a run with their times, which a tally only adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwsim import engine as engines
from hwsim.contract.batches import Batch, ByLeaving, OneEach, Overlapped, Scheduled, whole
from hwsim.contract.ledger import Action
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage
from hwsim.engine.timeline import Timeline, sample_latency


@dataclass(frozen=True, slots=True)
class Replay:
    """What was played for a sample that leaves after some timesteps, or for a stream of samples."""

    schedule: Schedule
    timeline: Timeline
    end: tuple[str, int]  # stage and job whose done is the answer of the sample
    latency_cycles: int  # until that, in a stream from its own first start
    timesteps: int
    batches: Sequence[Batch]  # of the samples in the schedule, one after another

    @property
    def begin_cycle(self) -> int:
        """When its latency begins."""
        return int(self.timeline.done[self.end[0]][self.end[1]]) - self.latency_cycles

    def happened(self, stage: Stage) -> NDArray[np.bool_]:
        """Which jobs of a stage ran before the sample left: bool [job]."""
        ran = self.timeline.ran[stage.name]
        return ran if stage.unless is not None else ran & (stage.timestep < self.timesteps)

    def counts(self) -> Sequence[tuple[Stage, Action, NDArray[np.int64]]]:
        """What the jobs of the stages did: counts int64 [job] of each action, of jobs that did not happen, too."""
        by_name = {stage.name: stage for stage in self.schedule.stages}
        of_each = [batch.ledger.postings for batch in self.batches]
        found = []
        for postings in zip(*of_each, strict=True):
            first = postings[0]
            if first.stage in by_name:
                stage = by_name[first.stage]
                key = Action(stage.layer, first.component, first.action)
                found.append((stage, key, np.concatenate([each.counts.reshape(-1) for each in postings])))
        return found


def replay(workload: Workload, run: RunName, sample: int, timesteps: int, engine: EngineName = "auto") -> Replay:
    """A sample of a run, by its place among the samples of that run, that leaves after so many timesteps.

    In a stream all samples are played, since it waits for those before it.
    """
    if run is RunName.STREAMED:
        return stream(workload, workload.batches.n_samples, sample, engine)
    batch = _alone(workload, run, sample)
    schedules, end = _leaving(batch.runs[run], timesteps)
    schedule = schedules[0]
    timeline = engines.run(schedule, engine)
    return Replay(schedule, timeline, end, int(timeline.done[end[0]][end[1]]), timesteps, [batch])


def stream(workload: Workload, samples: int, sample: int = 0, engine: EngineName = "auto") -> Replay:
    """The first samples in a stream of them alone, and the answer of one of them."""
    assert workload.stream is not None
    batches = list(workload.batches.within(range(samples)))
    schedule = joined([whole(batch.runs[RunName.STATIC]) for batch in batches], workload.stream)
    timeline = engines.run(schedule, engine)
    stage, jobs = schedule.answer
    latency = int(sample_latency(schedule, timeline)[sample])
    return Replay(schedule, timeline, (stage, int(jobs[sample])), latency, workload.timesteps, batches)


def _leaving(scheduled: Scheduled, timesteps: int) -> tuple[Schedules, tuple[str, int]]:
    """The schedules of samples that leave after so many timesteps, and the job that ends them."""
    match scheduled:
        case OneEach(schedules, stage, ends):
            return schedules, (stage, int(ends[timesteps - 1]))
        case ByLeaving(schedules):
            chosen = schedules[timesteps - 1]
        case Overlapped():
            chosen = scheduled.leaving(timesteps - 1)
    stage, jobs = chosen.answer
    return chosen, (stage, int(jobs[-1]))


def _alone(workload: Workload, run: RunName, sample: int) -> Batch:
    """The batch of one sample, by its place among those of a run; samples of a kind are of the same runs."""
    batches, left = workload.batches, sample
    for start, stop in pairwise([*batches.kinds, batches.n_samples]):
        batch = batches.lower(range(start + min(left, stop - start - 1), start + min(left, stop - start - 1) + 1))
        if run in batch.runs:
            if left < stop - start:
                return batch
            left -= stop - start
    raise IndexError(sample)
