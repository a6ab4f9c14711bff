"""The stdp machine: a network that learns on a trace's samples, to counts and schedules, sample by sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwsim.accelerators.stdp.activity import gather, without_skipping
from hwsim.accelerators.stdp.facts import FACTS
from hwsim.accelerators.stdp.fit import check_fit
from hwsim.accelerators.stdp.network import network_on
from hwsim.accelerators.stdp.parts import hardware, parts_of
from hwsim.accelerators.stdp.plan import Plan
from hwsim.accelerators.stdp.posting import postings
from hwsim.accelerators.stdp.schedule import schedules, step_ends
from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.accelerators.stdp.timing import Pace
from hwsim.accelerators.stdp.work import Work
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, OneEach
from hwsim.contract.dense import BaselineKind
from hwsim.contract.ledger import Ledger
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.machine import Accelerator, Decides, FunctionalRun
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.errors import ModelError, UsageError
from hwsim.kernels.stdp.rules import INPUT_SPIKES, OUTPUT_SPIKES
from hwsim.traces.plastic.run import Learned, Played, learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import TRAIN, PlasticNetwork, PlasticTrace


class Stdp(Accelerator[StdpSpec, PlasticTrace]):
    """A core that learns on line in its own arithmetic, integration and learning taking turns at the weights."""

    spec_type = StdpSpec
    trace_type = PlasticTrace
    facts = FACTS

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component."""
        return parts_of(self.spec)

    def levers(self, trace: PlasticTrace, limits: Limits) -> Iterable[Lever]:
        """What this machine offers against what limits a run (see `levers`)."""
        from hwsim.accelerators.stdp.levers import levers

        return levers(self.spec, trace, limits)

    def needed_bits(self, trace: PlasticTrace, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """Those of each memory, in whole words."""
        return Plan(self.spec, self.network_of(trace), trace.n_classes).needed_bits()

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
        self._plan(network, trace)  # what does not fit is refused before the time is spent
        session = replace(session, passes=self.spec.passes, label_samples=self.spec.label_samples)
        return self.lower_learned(learn(network, trace, session), trace)

    def decides(self, trace: PlasticTrace) -> Decides:
        """By the weights that it has learned, in its own formats."""
        return "as it learned"

    def functional(self, trace: PlasticTrace, samples: int | None = None) -> FunctionalRun[PlasticTrace]:
        """Nothing more than `lower` does.

        Raises UsageError.
        """
        raise UsageError(
            f"functional: this machine always computes in its own arithmetic; run {trace.provenance.name} without it"
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
        plan = self._plan(learned.network, trace)
        shown = _Shown(plan, learned.phases, Pace.of(self.spec))
        return Workload(
            batches=Batches(shown.lower, shown.n_samples, kinds=shown.kinds, independent=False),
            timesteps=1,
            runs=tuple(RunName(phase) for phase in learned.phases),
            no_stream="what a sample finds is what the one before has left: weights, thresholds and inhibition",
            hardware=hardware(plan, _outcome(learned)),
            accuracy=(learned.accuracy, learned.n_test),
            spike_rates=_rates(learned),
        )

    def _plan(self, network: PlasticNetwork, trace: PlasticTrace) -> Plan:
        plan = Plan(self.spec, network, trace.n_classes)
        check_fit(plan)
        return plan


@dataclass(frozen=True, slots=True)
class _Shown:
    """All samples that were shown, phase after phase.

    Learning is over by the time they are lowered, but they depend on each other: no process can take some for itself.
    """

    plan: Plan
    phases: Mapping[str, Played]
    pace: Pace

    @property
    def n_samples(self) -> int:
        """Of all phases."""
        return sum(len(played.activity) for played in self.phases.values())

    @property
    def kinds(self) -> Mapping[int, tuple[str, int]]:
        """Phase and presentations, by the sample from which on they are others than before."""
        found: dict[int, tuple[str, int]] = {}
        first = 0
        for phase, played in self.phases.items():
            changes = np.flatnonzero(np.diff(played.presentations, prepend=-1))
            found |= {first + int(i): (phase, int(played.presentations[i])) for i in changes}
            first += len(played.activity)
        return found

    def lower(self, samples: range) -> Batch:
        """Count what some samples do, and lay out their schedules; all of one phase, with equally many presentations.

        Raises ModelError where they are not.
        """
        first = 0
        for phase, played in self.phases.items():
            start, stop = samples.start - first, samples.stop - first
            if start >= 0 and stop <= len(played.activity):
                work = self._work(phase, range(start, stop))
                each = OneEach(schedules(work, self.pace), *step_ends())
                return Batch(samples, Ledger.of(len(samples), postings(work)), {RunName(phase): each})
            first += len(played.activity)
        raise ModelError(f"samples {samples.start} to {samples.stop - 1} are not of one phase")

    def _work(self, phase: str, samples: range) -> Work:
        played, chosen = self.phases[phase], slice(samples.start, samples.stop)
        presentations = int(played.presentations[samples.start])
        asked = gather(played.activity[chosen], presentations, learns=phase == TRAIN)
        dense = self.plan.spec.skip == "none"
        done = without_skipping(asked, self.plan.network) if dense else asked
        return Work(self.plan, asked, done, played.updates[chosen, None])


def _outcome(learned: Learned) -> Mapping[str, Any]:
    """What learning led to."""
    notes: dict[str, Any] = {}
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


Machine = Stdp
