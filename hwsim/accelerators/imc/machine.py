"""The imc machine: a trace to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from hwsim.accelerators.imc.baseline import activations_of, in_one_pass, planes_of
from hwsim.accelerators.imc.copy_counting import count_copies
from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.exit.decide import decide, why_not
from hwsim.accelerators.imc.exit.judge import judge
from hwsim.accelerators.imc.exit.overlap import by_leaving_timestep
from hwsim.accelerators.imc.facts import FACTS
from hwsim.accelerators.imc.fit import check_decision, check_fit
from hwsim.accelerators.imc.parts import adc_range_rows, hardware, parts_of
from hwsim.accelerators.imc.plan.plan import Plan, plans_of
from hwsim.accelerators.imc.posting import postings
from hwsim.accelerators.imc.schedule import schedules
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.accelerators.imc.work import Work
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, ByLeaving, OneEach
from hwsim.contract.dense import BaselineKind, Dense
from hwsim.contract.exits import Exits
from hwsim.contract.judged import Judged
from hwsim.contract.ledger import Ledger
from hwsim.contract.machine import Accelerator, Decides, FunctionalRun
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.slicing import first

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch: 32 MiB, so memory does not grow with samples


class Imc(Accelerator[ImcSpec, Trace]):
    """Crossbars, ADCs, LIF units with membrane SRAM, row-level layer pipelining and a sigma-E unit."""

    spec_type = ImcSpec
    arithmetic = frozenset({"crossbar", "adc", "column_mux", "shift_add", "accumulator", "offset"})
    trace_type = Trace
    facts = FACTS

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload, those that it has."""
        parts = parts_of(self.spec)
        if workload is None:
            return parts
        return {name: part for name, part in parts.items() if name in workload.hardware.instances}

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        check_fit(self.spec, trace.network)
        cut = self._cut(trace)
        exits = decide(self.spec.early_exit, cut)
        if exits is not None:
            check_decision(self.spec, cut.network, cut.timesteps)
        return replace(self._workload(self.spec, cut, exits), no_exits=why_not(self.spec.early_exit, cut))

    def baseline(self, trace: Trace, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, on crossbars with the same weights, in one pass (see `baseline`).

        `ann` has activations of `baseline.ann_bits`, of which each bit is set or not with the same probability.  `qann`
        has ceil(log2(T + 1)) bits: the spike counts of the trace, zeros included.  Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or an assumption is about spikes.
        """
        cut = self._cut(trace)
        dense = activations_of(self.spec, kind, cut.timesteps)
        network = replace(cut.network, activation_bits=dense.activation_bits)
        check_fit(self.spec, network)
        return self._workload(in_one_pass(self.spec), replace(cut, network=network), None, dense)

    def _cut(self, trace: Trace) -> Trace:
        """The timesteps of a trace that this machine runs."""
        return first(trace, timesteps=1) if self.spec.early_exit.threshold == "always" else trace

    def _workload(self, spec: ImcSpec, trace: Trace, exits: Exits | None, dense: Dense | None = None) -> Workload:
        runs = (RunName.STATIC,) if exits is None else (RunName.STATIC, *exits.runs)
        timesteps, planes = (trace.timesteps, trace.timesteps) if dense is None else (1, dense.activation_bits)
        plans = plans_of(spec, trace.network, timesteps, runs)
        words: int = sum(packed.words[0, 0].size for packed in trace.spikes.values())
        lower = partial(_lower, plans, trace, dense)
        return Workload(
            batches=Batches(lower, trace.n_samples, _WORDS_AT_ONCE // (planes * words)),
            timesteps=timesteps,
            overlaps=True,
            runs=runs,
            hardware=hardware(plans[runs[-1]], self.components()),
            accuracy=trace.static_accuracy() if dense is None else (None, trace.n_samples),
            exits=exits,
            dense=dense,
        )

    def functional(self, trace: Trace, samples: int | None = None) -> FunctionalRun[Trace]:
        """Run the network on the modelled crossbars, with the errors that `devices` states.

        Raises UsageError for a trace without raw inputs and ArchitectureError where the network does not fit.
        """
        check_fit(self.spec, trace.network)
        from hwsim.accelerators.imc.functional.run import execute

        return execute(self.spec, trace, samples)

    def decides(self, trace: Trace) -> Decides:
        """Converters clip and cells vary."""
        return "in its own way"

    def operations(self, trace: Trace) -> int:
        """Products of all weighted layers over all timesteps."""
        weighted = (layer for layer in trace.network if isinstance(layer, Conv2d | Linear))
        return trace.timesteps * sum(macs(layer, trace.network) for layer in weighted)

    def judge(self, exact: Trace, own: Trace, exits: Exits | None) -> Mapping[RunName, Judged]:
        """What is right with all timesteps, and where samples leave early (see `exit.judge`)."""
        return judge(self.spec.early_exit, exact, own, exits)


def _lower(plans: Mapping[RunName, Plan], trace: Trace, dense: Dense | None, samples: range) -> Batch:
    """Count what some samples do, and lay out their schedules for every run."""
    counts, n = _count(next(iter(plans.values())), trace, dense, samples), len(samples)
    scheduled: dict[RunName, OneEach | ByLeaving] = {}
    for run, plan in plans.items():
        work = Work.of(plan, counts, n)
        each = OneEach(schedules(work), *plan.pipeline.step_ends())
        scheduled[run] = by_leaving_timestep(each) if run is RunName.OVERLAPPED else each
    return Batch(samples, Ledger.of(n, postings(work)), scheduled)


def _count(plan: Plan, trace: Trace, dense: Dense | None, samples: range) -> Mapping[str, LayerCounts]:
    """What the inputs of every weighted layer ask of its crossbars."""
    spec, network, counts = plan.spec, plan.network, {}
    range_rows, chosen = adc_range_rows(spec), slice(samples.start, samples.stop)
    activations = Activations(trace, chosen, None if dense is None else planes_of(dense, trace, samples))
    for layer in network:
        if isinstance(layer, Conv2d | Linear) and layer.name in plan.placement.layers:
            planes = activations.planes(layer.inputs[0])
            counted = count_copies(spec, plan.placement.layers[layer.name], layer, planes, range_rows)
            once = spec.direct_input == "once" and multiplies_input(network, layer)
            counts[layer.name] = counted.over(plan.timesteps, only_first=once)
    return counts
