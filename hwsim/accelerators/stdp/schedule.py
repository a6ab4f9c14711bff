"""The stages of a core and what their jobs wait for, shared by the samples of a batch.

Weights have one port: normalisation, integration and learning take turns at it.  Input spikes and currents are
double-buffered, so drawing runs up to two steps ahead and integration one step ahead of the neurons; integration also
overtakes learning of the step before, unless a spike reads weights that it visits.  So results are those of one step
after another.  Where spikes change neurons in their memory, integration follows the neurons of the step before.
"""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.stdp.plan import QUEUES
from hwsim.accelerators.stdp.timing import Pace, services
from hwsim.accelerators.stdp.work import Role, Work
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Wait

WEIGHT_PORT = "weight port"
USERS = (Role.NORMALISE, Role.INTEGRATE, Role.DEPRESS, Role.POTENTIATE)
"""Stages that take turns at the weight port."""
LAYER_OF = dict.fromkeys(Role, "learning") | {
    Role.ENCODE: "input",
    Role.INTEGRATE: "excitatory",
    Role.NEURONS: "excitatory",
    Role.READOUT: "readout",
}


def schedules(work: Work, pace: Pace) -> Schedules:
    """One schedule for each sample."""
    waits, stages = _waits(work), []
    for role, cycles in services(work, pace).items():
        unit, labels = WEIGHT_PORT if role in USERS else None, np.zeros(cycles.shape[1], np.int32)
        stages.append(BatchStage(role, LAYER_OF[role], cycles, 0, waits[role], labels, unit))
    return schedules_of(stages, step_ends(), work.done.n_samples)


def step_ends() -> tuple[str, IntArray]:
    """The stage that ends a sample, which is one timestep, and its one job: int64 [1]."""
    return Role.READOUT, np.zeros(1, np.int64)


def _waits(work: Work) -> dict[Role, tuple[Wait, ...]]:
    """What jobs of every stage wait for."""
    step, length = np.arange(work.done.steps, dtype=np.int64), work.plan.presentation
    begins = work.step_of_presentation == 0
    before = np.where(begins, step - 1, -1)  # the last step of the presentation before
    room = np.maximum(step - QUEUES, -1)
    last = step[-1:].copy()
    updated, emptied = Wait(Role.NEURONS, step - 1), Wait(Role.NEURONS, room, "free", "blocked")
    waits: dict[Role, tuple[Wait, ...]] = {
        Role.NORMALISE: (),
        Role.ENCODE: (Wait(Role.INTEGRATE, room, "free", "blocked"), Wait(Role.NEURONS, before)),
        Role.INTEGRATE: (Wait(Role.ENCODE, step), updated if work.plan.in_memory else emptied),
        Role.NEURONS: (Wait(Role.INTEGRATE, step),),
        Role.TRACES: (),
        Role.DEPRESS: (),
        Role.POTENTIATE: (),
        Role.READOUT: (Wait(Role.NEURONS, last),),
    }
    if not work.learns:
        return waits
    prepared = np.where(begins, step // length, -1)
    ended = np.arange(work.done.presentations, dtype=np.int64) * length - 1  # -1 before the first presentation
    # Learning of two steps before is over before an input is read, and that of the step before where the input reads
    # weights that it visits.  Where a presentation ends between them, its preparation waits for all learning.
    learned = np.maximum(step - np.where(work.done.conflicts, 1, 2), -1)
    waits[Role.NORMALISE] = (Wait(Role.NEURONS, ended), Wait(Role.POTENTIATE, ended))
    waits[Role.INTEGRATE] += (Wait(Role.NORMALISE, prepared), Wait(Role.POTENTIATE, learned))
    # Traces decay when learning has read those of the step before: then depression has, too, and neurons are done.
    waits[Role.TRACES] = (Wait(Role.ENCODE, step), Wait(Role.POTENTIATE, step - 1), Wait(Role.NORMALISE, prepared))
    waits[Role.DEPRESS] = (Wait(Role.INTEGRATE, step), Wait(Role.TRACES, step))
    if work.plan.network.stdp.rule == "windowed":  # what has fired in the window is depressed no more
        waits[Role.DEPRESS] += (Wait(Role.NEURONS, step),)
    waits[Role.POTENTIATE] = (Wait(Role.NEURONS, step), Wait(Role.DEPRESS, step))
    waits[Role.READOUT] += (Wait(Role.POTENTIATE, last),)
    return waits
