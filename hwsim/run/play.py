"""Run every schedule of a workload and add up what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.batches import Batch, ByLeaving, InStream, OneEach
from hwsim.contract.ledger import Action
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline, sample_latency, stalls

Counts = NDArray[np.int64]
ACCOUNTS = ("busy", "starved", "blocked", "arbitrating", "idle")
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Speculation:
    """What ran in vain, of timesteps after the one after which a sample leaves: [sample, timestep left after]."""

    counts: Mapping[Action, Counts]
    busy_cycles: Mapping[str, Counts]  # by stage


@dataclass(frozen=True, slots=True)
class Tally:
    """One run over all samples: counts, busy cycles and times.

    Counts and busy cycles of a timestep are what staying for it adds: summed up to a timestep they are what a sample
    has done that leaves then, work in vain included.
    """

    counts: Mapping[Action, Counts]  # [sample, timestep]
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep]
    stall_cycles: Mapping[str, Counts]  # stage -> [account] summed over samples, in the order of ACCOUNTS
    layer_of: Mapping[str, str]  # stage -> layer
    unit_of: Mapping[str, tuple[str, int]]  # stage -> the unit that it shares, or itself, and how many slots that has
    step_end_cycles: Counts  # [sample, timestep] when the sample would answer if it left then
    on_cycles: Counts  # [sample, timestep] until everything that started is done if it left then
    latency_cycles: Counts  # [sample] of all timesteps, as the makespan
    makespan_cycles: Counts  # [sample]
    speculation: Speculation | None = None  # None where nothing starts before the decision on it


Engine = Callable[[Schedule], Timeline]


def play(workload: Workload, engine: Engine) -> Mapping[RunName, Tally]:
    """Play all batches of a workload on an engine: one tally for each run."""
    return play_batches(workload, workload.batches, engine)


def play_batches(workload: Workload, batches: Iterable[Batch], engine: Engine) -> Mapping[RunName, Tally]:
    """The same for some batches of it."""
    parts: dict[RunName, list[Tally]] = {run: [] for run in workload.runs}
    for batch in batches:
        for run, scheduled in batch.runs.items():
            match scheduled:
                case OneEach(schedules):
                    tally = _in_one(_Played.by(engine, batch, schedules, workload.timesteps), scheduled)
                case ByLeaving(schedules):
                    tally = _by_leaving_timestep(batch, schedules, engine, workload.timesteps)
                case InStream(schedule):
                    tally = _in_stream(parts[RunName.STATIC][-1], schedule, engine)
            parts[run].append(tally)
    return {run: join(tallies) for run, tallies in parts.items()}


@dataclass(frozen=True, slots=True)
class _Played:
    """One schedule of each sample of a batch, played."""

    schedules: Sequence[Schedule]
    timelines: Sequence[Timeline]
    counts: Mapping[Action, Counts]  # [sample, timestep] of the jobs
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep] of the jobs

    @classmethod
    def by(cls, engine: Engine, batch: Batch, schedules: Sequence[Schedule], timesteps: int) -> _Played:
        """Let an engine play them, and count."""
        timelines = [engine(schedule) for schedule in schedules]
        busy = {stage.name: np.zeros((len(schedules), timesteps), np.int64) for stage in schedules[0].stages}
        for i, (schedule, timeline) in enumerate(zip(schedules, timelines, strict=True)):
            for stage in schedule.stages:
                ran = np.where(timeline.ran[stage.name], stage.service, 0)
                busy[stage.name][i] = np.bincount(stage.timestep, weights=ran, minlength=timesteps)
        return cls(schedules, timelines, batch.ledger.tally(schedules, timelines, timesteps), busy)

    @property
    def latency_cycles(self) -> Counts:
        """Cycles until the answer: [sample]."""
        pairs = zip(self.schedules, self.timelines, strict=True)
        return np.concatenate([sample_latency(schedule, timeline) for schedule, timeline in pairs])

    @property
    def makespan_cycles(self) -> Counts:
        """Cycles until everything is done: [sample]."""
        return np.array([timeline.makespan_cycles for timeline in self.timelines], np.int64)

    def stall_cycles(self) -> Mapping[str, Counts]:
        """What every stage did with its cycles: [account] summed over samples."""
        accounts = {stage.name: np.zeros(len(ACCOUNTS), np.int64) for stage in self.schedules[0].stages}
        for schedule, timeline in zip(self.schedules, self.timelines, strict=True):
            for name, cycles in stalls(schedule, timeline).items():
                accounts[name] += [getattr(cycles, account) for account in ACCOUNTS]
        return accounts

    def unit_of(self) -> Mapping[str, tuple[str, int]]:
        """The unit that every stage shares with others, or the stage itself, and its slots."""
        units = self.schedules[0].units
        return {
            stage.name: (stage.name, 1) if stage.unit is None else (stage.unit, units[stage.unit])
            for stage in self.schedules[0].stages
        }

    def layer_of(self) -> Mapping[str, str]:
        """Layer of every stage."""
        return {stage.name: stage.layer for stage in self.schedules[0].stages}


def _in_one(played: _Played, scheduled: OneEach) -> Tally:
    """One schedule a sample: what is done by the end of a timestep is what leaving then costs."""
    step_end = np.stack([timeline.done[scheduled.stage][scheduled.ends] for timeline in played.timelines])
    on = step_end.copy()
    on[:, -1] = np.maximum(on[:, -1], played.makespan_cycles)
    return Tally(
        counts=played.counts,
        busy_cycles=played.busy_cycles,
        stall_cycles=played.stall_cycles(),
        layer_of=played.layer_of(),
        unit_of=played.unit_of(),
        step_end_cycles=step_end,
        on_cycles=on,
        latency_cycles=played.latency_cycles,
        makespan_cycles=played.makespan_cycles,
    )


def _in_stream(alone: Tally, schedule: Schedule, engine: Engine) -> Tally:
    """The same work in one schedule of all samples, which ends with their answers.

    A sample keeps the machine on from the answer before its own until its own: together they do for the makespan.
    """
    timeline = engine(schedule)
    name, jobs = schedule.answer
    answers = np.maximum.accumulate(timeline.done[name][jobs])
    answers[-1] = timeline.makespan_cycles
    on, latency = np.diff(answers, prepend=0), sample_latency(schedule, timeline)
    accounts = stalls(schedule, timeline)
    return replace(
        alone,
        stall_cycles={
            stage: np.array([getattr(cycles, account) for account in ACCOUNTS], np.int64)
            for stage, cycles in accounts.items()
        },
        step_end_cycles=latency[:, None],
        on_cycles=on[:, None],
        latency_cycles=latency,
        makespan_cycles=on,
    )


def _by_leaving_timestep(batch: Batch, schedules: Sequence[Schedule], engine: Engine, timesteps: int) -> Tally:
    """A schedule for each timestep after which a sample may leave: each is played to its end."""
    parts = [_Played.by(engine, batch, schedules[t::timesteps], timesteps) for t in range(timesteps)]
    whole = parts[-1]
    counts, counts_in_vain = _accumulate([part.counts for part in parts])
    busy, busy_in_vain = _accumulate([part.busy_cycles for part in parts])
    return Tally(
        counts=counts,
        busy_cycles=busy,
        stall_cycles=whole.stall_cycles(),
        layer_of=whole.layer_of(),
        unit_of=whole.unit_of(),
        step_end_cycles=np.stack([part.latency_cycles for part in parts], axis=1),
        on_cycles=np.stack([part.makespan_cycles for part in parts], axis=1),
        latency_cycles=whole.latency_cycles,
        makespan_cycles=whole.makespan_cycles,
        speculation=Speculation(counts_in_vain, busy_in_vain),
    )


def _accumulate(parts: Sequence[Mapping[Key, Counts]]) -> tuple[Mapping[Key, Counts], Mapping[Key, Counts]]:
    """What staying for each timestep adds, and what ran in vain, both [sample, timestep].

    `parts` hold [sample, timestep of the job] for a sample that leaves after the first timestep, the second ...
    """
    added, in_vain = {}, {}
    for key in parts[0]:
        totals = np.stack([part[key].sum(axis=1) for part in parts], axis=1)
        added[key] = np.diff(totals, axis=1, prepend=0)
        in_vain[key] = np.stack([part[key][:, t:].sum(axis=1) for t, part in enumerate(parts, start=1)], axis=1)
    return added, in_vain


def join(parts: Sequence[Tally]) -> Tally:
    """One run over the samples of all parts, in their order."""
    first = parts[0]
    in_vain = [part.speculation for part in parts if part.speculation is not None]
    return Tally(
        counts=_concatenate([part.counts for part in parts]),
        busy_cycles=_concatenate([part.busy_cycles for part in parts]),
        stall_cycles={key: np.sum([part.stall_cycles[key] for part in parts], axis=0) for key in first.stall_cycles},
        layer_of=first.layer_of,
        unit_of=first.unit_of,
        step_end_cycles=np.concatenate([part.step_end_cycles for part in parts]),
        on_cycles=np.concatenate([part.on_cycles for part in parts]),
        latency_cycles=np.concatenate([part.latency_cycles for part in parts]),
        makespan_cycles=np.concatenate([part.makespan_cycles for part in parts]),
        speculation=Speculation(
            _concatenate([part.counts for part in in_vain]), _concatenate([part.busy_cycles for part in in_vain])
        )
        if in_vain
        else None,
    )


def _concatenate(parts: Sequence[Mapping[Key, Counts]]) -> Mapping[Key, Counts]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
