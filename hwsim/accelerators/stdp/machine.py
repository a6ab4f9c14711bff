"""The stdp machine: a network that learns on a trace's samples, to counts and schedules, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.stdp.activity import gather, without_skipping
from hwsim.accelerators.stdp.network import network_on
from hwsim.accelerators.stdp.parts import hardware, priced_parts
from hwsim.accelerators.stdp.plan import Plan, plan_network
from hwsim.accelerators.stdp.posting import post_all
from hwsim.accelerators.stdp.schedule import schedules, step_end
from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.accelerators.stdp.timing import Pace
from hwsim.accelerators.stdp.work import Work
from hwsim.components.pricing.price import Priced
from hwsim.contract.machine import Accelerator, FunctionalRun
from hwsim.contract.workload import Batch, Workload
from hwsim.errors import UsageError
from hwsim.kernels.stdp.rules import INPUT_SPIKES, OUTPUT_SPIKES
from hwsim.traces.plastic.run import Learned, Played, learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import TRAIN, PlasticNetwork, PlasticTrace

_JOBS_AT_ONCE = 1 << 18  # of all samples of a batch; what each did is kept, two bytes a figure and step


@dataclass(frozen=True, slots=True)
class _Batches:
    """The batches of what was learned, phase by phase, lowered each time they are asked for.

    Learning is over by then, but its samples depend on each other: no process can take some for itself.
    """

    plan: Plan
    phases: Mapping[str, Played]

    def __iter__(self) -> Iterator[Batch]:
        """All batches; samples of one have equally many presentations."""
        pace = Pace(self.plan.spec)
        for phase, played in self.phases.items():
            for samples in _runs(played.presentations, self.plan, phase):
                work = self.work(phase, samples)
                yield Batch(samples, post_all(work), {phase: schedules(work, pace)}, {phase: step_end()})

    def work(self, phase: str, samples: range) -> Work:
        """What some samples of a phase do, which have equally many presentations."""
        played, chosen = self.phases[phase], slice(samples.start, samples.stop)
        presentations = int(played.presentations[samples.start])
        asked = gather(played.activity[chosen], presentations, learns=phase == TRAIN)
        dense = self.plan.spec.skip == "none"
        done = without_skipping(asked, self.plan.network) if dense else asked
        return Work(self.plan, asked, done, played.updates[chosen, None])


def _runs(presentations: NDArray[np.int64], plan: Plan, phase: str) -> Iterator[range]:
    """Neighbouring samples with equally many presentations, as many as have so many jobs together."""
    changes = np.flatnonzero(np.diff(presentations)) + 1
    bounds = [0, *changes.tolist(), len(presentations)]
    for first, stop in pairwise(bounds):
        most = max(1, _JOBS_AT_ONCE // jobs_of(plan, phase, int(presentations[first])))
        for start in range(first, stop, most):
            yield range(start, min(start + most, stop))


def jobs_of(plan: Plan, phase: str, presentations: int) -> int:
    """Jobs of a sample."""
    stages, prepared = (6, 1) if phase == TRAIN else (3, 0)
    return presentations * (plan.presentation * stages + prepared) + 1


class Stdp(Accelerator[StdpSpec, PlasticTrace]):
    """A core that learns on line in its own arithmetic, integration and learning taking turns at the weights."""

    spec_type = StdpSpec
    trace_type = PlasticTrace

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock."""
        return self.spec.clock.frequency_mhz

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component."""
        return priced_parts(self.spec)

    def lower(self, trace: PlasticTrace) -> Workload:
        """Learn on all training samples and decide on all test samples; counts and schedules of both.

        Raises ArchitectureError where the network does not fit the machine.
        """
        return self.learn(trace, Session())

    def learn(self, trace: PlasticTrace, session: Session) -> Workload:
        """The same for a part of it: only learn, or only decide by what the trace has learned.

        The machine says how often the training samples are passed over.
        """
        network = self.network_of(trace)
        plan_network(self.spec, network, trace.n_classes)  # what does not fit is refused before the time is spent
        session = replace(session, passes=self.spec.passes, label_samples=self.spec.label_samples)
        return self.lower_learned(learn(network, trace, session), trace)

    def functional(self, trace: PlasticTrace) -> FunctionalRun[PlasticTrace]:
        """Nothing more than `lower` does.

        Raises UsageError.
        """
        raise UsageError(
            f"--functional: this machine always computes in its own arithmetic; run {trace.provenance.name} without it"
        )

    def network_of(self, trace: PlasticTrace) -> PlasticNetwork:
        """The trace's network in the machine's formats, with its rules.

        Raises ArchitectureError where the trace's parameters do not fit the formats.
        """
        return network_on(self.spec, trace.network)

    def lower_learned(self, learned: Learned, trace: PlasticTrace) -> Workload:
        """Counts and schedules of what was done while learning, and after it.

        Raises ArchitectureError where the network does not fit the machine.
        """
        plan = plan_network(self.spec, learned.network, trace.n_classes)
        phases = learned.phases
        return Workload(
            batches=_Batches(plan, phases),
            n_samples=sum(len(played.activity) for played in phases.values()),
            n_jobs=sum(jobs_of(plan, phase, int(n)) for phase, played in phases.items() for n in played.presentations),
            timesteps=1,
            runs=tuple(phases),
            hardware=hardware(plan, _outcome(learned)),
            accuracy=(learned.accuracy, learned.n_test),
        )


def _outcome(learned: Learned) -> Mapping[str, Any]:
    """What learning led to."""
    notes: dict[str, Any] = {"spikes per neuron and timestep": _rates(learned)}
    for phase, played in learned.phases.items():
        notes[f"presentations of a sample, {phase}"] = float(played.presentations.mean())
        notes[f"output spikes of a sample, {phase}"] = float(played.spikes.mean())
    if TRAIN in learned.phases:
        notes["weight updates of a sample"] = float(learned.phases[TRAIN].updates.mean())
    return notes | {f"held at a limit, all samples: {name}": count for name, count in learned.saturated.items()}


def _rates(learned: Learned) -> dict[str, float]:
    """Spikes of pixels and of neurons, over all presentations that are reported."""
    shown = [activity for played in learned.phases.values() for activity in played.activity]
    steps = sum(len(activity) for activity in shown)
    found = {
        "input": (INPUT_SPIKES, learned.network.pixels),
        "excitatory": (OUTPUT_SPIKES, learned.network.neurons.count),
    }
    return {
        name: sum(int(activity[:, column].sum(dtype=np.int64)) for activity in shown) / (steps * size)
        for name, (column, size) in found.items()
    }
