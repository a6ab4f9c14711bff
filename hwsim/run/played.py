"""Schedules of a batch, one a sample, played on an engine, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim import engine as engines
from hwsim.contract.batches import Batch, OneEach, whole
from hwsim.contract.ledger import Action, Done, for_all
from hwsim.contract.run import RunName
from hwsim.engine import EngineName
from hwsim.engine.schedule import Schedules
from hwsim.engine.timeline import Timelines
from hwsim.engine.timesteps import Timesteps
from hwsim.kept import kept_with
from hwsim.run.tally import Counts, Speculation, Tally

Jobs = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Played:
    """One schedule of each sample of a batch, played."""

    schedules: Schedules
    timelines: Timelines
    counts: Mapping[Action, Counts]  # [sample, timestep] of the jobs
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep] of the jobs
    done_by: Sequence[Done]

    @classmethod
    def by(cls, engine: EngineName, batch: Batch, schedules: Schedules, timesteps: int, threads: int = 1) -> Played:
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

    def tally(
        self,
        counts: Mapping[Action, Counts],
        busy_cycles: Mapping[str, Counts],
        step_end_cycles: Counts,
        on_cycles: Counts,
        speculation: Speculation | None = None,
    ) -> Tally:
        """What samples come to that do so much, and answer and end so, if they leave after each timestep."""
        units, stages = self.schedules.units, self.schedules.stages
        return Tally(
            counts=counts,
            busy_cycles=busy_cycles,
            stall_cycles=self.timelines.accounts,
            span_cycles=self.timelines.spans,
            layer_of={stage.name: stage.layer for stage in stages},
            unit_of={
                each.name: (each.name, 1) if each.unit is None else (each.unit, units[each.unit]) for each in stages
            },
            step_end_cycles=step_end_cycles,
            on_cycles=on_cycles,
            latency_cycles=self.latency_cycles,
            makespan_cycles=self.timelines.makespan_cycles,
            speculation=speculation,
            done_by=self.done_by,
        )


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
    played = Played.by(engine, batch, scheduled.schedules, timesteps, threads)
    step_end = played.timelines.done[scheduled.stage][:, scheduled.ends]
    on = step_end.copy()
    on[:, -1] = np.maximum(on[:, -1], played.timelines.makespan_cycles)
    return played.tally(played.counts, played.busy_cycles, step_end, on), played.timelines


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
