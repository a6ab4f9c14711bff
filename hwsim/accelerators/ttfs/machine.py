"""The ttfs machine: a trace of first spikes, or of rates, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from hwsim.accelerators.ttfs.counting import count_layer
from hwsim.accelerators.ttfs.facts import FACTS
from hwsim.accelerators.ttfs.fit import check_fit, check_trace
from hwsim.accelerators.ttfs.functional import execute, judge
from hwsim.accelerators.ttfs.parts import hardware, parts_of
from hwsim.accelerators.ttfs.plan import AnyCoding, Plan, network_of, plan_network
from hwsim.accelerators.ttfs.posting import postings
from hwsim.accelerators.ttfs.schedule import schedules, step_ends, streamed
from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.accelerators.ttfs.timing import LayerWork
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, OneEach
from hwsim.contract.dense import BaselineKind
from hwsim.contract.exits import Exits
from hwsim.contract.judged import Judged
from hwsim.contract.ledger import Ledger
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.machine import Accelerator, Decides, FunctionalRun
from hwsim.contract.run import RunName
from hwsim.contract.streams import Streaming
from hwsim.contract.workload import Workload
from hwsim.errors import UsageError
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.network.geometry import macs
from hwsim.traces.ttfs.trace import FirstSpikeTrace


class Ttfs(Accelerator[TtfsSpec, AnyCoding]):
    """Systolic arrays of elements that own one neuron in a pass, driven by spikes in the order of their times."""

    spec_type = TtfsSpec
    trace_type = FirstSpikeTrace | RateTrace
    facts = FACTS

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component."""
        return parts_of(self.spec)

    def levers(self, trace: AnyCoding, limits: Limits) -> Iterable[Lever]:
        """What this machine offers against what limits a run (see `levers`)."""
        from hwsim.accelerators.ttfs.levers import levers

        return levers(self.spec, trace, limits)

    def needed_bits(self, trace: AnyCoding, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """Those of the fullest core; with rates as many spikes as any recorded sample has."""
        check_trace(self.spec, trace)
        return plan_network(self.spec, trace).needed_bits()

    def lower(self, trace: AnyCoding) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises UsageError for another coding than the machine is set to, ArchitectureError where the network does not
        fit it.
        """
        plan = self._plan(trace)
        return Workload(
            batches=Batches(partial(_lower, plan, trace), trace.n_samples),
            timesteps=1,
            stream=Streaming(partial(streamed, plan)),
            runs=(RunName.STATIC,),
            hardware=hardware(plan),
            accuracy=trace.static_accuracy(),
        )

    def functional(self, trace: AnyCoding, samples: int | None = None) -> FunctionalRun[AnyCoding]:
        """Run a first-spike network on its raw inputs in this machine's registers, decisions included.

        Raises UsageError for rates, ArchitectureError where the network does not fit the machine.
        """
        plan = self._plan(trace)
        if not isinstance(trace, FirstSpikeTrace):
            raise UsageError(
                "functional: with coding 'rate' this machine computes what the trace records; play it without"
            )
        return execute(plan, trace, samples)

    def decides(self, trace: AnyCoding) -> Decides:
        """Registers saturate and passes stop early; rates are played as they are recorded."""
        return "in its own way" if isinstance(trace, FirstSpikeTrace) else "exactly"

    def operations(self, trace: AnyCoding) -> int:
        """Products of all weighted layers; a neuron looks at each of its inputs once."""
        network = network_of(trace)
        return sum(macs(layer, network) for layer in network.weighted())

    def judge(self, exact: AnyCoding, own: AnyCoding, exits: Exits | None) -> Mapping[RunName, Judged]:
        """Decisions of this machine and of the network on the raw inputs that both have."""
        if not isinstance(exact, FirstSpikeTrace) or not isinstance(own, FirstSpikeTrace):
            return {}
        judged = judge(exact, own)
        return {} if judged is None else {RunName.STATIC: judged}

    def _plan(self, trace: AnyCoding) -> Plan:
        check_trace(self.spec, trace)
        plan = plan_network(self.spec, trace)
        check_fit(plan)
        return plan


def _lower(plan: Plan, trace: AnyCoding, samples: range) -> Batch:
    """Count what some samples do, and lay out the schedule of each."""
    chosen = slice(samples.start, samples.stop)
    works = [LayerWork(planned, count_layer(plan, planned, trace, chosen)) for planned in plan.layers]
    each = OneEach(schedules(plan, works, len(samples)), *step_ends(plan))
    return Batch(samples, Ledger.of(len(samples), postings(plan, works)), {RunName.STATIC: each})


Machine = Ttfs
