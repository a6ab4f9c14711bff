"""Run every schedule of a workload and add up what happened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import numpy as np

from hwsim import engine as engines
from hwsim.contract.batches import Batch, ByLeaving, OneEach, Overlapped, whole
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.timeline import sample_latency
from hwsim.progress import followed
from hwsim.run.leaving import by_leaving, overlapped
from hwsim.run.played import Played, in_one
from hwsim.run.tally import Counts, Tallies, Tally, join
from hwsim.traces.file.content import let_go


def play(workload: Workload, engine: EngineName = "auto") -> Tallies:
    """Play all batches of a workload on an engine: one tally for each run."""
    batches = workload.batches
    told = followed(batches, "simulating", batches.n_samples, lambda batch: len(batch.samples))
    return play_batches(workload, told, engine)


def play_batches(workload: Workload, batches: Iterable[Batch], engine: EngineName, threads: int = 1) -> Tallies:
    """The same for some batches of it, each in so many threads where that is offered."""
    parts: dict[RunName, list[Tally]] = {run: [] for run in workload.runs if run is not RunName.STREAMED}
    alone: list[Schedules] = []  # of every sample with all timesteps, where they are to follow each other
    let_go()
    for batch in batches:
        if RunName.STREAMED in workload.runs:
            alone.append(whole(batch.runs[RunName.STATIC]))
        for run, tally in _tallies(batch, parts, engine, workload.timesteps, threads):
            parts[run].append(tally)
        del batch  # nothing of it is left while the next is lowered and played
        let_go()
    found = {run: join(tallies) for run, tallies in parts.items()}
    if alone and workload.stream is not None:
        found[RunName.STREAMED] = _in_stream(found[RunName.STATIC], joined(alone, workload.stream), engine)
    return {run: found[run] for run in workload.runs}


def _tallies(
    batch: Batch, runs: Collection[RunName], engine: EngineName, timesteps: int, threads: int
) -> Iterator[tuple[RunName, Tally]]:
    """Play some runs of a batch; times of jobs are gone when the next run is played."""
    for run, scheduled in batch.runs.items():
        if run not in runs:
            continue
        match scheduled:
            case OneEach():
                yield run, in_one(batch, scheduled, engine, timesteps, threads)[0]
            case ByLeaving(schedules):
                yield run, by_leaving([Played.by(engine, batch, each, timesteps) for each in schedules])
            case Overlapped():
                yield run, overlapped(batch, scheduled, engine, timesteps)


def _in_stream(alone: Tally, schedule: Schedule, engine: EngineName) -> Tally:
    """The same work in one schedule of all samples, which ends with their answers.

    A sample keeps the machine on from the answer before its own until its own: together they do for the makespan.  All
    take every timestep; how much of that each timestep takes is known of a sample alone, in the same proportion.
    """
    timelines = engines.run_all(Schedules.of([schedule]), engine)
    timeline = timelines[0]
    name, jobs = schedule.answer
    answers = np.maximum.accumulate(timeline.done[name][jobs])
    answers[-1] = timeline.makespan_cycles
    on, latency = np.diff(answers, prepend=0), sample_latency(schedule, timeline)
    return replace(
        alone,
        stall_cycles=timelines.accounts,
        step_end_cycles=_by_timestep(latency, alone),
        on_cycles=_by_timestep(on, alone),
        latency_cycles=latency,
        makespan_cycles=on,
        speculation=None,
    )


def _by_timestep(cycles: Counts, alone: Tally) -> Counts:
    """Cycles [sample] shared out as those of samples alone are, up to the end of each timestep: [sample, timestep]."""
    ends = alone.step_end_cycles
    return cycles[:, None] * ends // np.maximum(ends[:, -1:], 1)
