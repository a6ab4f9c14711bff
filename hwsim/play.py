"""Run every schedule of a workload and add up what happened; it knows no prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerator import Batch, Workload
from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline, sample_latency, stalls
from hwsim.ledger import Action

Counts = NDArray[np.int64]
ACCOUNTS = ("busy", "starved", "blocked", "arbitrating", "idle")


@dataclass(frozen=True, slots=True)
class Tally:
    """One run over all samples: counts, busy cycles and times."""

    counts: Mapping[Action, Counts]  # [sample, timestep]
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep]
    stall_cycles: Mapping[str, Counts]  # stage -> [account] summed over samples, in the order of ACCOUNTS
    layer_of: Mapping[str, str]  # stage -> layer
    step_end_cycles: Counts  # [sample, timestep] when the sample would answer if it left then
    latency_cycles: Counts  # [sample]
    makespan_cycles: Counts  # [sample]


def play(workload: Workload, engine: Callable[[Schedule], Timeline]) -> Mapping[str, Tally]:
    """Play all batches of a workload on an engine: one tally for each run."""
    parts: dict[str, list[Tally]] = {run: [] for run in workload.runs}
    for batch in workload.batches:
        for run, schedules in batch.schedules.items():
            timelines = [engine(schedule) for schedule in schedules]
            parts[run].append(_tally(batch, run, timelines, workload.timesteps))
    return {run: _join(tallies) for run, tallies in parts.items()}


def _tally(batch: Batch, run: str, timelines: list[Timeline], timesteps: int) -> Tally:
    schedules = batch.schedules[run]
    stage_name, jobs = batch.step_ends[run]
    accounts = {stage.name: np.zeros(len(ACCOUNTS), np.int64) for stage in schedules[0].stages}
    busy = {stage.name: np.zeros((len(schedules), timesteps), np.int64) for stage in schedules[0].stages}
    for i, (schedule, timeline) in enumerate(zip(schedules, timelines, strict=True)):
        for name, cycles in stalls(schedule, timeline).items():
            accounts[name] += [getattr(cycles, account) for account in ACCOUNTS]
        for stage in schedule.stages:
            ran = np.where(timeline.ran[stage.name], stage.service, 0)
            busy[stage.name][i] = np.bincount(stage.timestep, weights=ran, minlength=timesteps)
    return Tally(
        counts=batch.ledger.tally(schedules, timelines, timesteps),
        busy_cycles=busy,
        stall_cycles=accounts,
        layer_of={stage.name: stage.layer for stage in schedules[0].stages},
        step_end_cycles=np.stack([timeline.done[stage_name][jobs] for timeline in timelines]),
        latency_cycles=np.concatenate([sample_latency(s, t) for s, t in zip(schedules, timelines, strict=True)]),
        makespan_cycles=np.array([timeline.makespan_cycles for timeline in timelines], np.int64),
    )


def _join(parts: list[Tally]) -> Tally:
    first = parts[0]
    return Tally(
        counts={key: np.concatenate([part.counts[key] for part in parts]) for key in first.counts},
        busy_cycles={key: np.concatenate([part.busy_cycles[key] for part in parts]) for key in first.busy_cycles},
        stall_cycles={key: np.sum([part.stall_cycles[key] for part in parts], axis=0) for key in first.stall_cycles},
        layer_of=first.layer_of,
        step_end_cycles=np.concatenate([part.step_end_cycles for part in parts]),
        latency_cycles=np.concatenate([part.latency_cycles for part in parts]),
        makespan_cycles=np.concatenate([part.makespan_cycles for part in parts]),
    )
