"""Run every schedule of a workload and add up what happened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim import engine as engines
from hwsim.contract.batches import Batch, ByLeaving, OneEach, Overlapped, whole
from hwsim.contract.ledger import Action, Done, first_jobs, for_all
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import BatchStage
from hwsim.engine.timeline import Timelines, sample_latency
from hwsim.engine.timesteps import Timesteps
from hwsim.kept import Keeps, kept_with
from hwsim.named import concatenated
from hwsim.progress import followed
from hwsim.traces.file.content import let_go

Counts = NDArray[np.int64]
Jobs = NDArray[np.bool_]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Speculation:
    """What ran in vain, of timesteps after the one after which a sample leaves: [sample, timestep left after]."""

    counts: Mapping[Action, Counts]
    busy_cycles: Mapping[str, Counts]  # by stage


@dataclass(frozen=True, slots=True)
class Tally(Keeps):
    """One run over all samples: counts, busy cycles and times.

    Counts and busy cycles of a timestep are what staying for it adds: summed up to a timestep they are what a sample
    has done that leaves then, work in vain included.
    """

    counts: Mapping[Action, Counts]  # [sample, timestep]
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep]
    stall_cycles: Mapping[str, Counts]  # stage -> [account] summed over samples, in the order of ACCOUNTS
    span_cycles: Mapping[str, Counts]  # layer -> first start and last done, summed over samples
    layer_of: Mapping[str, str]  # stage -> layer
    unit_of: Mapping[str, tuple[str, int]]  # stage -> the unit that it shares, or itself, and how many slots that has
    step_end_cycles: Counts  # [sample, timestep] when the sample would answer if it left then
    on_cycles: Counts  # [sample, timestep] until everything that started is done if it left then
    latency_cycles: Counts  # [sample] of all timesteps, as the makespan
    makespan_cycles: Counts  # [sample]
    speculation: Speculation | None = None  # None where nothing starts before the decision on it
    done_by: Sequence[Done] = ()

    @property
    def parts_of(self) -> Mapping[str, frozenset[str]]:
        """Components whose actions the jobs of each stage do, those without a price among them."""

        def find() -> Mapping[str, frozenset[str]]:
            found: dict[str, set[str]] = {}
            for stage, actions in self.done_by:
                found.setdefault(stage, set()).update(component for component, _, _ in actions)
            return {stage: frozenset(parts) for stage, parts in found.items()}

        return kept_with(self).once("parts of stages", find)


Tallies = Mapping[RunName, Tally]


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
                yield run, _by_leaving([_Played.by(engine, batch, each, timesteps) for each in schedules])
            case Overlapped():
                yield run, _overlapped(batch, scheduled, engine, timesteps)


def counted(batch: Batch, run: RunName, timesteps: int) -> Tally:
    """What all jobs of a run do, which is not played: every time is 0 and nothing is cut short."""
    schedules, nothing = whole(batch.runs[run]), np.zeros((len(batch.samples), timesteps), np.int64)
    return Tally(
        counts=batch.ledger.tally(schedules.stages, timesteps),
        busy_cycles=_busy(schedules, timesteps, None),
        stall_cycles={},
        span_cycles={},
        layer_of={stage.name: stage.layer for stage in schedules.stages},
        unit_of={},
        step_end_cycles=nothing,
        on_cycles=nothing,
        latency_cycles=nothing[:, -1],
        makespan_cycles=nothing[:, -1],
    )


@dataclass(frozen=True, slots=True)
class _Played:
    """One schedule of each sample of a batch, played."""

    schedules: Schedules
    timelines: Timelines
    counts: Mapping[Action, Counts]  # [sample, timestep] of the jobs
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep] of the jobs
    done_by: Sequence[Done]

    @classmethod
    def by(cls, engine: EngineName, batch: Batch, schedules: Schedules, timesteps: int, threads: int = 1) -> _Played:
        """Let an engine play them, and count."""
        timelines = engines.run_all(schedules, engine, threads)
        ran = timelines.ran if any(stage.unless is not None for stage in schedules.stages) else None
        counts = batch.ledger.tally(schedules.stages, timesteps, ran)
        return cls(schedules, timelines, counts, _busy(schedules, timesteps, ran), batch.ledger.done_by())

    @property
    def latency_cycles(self) -> Counts:
        """Cycles until the answer: [sample]."""
        stage, (job,) = self.schedules.answer
        return self.timelines.done[stage][:, job].copy()  # not a view, which would keep the times of all jobs

    def unit_of(self) -> Mapping[str, tuple[str, int]]:
        """The unit that every stage shares with others, or the stage itself, and its slots."""
        units = self.schedules.units
        return {
            stage.name: (stage.name, 1) if stage.unit is None else (stage.unit, units[stage.unit])
            for stage in self.schedules.stages
        }

    def layer_of(self) -> Mapping[str, str]:
        """Layer of every stage."""
        return {stage.name: stage.layer for stage in self.schedules.stages}


def _busy(schedules: Schedules, timesteps: int, ran: Mapping[str, Jobs] | None) -> Mapping[str, Counts]:
    """Cycles that the jobs of each timestep occupy their stage: [sample, timestep] by stage."""
    stages, shape, busy = schedules.stages, schedules.shape, dict[str, Counts]()
    if ran is None and shape is not None:  # what was not retimed is known
        busy.update(kept_with(shape).once(("busy", timesteps), lambda: _busy(shape, timesteps, None)))
        if len(schedules) > 1:
            busy = {name: for_all(cycles, len(schedules)) for name, cycles in busy.items()}
        stages = tuple(stages[place] for place in schedules.changed)
    for stage in stages:
        steps, service = Timesteps.of(stage.timestep), stage.service[None] if stage.service.ndim == 1 else stage.service
        cycles = service if ran is None else service * ran[stage.name]
        busy[stage.name] = for_all(steps.sums(cycles, timesteps), len(schedules))
    return busy


def in_one(
    batch: Batch, scheduled: OneEach, engine: EngineName, timesteps: int, threads: int = 1
) -> tuple[Tally, Timelines]:
    """One schedule a sample, whose costs are what is done by the end of a timestep; and when each job ran."""
    played = _Played.by(engine, batch, scheduled.schedules, timesteps, threads)
    step_end = played.timelines.done[scheduled.stage][:, scheduled.ends]
    on, makespan = step_end.copy(), played.timelines.makespan_cycles
    on[:, -1] = np.maximum(on[:, -1], makespan)
    tally = Tally(
        counts=played.counts,
        busy_cycles=played.busy_cycles,
        stall_cycles=played.timelines.accounts,
        span_cycles=played.timelines.spans,
        layer_of=played.layer_of(),
        unit_of=played.unit_of(),
        done_by=played.done_by,
        step_end_cycles=step_end,
        on_cycles=on,
        latency_cycles=played.latency_cycles,
        makespan_cycles=makespan,
    )
    return tally, played.timelines


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


def _by_leaving(parts: Sequence[_Played]) -> Tally:
    """A schedule for each timestep after which a sample may leave: each is played to its end."""
    whole = parts[-1]
    done = [(part.counts, part.busy_cycles) for part in parts]
    counts, counts_in_vain = _accumulate([counts for counts, _ in done])
    busy, busy_in_vain = _accumulate([busy for _, busy in done])
    return Tally(
        counts=counts,
        busy_cycles=busy,
        stall_cycles=whole.timelines.accounts,
        span_cycles=whole.timelines.spans,
        layer_of=whole.layer_of(),
        unit_of=whole.unit_of(),
        done_by=whole.done_by,
        step_end_cycles=np.stack([part.latency_cycles for part in parts], axis=1),
        on_cycles=np.stack([part.timelines.makespan_cycles for part in parts], axis=1),
        latency_cycles=whole.latency_cycles,
        makespan_cycles=whole.timelines.makespan_cycles,
        speculation=Speculation(counts_in_vain, busy_in_vain),
    )


def _overlapped(batch: Batch, scheduled: Overlapped, engine: EngineName, timesteps: int) -> Tally:
    """As if samples were played once for each timestep after which they may leave, from playing them once.

    Until a decision is done all is as without it; from then on later timesteps start no more, and what has started
    runs to its end.  Where work of the timesteps before it is still to start then, it may run at other times, so that
    each is played.
    """
    played = _Played.by(engine, batch, scheduled.schedules, timesteps)
    stages, timelines = scheduled.schedules.stages, played.timelines
    decided = timelines.done[scheduled.stage][:, scheduled.ends]
    kept, ended = {}, {}
    for stage in stages:
        own = np.searchsorted(stage.timestep, np.arange(timesteps), side="right")
        pairs = zip(timelines.start[stage.name], decided, strict=True)
        started = np.stack([np.searchsorted(start, by) for start, by in pairs])
        if (started < own - (stage.name == scheduled.stage)).any():  # a decision may take no time
            return _by_leaving([_Played.by(engine, batch, scheduled.leaving(t), timesteps) for t in range(timesteps)])
        kept[stage.name] = np.broadcast_to(own, started.shape)
        ended[stage.name] = np.maximum(own, started)
    (counts, counts_in_vain), (busy, busy_in_vain) = (
        _between(*(first(ends) for ends in (kept, ended)))
        for first in (partial(batch.ledger.until, stages), partial(_busy_until, stages))
    )
    return Tally(
        counts=counts,
        busy_cycles=busy,
        stall_cycles=timelines.accounts,
        span_cycles=played.timelines.spans,
        layer_of=played.layer_of(),
        unit_of=played.unit_of(),
        done_by=played.done_by,
        step_end_cycles=decided,
        on_cycles=np.max([_last_done(timelines.done[name], ends) for name, ends in ended.items()], axis=0),
        latency_cycles=played.latency_cycles,
        makespan_cycles=timelines.makespan_cycles,
        speculation=Speculation(counts_in_vain, busy_in_vain),
    )


def _busy_until(stages: Sequence[BatchStage], ends: Mapping[str, Counts]) -> Mapping[str, Counts]:
    """Cycles that the first jobs occupy their stage, as many as `ends` [sample, timestep] says: [sample, timestep]."""
    return {stage.name: first_jobs(np.atleast_2d(stage.service), ends[stage.name]) for stage in stages}


def _last_done(done: Counts, ends: Counts) -> Counts:
    """When all of the first jobs are done, as many as `ends` [sample, timestep] says: [sample, timestep]."""
    latest = np.zeros((len(done), done.shape[1] + 1), np.int64)
    np.maximum.accumulate(done, axis=1, out=latest[:, 1:])
    return np.take_along_axis(latest, ends, axis=1)


def _between(
    kept: Mapping[Key, Counts], ended: Mapping[Key, Counts]
) -> tuple[Mapping[Key, Counts], Mapping[Key, Counts]]:
    """What staying for each timestep adds to all that ended, and what of that was not kept: [sample, timestep]."""
    added = {key: np.diff(total, axis=1, prepend=0) for key, total in ended.items()}
    return added, {key: total - kept[key] for key, total in ended.items()}


def _accumulate(parts: Sequence[Mapping[Key, Counts]]) -> tuple[Mapping[Key, Counts], Mapping[Key, Counts]]:
    """What staying for each timestep adds, and what ran in vain, both [sample, timestep].

    `parts` hold [sample, timestep of the job] for a sample that leaves after the first timestep, the second ...
    """
    ended = {key: np.stack([part[key].sum(axis=1) for part in parts], axis=1) for key in parts[0]}
    kept = {key: np.stack([part[key][:, :t].sum(axis=1) for t, part in enumerate(parts, start=1)], 1) for key in ended}
    return _between(kept, ended)


def join(parts: Sequence[Tally]) -> Tally:
    """One run over the samples of all parts, in their order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    in_vain = [part.speculation for part in parts if part.speculation is not None]
    return Tally(
        counts=concatenated([part.counts for part in parts]),
        busy_cycles=concatenated([part.busy_cycles for part in parts]),
        stall_cycles=_added([part.stall_cycles for part in parts]),
        span_cycles=_added([part.span_cycles for part in parts]),
        layer_of=first.layer_of,
        unit_of=first.unit_of,
        done_by=first.done_by,
        step_end_cycles=np.concatenate([part.step_end_cycles for part in parts]),
        on_cycles=np.concatenate([part.on_cycles for part in parts]),
        latency_cycles=np.concatenate([part.latency_cycles for part in parts]),
        makespan_cycles=np.concatenate([part.makespan_cycles for part in parts]),
        speculation=Speculation(
            concatenated([part.counts for part in in_vain]), concatenated([part.busy_cycles for part in in_vain])
        )
        if in_vain
        else None,
    )


def _added(parts: Sequence[Mapping[Key, Counts]]) -> Mapping[Key, Counts]:
    return {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]}
