"""Runs whose samples may leave after any timestep: what each of these would cost, and what would run in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from hwsim.contract.batches import Batch, Overlapped
from hwsim.contract.ledger import first_jobs
from hwsim.engine import EngineName
from hwsim.engine.stage import BatchStage
from hwsim.run.played import Played
from hwsim.run.tally import Counts, Key, Speculation, Tally


def by_leaving(parts: Sequence[Played]) -> Tally:
    """A schedule for each timestep after which a sample may leave: each is played to its end."""
    counts, counts_in_vain = _accumulate([part.counts for part in parts])
    busy, busy_in_vain = _accumulate([part.busy_cycles for part in parts])
    step_end = np.stack([part.latency_cycles for part in parts], axis=1)
    on = np.stack([part.timelines.makespan_cycles for part in parts], axis=1)
    return parts[-1].tally(counts, busy, step_end, on, Speculation(counts_in_vain, busy_in_vain))


def overlapped(batch: Batch, scheduled: Overlapped, engine: EngineName, timesteps: int) -> Tally:
    """As if samples were played once for each timestep after which they may leave, from playing them once.

    Until a decision is done all is as without it; from then on later timesteps start no more, and what has started
    runs to its end.  Where work of the timesteps before it is still to start then, it may run at other times, so that
    each is played.
    """
    played = Played.by(engine, batch, scheduled.schedules, timesteps)
    stages, timelines = scheduled.schedules.stages, played.timelines
    decided = timelines.done[scheduled.stage][:, scheduled.ends]
    kept, ended = {}, {}
    for stage in stages:
        own = np.searchsorted(stage.timestep, np.arange(timesteps), side="right")
        pairs = zip(timelines.start[stage.name], decided, strict=True)
        started = np.stack([np.searchsorted(start, by) for start, by in pairs])
        if (started < own - (stage.name == scheduled.stage)).any():  # a decision may take no time
            return by_leaving([Played.by(engine, batch, scheduled.leaving(t), timesteps) for t in range(timesteps)])
        kept[stage.name] = np.broadcast_to(own, started.shape)
        ended[stage.name] = np.maximum(own, started)
    (counts, counts_in_vain), (busy, busy_in_vain) = (
        _between(*(first(ends) for ends in (kept, ended)))
        for first in (partial(batch.ledger.until, stages), partial(_busy_until, stages))
    )
    on = np.max([_last_done(timelines.done[name], ends) for name, ends in ended.items()], axis=0)
    return played.tally(counts, busy, decided, on, Speculation(counts_in_vain, busy_in_vain))


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
