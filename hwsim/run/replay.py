"""One sample played again by itself: the jobs of a run with their times, which a tally only adds up."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim import engine as engines
from hwsim.contract.batches import Batch, ByLeaving, OneEach, Overlapped, Scheduled
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.timeline import Timeline, sample_latency


@dataclass(frozen=True, slots=True)
class Replay:
    """What was played for a sample that leaves after some timesteps."""

    schedule: Schedule
    timeline: Timeline
    end: tuple[str, int]  # stage and job whose done is its answer
    latency_cycles: int  # until that, in a stream from its own first start
    timesteps: int
    batch: Batch  # with the sample alone, in a stream of it by itself

    @property
    def begin_cycle(self) -> int:
        """When its latency begins."""
        return int(self.timeline.done[self.end[0]][self.end[1]]) - self.latency_cycles


def replay(workload: Workload, run: RunName, sample: int, timesteps: int, engine: EngineName = "auto") -> Replay:
    """A sample of a run, by its place among the samples of that run, that leaves after so many timesteps.

    In a stream all samples are played, since it waits for those before it.
    """
    if run is RunName.STREAMED:
        return _in_stream(workload, sample, engine)
    batch = _alone(workload, run, sample)
    schedules, end = _leaving(batch.runs[run], timesteps)
    schedule = schedules[0]
    timeline = engines.run(schedule, engine)
    return Replay(schedule, timeline, end, int(timeline.done[end[0]][end[1]]), timesteps, batch)


def whole(scheduled: Scheduled) -> Schedules:
    """The schedules of samples that take all timesteps."""
    return scheduled.schedules[-1] if isinstance(scheduled, ByLeaving) else scheduled.schedules


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
    """The batch of one sample, by its place among those of a run."""
    batches = workload.batches
    starts = [*batches.kinds, batches.n_samples]
    left = sample
    for start, stop in zip(starts, starts[1:], strict=False):
        if left < stop - start and run in (batch := batches.lower(range(start + left, start + left + 1))).runs:
            return batch
        if run in batches.lower(range(start, start + 1)).runs:
            left -= stop - start
    raise IndexError(sample)


def _in_stream(workload: Workload, sample: int, engine: EngineName) -> Replay:
    assert workload.stream is not None
    parts = [whole(batch.runs[RunName.STATIC]) for batch in workload.batches]
    schedule = joined(parts, workload.stream)
    timeline = engines.run(schedule, engine)
    stage, jobs = schedule.answer
    latency = int(sample_latency(schedule, timeline)[sample])
    alone = _alone(workload, RunName.STATIC, sample)
    return Replay(schedule, timeline, (stage, int(jobs[sample])), latency, workload.timesteps, alone)
