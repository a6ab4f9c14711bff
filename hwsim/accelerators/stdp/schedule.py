"""The stages of a core and what their jobs wait for, shared by the samples of a batch.

Weights have one port: normalisation, integration and learning take turns at it.  Input spikes and currents are
double-buffered, so drawing runs up to two steps ahead and integration one step ahead of the neurons; integration also
overtakes learning of the step before, unless a spike reads weights that it visits.  So results are those of one step
after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.stdp.plan import QUEUES
from hwsim.accelerators.stdp.timing import Pace, services
from hwsim.accelerators.stdp.work import (
    DEPRESS,
    ENCODE,
    INTEGRATE,
    LAYER_OF,
    NEURONS,
    NORMALISE,
    POTENTIATE,
    READOUT,
    STAGES,
    TRACES,
    Work,
)
from hwsim.contract.stages import BatchStage, schedules_of
from hwsim.engine.schedule import Schedule, Wait

IntArray = NDArray[np.int64]
WEIGHT_PORT = "weight port"
USERS = (NORMALISE, INTEGRATE, DEPRESS, POTENTIATE)
"""Stages that take turns at the weight port."""
BUFFERS = QUEUES
"""Of input spikes, and as many of currents."""


def schedules(work: Work, pace: Pace) -> list[Schedule]:
    """One schedule for each sample."""
    shape = _Shape.of(work)
    waits, cycles = shape.waits(work), services(work, pace)
    if work.learns:
        waits[INTEGRATE] += (Wait(POTENTIATE, _learned_before(work, shape)),)
    stages = [
        BatchStage(name, LAYER_OF[name], cycles[name], 0, waits[name], shape.labels[name], _unit(name))
        for name in STAGES
    ]
    return schedules_of(stages, step_end(), work.done.n_samples)


def step_end() -> tuple[str, IntArray]:
    """The stage that ends a sample, and its one job."""
    return READOUT, np.zeros(1, np.int64)


def _unit(stage: str) -> str | None:
    return WEIGHT_PORT if stage in USERS else None


def _learned_before(work: Work, shape: _Shape) -> IntArray:
    """Last step whose learning must be over before each input is read: int64 [sample, step].

    That of two steps before, and of the step before where the input reads weights that it visits.  Where a presentation
    ends between them, its preparation waits for all learning.
    """
    return np.maximum(shape.step - np.where(work.done.conflicts, 1, 2), -1)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Steps of all presentations of a sample."""

    presentations: int
    step: IntArray  # [step]
    first: NDArray[np.bool_]  # [step], of a presentation
    labels: Mapping[str, NDArray[np.int32]]  # stage -> zeros [job]

    @classmethod
    def of(cls, work: Work) -> _Shape:
        steps, learned = work.done.steps, work.learning_step.size
        jobs = {NORMALISE: work.prepared.size, TRACES: learned, DEPRESS: learned, POTENTIATE: learned, READOUT: 1}
        labels = {name: np.zeros(jobs.get(name, steps), np.int32) for name in STAGES}
        step = np.arange(steps, dtype=np.int64)
        return cls(work.done.presentations, step, work.step_of_presentation == 0, labels)

    def waits(self, work: Work) -> dict[str, tuple[Wait, ...]]:
        """What jobs of every stage wait for, without what integration waits for of learning."""
        step, length = self.step, work.plan.presentation
        before = np.where(self.first, step - 1, -1)  # the last step of the presentation before
        room = np.maximum(step - BUFFERS, -1)
        last = step[-1:].copy()
        waits: dict[str, tuple[Wait, ...]] = {
            NORMALISE: (),
            ENCODE: (Wait(INTEGRATE, room, "free", "blocked"), Wait(NEURONS, before)),
            INTEGRATE: (Wait(ENCODE, step), Wait(NEURONS, room, "free", "blocked")),
            NEURONS: (Wait(INTEGRATE, step),),
            TRACES: (),
            DEPRESS: (),
            POTENTIATE: (),
            READOUT: (Wait(NEURONS, last),),
        }
        if not work.learns:
            return waits
        prepared = np.where(self.first, step // length, -1)
        ended = np.arange(self.presentations, dtype=np.int64) * length - 1  # -1 before the first presentation
        waits[NORMALISE] = (Wait(NEURONS, ended), Wait(POTENTIATE, ended))
        waits[INTEGRATE] += (Wait(NORMALISE, prepared),)
        # Traces decay when learning has read those of the step before: then depression has, too, and neurons are done.
        waits[TRACES] = (Wait(ENCODE, step), Wait(POTENTIATE, step - 1), Wait(NORMALISE, prepared))
        waits[DEPRESS] = (Wait(INTEGRATE, step), Wait(TRACES, step))
        if work.plan.network.stdp.rule == "windowed":  # what has fired in the window is depressed no more
            waits[DEPRESS] += (Wait(NEURONS, step),)
        waits[POTENTIATE] = (Wait(NEURONS, step), Wait(DEPRESS, step))
        waits[READOUT] += (Wait(POTENTIATE, last),)
        return waits
