"""The jobs a machine has to run, as data: how long each takes and what it waits for; not when it runs, nor a price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.checks import check, check_array, check_times, check_total, cycles_of
from hwsim.engine.stage import BatchStage, Stage
from hwsim.kept import kept_with


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Stages in order (position breaks ties), slots of each shared unit, and the job that answers each sample.

    `answer` is (stage, int64 [sample]): the job whose done ends that sample's latency.

    Raises ModelError on a stage, unit, event or job that does not exist, a wrong shape or dtype, a negative time, a
    unit without slots. Arrays are checked once, here, and must not be changed afterwards.
    """

    stages: tuple[Stage, ...]
    units: Mapping[str, int]
    answer: tuple[str, NDArray[np.int64]]

    def __post_init__(self) -> None:
        check(self.stages, self.units, self.answer)
        check_total(cycles_of(self.stages))
        for stage in self.stages:
            check_array(f"stage {stage.name}: sample", stage.sample, np.int32, stage.n_jobs)

    @property
    def n_jobs(self) -> int:
        """Jobs of all stages."""
        return sum(stage.n_jobs for stage in self.stages)

    @property
    def positions(self) -> dict[str, int]:
        """Position of each stage by its name."""
        return _positions(self.stages)


@dataclass(frozen=True, eq=False)
class Schedules(Sequence[Schedule]):
    """One schedule for each of some samples: the same stages, jobs and answer, with numbers of their own.

    `shape` is what they were retimed from.  Raises ModelError as `Schedule` does; what a shape has is checked once.
    """

    stages: tuple[BatchStage, ...]
    units: Mapping[str, int]
    answer: tuple[str, NDArray[np.int64]]
    n_samples: int
    shape: Schedules | None = None
    changed: tuple[int, ...] = field(init=False, default=())  # places of stages with other cycles than in the shape
    most_cycles: float = field(init=False)  # service and latency of all jobs of a sample

    def __post_init__(self) -> None:
        if self.shape is None:
            check(self.stages, self.units, self.answer, self.n_samples)
            cycles = cycles_of(self.stages)
        else:
            pairs = enumerate(zip(self.stages, self.shape.stages, strict=True))
            changed = tuple(place for place, (stage, before) in pairs if stage is not before)
            object.__setattr__(self, "changed", changed)
            cycles = self._cycles_since(self.shape)
        object.__setattr__(self, "most_cycles", check_total(cycles))

    def _cycles_since(self, shape: Schedules) -> NDArray[np.float64]:
        """Service and latency of all jobs: of what is new here, which is checked, and of what is as it was."""
        services: dict[int, BatchStage] = {}
        latencies: dict[int, BatchStage] = {}
        for place in self.changed:
            stage, before = self.stages[place], shape.stages[place]
            check_times(stage, before, self.n_samples)
            if stage.service is not before.service:
                services[place] = stage
            if stage.latency is not before.latency:
                latencies[place] = stage
        return cycles_of(services.values(), latencies.values()) + shape._cycles_beside((*services,), (*latencies,))

    def _cycles_beside(self, services: tuple[int, ...], latencies: tuple[int, ...]) -> NDArray[np.float64]:
        """All services and latencies but those of some stages, looked up again for what else is retimed from this."""

        def find() -> NDArray[np.float64]:
            others = ([stage for place, stage in enumerate(self.stages) if place not in these] for these in but)
            return cycles_of(*others)

        but = services, latencies
        return kept_with(self).once(("cycles beside", *but), find)

    def retimed(
        self,
        services: Mapping[str, NDArray[np.int64]],
        n_samples: int,
        latencies: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> Schedules:
        """The same for so many samples, some stages with other services or latencies: int64 [job] or [sample, job]."""
        late = latencies or {}
        stages = tuple(
            stage.retimed(services.get(stage.name, stage.service), late.get(stage.name, stage.latency))
            if stage.name in services or stage.name in late
            else stage
            for stage in self.stages
        )
        return Schedules(stages, self.units, self.answer, n_samples, self)

    @classmethod
    def of(cls, schedules: Sequence[Schedule]) -> Schedules:
        """Schedules of the same stages, jobs, waits and answer, with service and latency of their own."""
        first = schedules[0]
        stages = [
            BatchStage(
                name=stage.name,
                layer=stage.layer,
                service=_rows([each.stages[i].service for each in schedules]),
                latency=_rows([each.stages[i].latencies for each in schedules]),
                waits=stage.waits,
                timestep=stage.timestep,
                unit=stage.unit,
                unless=stage.unless,
                sample=stage.sample,
            )
            for i, stage in enumerate(first.stages)
        ]
        return cls(tuple(stages), first.units, first.answer, len(schedules))

    @property
    def n_jobs(self) -> int:
        """Jobs of all stages of one sample."""
        return sum(stage.n_jobs for stage in self.stages)

    @property
    def positions(self) -> dict[str, int]:
        """Position of each stage by its name."""
        return _positions(self.stages)

    def __len__(self) -> int:
        """How many samples there are."""
        return self.n_samples

    def __iter__(self) -> Iterator[Schedule]:
        """The schedules one after another."""
        return (self._of(sample) for sample in range(self.n_samples))

    @overload
    def __getitem__(self, sample: int) -> Schedule: ...

    @overload
    def __getitem__(self, sample: slice) -> Sequence[Schedule]: ...

    def __getitem__(self, sample: int | slice) -> Schedule | Sequence[Schedule]:
        """The schedule of one sample, or of some."""
        chosen = range(self.n_samples)[sample]
        return self._of(chosen) if isinstance(chosen, int) else [self._of(each) for each in chosen]

    def _of(self, sample: int) -> Schedule:
        return Schedule(tuple(stage.of(sample) for stage in self.stages), self.units, self.answer)


def _rows(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def _positions(stages: Sequence[Stage | BatchStage]) -> dict[str, int]:
    return {stage.name: position for position, stage in enumerate(stages)}
