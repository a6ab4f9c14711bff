"""The ttfs machine: a trace of first spikes, or of rates, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hwsim.accelerators.ttfs.counting import count_layer
from hwsim.accelerators.ttfs.fit import check_fit, check_trace
from hwsim.accelerators.ttfs.functional import execute
from hwsim.accelerators.ttfs.parts import hardware, priced_parts
from hwsim.accelerators.ttfs.plan import AnyCoding, Plan, plan_network
from hwsim.accelerators.ttfs.posting import post_all
from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.accelerators.ttfs.timing import LayerWork, answer_job, schedules, streamed
from hwsim.components.pricing.price import Priced
from hwsim.contract.machine import Accelerator, FunctionalRun
from hwsim.contract.run import STATIC, STREAMED
from hwsim.contract.workload import Batch, Batches, Workload
from hwsim.errors import UsageError
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.ttfs.trace import FirstSpikeTrace

_JOBS_AT_ONCE = 1 << 18  # of all samples of a batch: memory does not grow with samples


@dataclass(frozen=True, slots=True)
class _Batches(Batches):
    """The batches of a plan, lowered each time they are asked for."""

    plan: Plan
    trace: AnyCoding

    @property
    def n_samples(self) -> int:
        """All recorded samples."""
        return self.trace.n_samples

    @property
    def most_at_once(self) -> int:
        """As many samples as have so many jobs."""
        return max(1, _JOBS_AT_ONCE // self.plan.n_jobs)

    def lower(self, samples: range) -> Batch:
        """Count what some samples do, and lay out the schedule of each."""
        plan, n = self.plan, len(samples)
        chosen = slice(samples.start, samples.stop)
        works = [LayerWork(planned, count_layer(plan, planned, self.trace, chosen)) for planned in plan.layers]
        return Batch(
            samples=samples,
            ledger=post_all(plan, works, n),
            schedules={STATIC: schedules(plan, works, n)},
            step_ends={STATIC: answer_job(plan)},
            streamed=streamed(plan, works, n) if plan.spec.stream else None,
        )


@dataclass(frozen=True, slots=True)
class _Stream:
    """The same batches where samples follow each other: no process can take some for itself."""

    batches: _Batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


class Ttfs(Accelerator[TtfsSpec, AnyCoding]):
    """Systolic arrays of elements that own one neuron in a pass, driven by spikes in the order of their times."""

    spec_type = TtfsSpec
    trace_type = FirstSpikeTrace | RateTrace

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock."""
        return self.spec.clock.frequency_mhz

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component."""
        return priced_parts(self.spec)

    def lower(self, trace: AnyCoding) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises UsageError for another coding than the machine is set to, ArchitectureError where the network does not
        fit it.
        """
        plan = self._plan(trace)
        runs = (STATIC, STREAMED) if self.spec.stream else (STATIC,)
        batches = _Batches(plan, trace)
        return Workload(
            batches=_Stream(batches) if self.spec.stream else batches,
            n_samples=trace.n_samples,
            n_jobs=trace.n_samples * plan.n_jobs * len(runs),
            timesteps=1,
            runs=runs,
            hardware=hardware(plan),
            accuracy=_accuracy(trace),
        )

    def functional(self, trace: AnyCoding) -> FunctionalRun[AnyCoding]:
        """Run a first-spike network on its raw inputs in this machine's registers, decisions included.

        Raises UsageError for rates, ArchitectureError where the network does not fit the machine.
        """
        plan = self._plan(trace)
        if not isinstance(trace, FirstSpikeTrace):
            raise UsageError(
                "--functional: with coding 'rate' this machine computes what the trace records; play it without"
            )
        return execute(plan, trace)

    def _plan(self, trace: AnyCoding) -> Plan:
        check_trace(self.spec, trace)
        plan = plan_network(self.spec, trace)
        check_fit(plan)
        return plan


def _accuracy(trace: AnyCoding) -> tuple[float | None, int]:
    """Accuracy of the largest set of decisions that the trace has, and the size of that set."""
    if trace.provenance.synthetic:
        return None, trace.n_samples
    if isinstance(trace, FirstSpikeTrace):
        decisions = max(trace.decisions.values(), key=lambda decisions: decisions.labels.size)
        return decisions.accuracy, decisions.labels.size
    logits = trace.logits.get("test", trace.logits["recorded"])
    return float(np.asarray(logits.accuracy())[-1]), logits.labels.size
