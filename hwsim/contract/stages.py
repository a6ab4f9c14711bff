"""Schedules of a batch of samples from its stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hwsim.contract.arrays import IntArray
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Unless


def schedules_of(stages: Sequence[BatchStage], answer: tuple[str, IntArray], n_samples: int) -> Schedules:
    """A schedule for each sample; of every shared unit there is one slot."""
    units = {stage.unit: 1 for stage in stages if stage.unit is not None}
    return Schedules(tuple(map(_alike, stages)), units, answer, n_samples)


def _alike(stage: BatchStage) -> BatchStage:
    """A stage whose only row holds for all samples as one without rows."""
    service = _only(stage.service)
    latency = stage.latency if isinstance(stage.latency, int) else _only(stage.latency)
    if service is stage.service and latency is stage.latency:
        return stage
    return replace(stage, service=service, latency=latency)


def _only(values: IntArray) -> IntArray:
    return values[0] if values.ndim == 2 and len(values) == 1 else values


def cut_short(schedules: Schedules, voids: Sequence[Unless | None], answer: tuple[str, IntArray]) -> Schedules:
    """The schedules of samples that leave early, from what a decision makes void of each stage and the last job."""
    stages = tuple(replace(stage, unless=unless) for stage, unless in zip(schedules.stages, voids, strict=True))
    return Schedules(stages, schedules.units, answer, schedules.n_samples)
