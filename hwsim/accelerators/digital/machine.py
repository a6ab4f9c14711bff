"""The digital machine: a trace, or the same network without spikes, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwsim.accelerators.digital.counting import count_task
from hwsim.accelerators.digital.parts import hardware, priced_parts
from hwsim.accelerators.digital.plan import Dense, Plan, plan_network
from hwsim.accelerators.digital.posting import Samples, post_all
from hwsim.accelerators.digital.schedule import job_ends, schedules
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage, store
from hwsim.accelerators.digital.timing import TaskWork, n_jobs
from hwsim.accelerators.digital.traffic import traffic
from hwsim.components.pricing.price import Priced
from hwsim.contract.machine import Accelerator, BaselineKind
from hwsim.contract.run import STATIC
from hwsim.contract.workload import Batch, Batches, Workload
from hwsim.traces.direct.trace import Trace

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch, and
_JOBS_AT_ONCE = 1 << 19  # jobs of all its samples: memory does not grow with samples


@dataclass(frozen=True, slots=True)
class _Batches(Batches):
    """The batches of a plan, lowered each time they are asked for."""

    plan: Plan
    storage: Storage
    trace: Trace
    parts: Mapping[str, Priced]

    @property
    def n_samples(self) -> int:
        """All recorded samples."""
        return self.trace.n_samples

    @property
    def most_at_once(self) -> int:
        """As many samples as have so many packed words and jobs."""
        words: int = sum(packed.words[0].size for packed in self.trace.spikes.values())
        return max(1, min(_WORDS_AT_ONCE // words, _JOBS_AT_ONCE // n_jobs(self.plan)))

    def lower(self, samples: range) -> Batch:
        """Count what some samples do, and lay out the schedule of each."""
        works = []
        for task in self.plan.tasks:
            tiles = count_task(self.plan, task, self.trace, slice(samples.start, samples.stop))
            works.append(TaskWork(task, tiles, traffic(self.plan, self.storage, task, tiles)))
        return Batch(
            samples=samples,
            ledger=post_all(self.plan, self.storage, works, Samples(self.trace, samples), self.parts),
            schedules={STATIC: schedules(self.plan, self.storage, works, len(samples))},
            step_ends={STATIC: job_ends(self.plan)},
        )


class Digital(Accelerator[DigitalSpec, Trace]):
    """An output-stationary MAC/AC array with scratchpads, a global buffer and DRAM, each optional."""

    spec_type = DigitalSpec
    arithmetic = frozenset({"mac", "narrow_mac", "ac"})
    trace_type = Trace

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock."""
        return self.spec.clock.frequency_mhz

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload in the units in which it counts."""
        return priced_parts(self.spec, None if workload is None else workload.hardware.notes)

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        plan = plan_network(self.spec, trace.network, trace.timesteps)
        return self._workload(plan, trace, trace.static_accuracy())

    def baseline(self, trace: Trace, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, every weight multiplied, in one pass on this machine.

        `ann` has activations of `mac.input_bits`, none of them zero.  `qann` has ceil(log2(T + 1)) bits, as many as the
        rates of T timesteps, and the share of zeros that `baseline.qann_density` says.  Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or prices are given for other widths.
        """
        dense = Dense("ann", self.spec.mac.input_bits, 1.0)
        if kind == "qann":
            dense = Dense("qann", trace.timesteps.bit_length(), self.spec.baseline.qann_density)
        return self._workload(plan_network(self.spec, trace.network, 1, dense), trace, (None, trace.n_samples))

    def _workload(self, plan: Plan, trace: Trace, accuracy: tuple[float | None, int]) -> Workload:
        storage = store(plan)
        there = hardware(plan, storage)
        return Workload(
            batches=_Batches(plan, storage, trace, priced_parts(self.spec, there.notes)),
            n_samples=trace.n_samples,
            n_jobs=trace.n_samples * n_jobs(plan),
            timesteps=plan.timesteps,
            runs=(STATIC,),
            hardware=there,
            accuracy=accuracy,
        )
