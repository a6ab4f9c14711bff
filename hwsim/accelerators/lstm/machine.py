"""The lstm machine: a sequence trace, or the same LSTM without spikes, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hwsim.accelerators.lstm.counting import count_layers
from hwsim.accelerators.lstm.dense_step import dense_works
from hwsim.accelerators.lstm.parts import ARITHMETIC, hardware, priced_parts
from hwsim.accelerators.lstm.plan import Dense, Plan, plan_network
from hwsim.accelerators.lstm.schedule import Engine, engines, leaving, n_jobs, post_all, schedules, step_ends
from hwsim.accelerators.lstm.spec import LstmSpec
from hwsim.accelerators.lstm.spiking_step import layer_work, readout_work
from hwsim.accelerators.lstm.work import READOUT, StepWork
from hwsim.components.pricing.price import Priced
from hwsim.contract.ledger import OPERATIONS
from hwsim.contract.machine import Accelerator, BaselineKind
from hwsim.contract.run import STATIC
from hwsim.contract.workload import Batch, Batches, Workload
from hwsim.traces.sequence.trace import SequenceTrace

_JOBS_AT_ONCE = 1 << 19  # of all samples of a batch: memory does not grow with samples


@dataclass(frozen=True)
class _Batches(Batches):
    """The batches of a plan, lowered each time they are asked for."""

    plan: Plan
    trace: SequenceTrace

    @property
    def n_samples(self) -> int:
        """All recorded samples."""
        return self.trace.n_samples

    @cached_property
    def built(self) -> list[Engine]:
        """The engines, which are the same for all samples."""
        return engines(self.plan, self.works(range(1)))

    @property
    def most_at_once(self) -> int:
        """As many samples as have so many jobs."""
        return max(1, _JOBS_AT_ONCE // n_jobs(self.plan, self.built))

    def works(self, samples: range) -> list[StepWork]:
        """What the steps of every layer and the readout do for some samples."""
        chosen = slice(samples.start, samples.stop)
        if self.plan.dense is not None:
            return dense_works(self.plan, self.trace, chosen)
        counts = count_layers(self.trace, chosen)
        works = [layer_work(self.plan, position, spikes) for position, spikes in enumerate(counts)]
        return [*works, readout_work(self.plan, counts[-1])]

    def lower(self, samples: range) -> Batch:
        """Count what some samples do, and lay out their schedules."""
        works, n = self.works(samples), len(samples)
        in_one = {STATIC: (READOUT, step_ends(self.built, self.plan))} if len(leaving(self.plan)) == 1 else {}
        return Batch(
            samples=samples,
            ledger=post_all(self.plan, self.built, works, n),
            schedules={STATIC: schedules(self.plan, self.built, works, n)},
            step_ends=in_one,
        )


class Lstm(Accelerator[LstmSpec, SequenceTrace]):
    """Cells of MAC, AC, neuron and element-wise engines; timesteps run as a wavefront where the network lets them."""

    spec_type = LstmSpec
    trace_type = SequenceTrace
    arithmetic = ARITHMETIC

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock."""
        return self.spec.clock.frequency_mhz

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload those that it uses."""
        return priced_parts(self.spec, None if workload is None else workload.hardware.notes)

    def lower(self, trace: SequenceTrace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        known = trace.accuracy_by_timestep()
        largest = max(logits.labels.size for logits in trace.logits.values())
        accuracy = known[-1] if known else None
        return self._workload(plan_network(self.spec, trace.network, trace.timesteps), trace, (accuracy, largest))

    def baseline(self, trace: SequenceTrace, kind: BaselineKind) -> Workload:
        """The ordinary LSTM of the same shape in one pass on this machine, every product multiplied.

        `ann` has hidden values of `mac.input_bits`, none of them 0.  `qann` has ceil(log2(T + 1)) bits, as many as the
        rates of T timesteps, and the share of zeros that `baseline.qann_density` says.  Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or prices are given for other widths.
        """
        dense = Dense("ann", self.spec.mac.input_bits, 1.0)
        if kind == "qann":
            dense = Dense("qann", trace.timesteps.bit_length(), self.spec.baseline.qann_density)
        return self._workload(plan_network(self.spec, trace.network, 1, dense), trace, (None, trace.n_samples))

    def _workload(self, plan: Plan, trace: SequenceTrace, accuracy: tuple[float | None, int]) -> Workload:
        batches = _Batches(plan, trace)
        return Workload(
            batches=batches,
            n_samples=trace.n_samples,
            n_jobs=trace.n_samples * n_jobs(plan, batches.built),
            timesteps=plan.timesteps,
            runs=(STATIC,),
            hardware=hardware(plan, batches.built, self._shares(batches)),
            accuracy=accuracy,
        )

    def _shares(self, batches: _Batches) -> Mapping[str, Any]:
        """How much of the arithmetic multiplies: of operations, and of their energy, over all samples."""
        if batches.plan.dense is not None:
            return {}
        operations: dict[str, int] = {}
        energies = {True: 0.0, False: 0.0}
        parts = {name: part for name, part in priced_parts(self.spec).items() if name in ARITHMETIC}
        for start in range(0, batches.n_samples, batches.most_at_once):
            stop = min(start + batches.most_at_once, batches.n_samples)
            for work in batches.works(range(start, stop)):
                for posted in work.posted:
                    total = int(posted.counts.sum()) * ((stop - start) // len(posted.counts))
                    if posted.component == OPERATIONS:
                        operations[posted.action] = operations.get(posted.action, 0) + total
                    elif posted.component in parts:
                        price = parts[posted.component].actions[posted.action].value
                        energies[posted.action == "mac"] += total * price
        multiplied = operations.get("MAC", 0)
        return {
            "MAC share of MAC and AC": multiplied / max(1, multiplied + operations.get("AC", 0)),
            "MAC share of arithmetic energy": energies[True] / max(1e-300, sum(energies.values())),
        }
