"""The stages of a batch of samples, from which each sample's schedule is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray
from hwsim.engine.schedule import Schedule, Stage, Unless, Wait


@dataclass(frozen=True, slots=True, eq=False)
class BatchStage:
    """One stage for all samples: arrays are [job] where samples are alike, else [sample, job]; so are needs of waits.

    `timestep` is int32 [job]; all else is as in `Stage`.
    """

    name: str
    layer: str
    service: IntArray
    latency: IntArray | int
    waits: tuple[Wait, ...]
    timestep: NDArray[np.int32]
    unit: str | None = None

    def of(self, sample: int) -> Stage:
        """The stage of one sample."""
        return Stage(
            name=self.name,
            layer=self.layer,
            service=_row(self.service, sample),
            latency=self.latency if isinstance(self.latency, int) else _row(self.latency, sample),
            waits=tuple(
                wait if wait.needs.ndim == 1 else replace(wait, needs=wait.needs[sample]) for wait in self.waits
            ),
            unit=self.unit,
            sample=np.zeros_like(self.timestep),
            timestep=self.timestep,
        )


def _row(values: IntArray, sample: int) -> IntArray:
    return values if values.ndim == 1 else np.ascontiguousarray(values[sample % len(values)])


def schedules_of(stages: Sequence[BatchStage], answer: tuple[str, IntArray], n_samples: int) -> list[Schedule]:
    """A schedule for each sample; of every shared unit there is one slot."""
    units = {stage.unit: 1 for stage in stages if stage.unit is not None}
    return [Schedule(tuple(stage.of(i) for stage in stages), units, answer) for i in range(n_samples)]


def cut_short(schedule: Schedule, voids: Sequence[Unless | None], answer: tuple[str, IntArray]) -> Schedule:
    """The schedule of a sample that leaves early, from what a decision makes void of each stage and the last job."""
    stages = tuple(replace(stage, unless=unless) for stage, unless in zip(schedule.stages, voids, strict=True))
    return Schedule(stages, schedule.units, answer)
