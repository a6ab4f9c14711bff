"""The imc machine: a trace to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwsim.accelerators.imc.baseline import Dense, in_one_pass
from hwsim.accelerators.imc.copy_counting import count_copies
from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.exit.decide import decide
from hwsim.accelerators.imc.exit.overlap import by_leaving_timestep
from hwsim.accelerators.imc.functional import execute
from hwsim.accelerators.imc.links import n_link_jobs
from hwsim.accelerators.imc.parts import adc_range_rows, hardware, priced_parts
from hwsim.accelerators.imc.plan.pipeline import Options, Pipeline, build
from hwsim.accelerators.imc.plan.placement import Placement, place
from hwsim.accelerators.imc.plan.storage import Plan
from hwsim.accelerators.imc.plan.traffic import Traffic, route
from hwsim.accelerators.imc.posting import post_all
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.accelerators.imc.timing import schedules
from hwsim.accelerators.imc.work import Work
from hwsim.components.pricing.price import Priced
from hwsim.contract.exits import Exits
from hwsim.contract.machine import Accelerator, BaselineKind, FunctionalRun
from hwsim.contract.run import EARLY_EXIT, OVERLAPPED, STATIC
from hwsim.contract.workload import Batch, Batches, Workload
from hwsim.errors import ArchitectureError
from hwsim.traces.direct.encode import activation_planes
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear, Network, neuron_of
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.slicing import first

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch: 32 MiB, so memory does not grow with samples


@dataclass(frozen=True, slots=True)
class _Batches(Batches):
    """The batches of a trace, or of its network without spikes, lowered each time they are asked for."""

    spec: ImcSpec
    trace: Trace
    placement: Placement
    traffic: Traffic
    pipelines: Mapping[str, Pipeline]  # run -> pipeline, the one with the most steps last
    dense: Dense | None = None

    @property
    def n_samples(self) -> int:
        """All recorded samples."""
        return self.trace.n_samples

    @property
    def most_at_once(self) -> int:
        """As many samples as have so many packed words."""
        planes = self.trace.timesteps if self.dense is None else self.dense.bits
        words: int = sum(packed.words[0, 0].size for packed in self.trace.spikes.values())
        return max(1, _WORDS_AT_ONCE // (planes * words))

    def lower(self, samples: range) -> Batch:
        """Count what some samples do, and lay out one schedule of each for every run."""
        counts = self._count(samples)
        works = {
            run: Work(self.spec, self.trace.network, self.placement, self.traffic, pipeline, counts, len(samples))
            for run, pipeline in self.pipelines.items()
        }
        return Batch(
            samples=samples,
            ledger=post_all(list(works.values())[-1]),
            schedules={
                run: by_leaving_timestep(schedules(work)) if run == OVERLAPPED else schedules(work)
                for run, work in works.items()
            },
            step_ends={run: pipeline.step_ends() for run, pipeline in self.pipelines.items() if run != OVERLAPPED},
        )

    def _count(self, samples: range) -> Mapping[str, LayerCounts]:
        network, counts = self.trace.network, {}
        range_rows, chosen = adc_range_rows(self.spec), slice(samples.start, samples.stop)
        timesteps = next(iter(self.pipelines.values())).order.timesteps
        known = None if self.dense is None else self.dense.planes(self.trace, samples)
        for layer in network:
            if isinstance(layer, Conv2d | Linear) and layer.name in self.placement.layers:
                planes = activation_planes(self.trace, layer.inputs[0], chosen, known)
                counted = count_copies(self.spec, self.placement.layers[layer.name], layer, planes, range_rows)
                once = self.spec.direct_input == "once" and multiplies_input(network, layer)
                counts[layer.name] = counted.over(timesteps, only_first=once)
        return counts


class Imc(Accelerator[ImcSpec, Trace]):
    """Crossbars, ADCs, LIF units with membrane SRAM, row-level layer pipelining and a sigma-E unit."""

    spec_type = ImcSpec
    arithmetic = frozenset({"crossbar", "adc", "column_mux", "shift_add", "accumulator", "offset"})
    trace_type = Trace

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock."""
        return self.spec.clock.frequency_mhz

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload, those that it has."""
        parts = priced_parts(self.spec)
        if workload is None:
            return parts
        return {name: part for name, part in parts.items() if name in workload.hardware.instances}

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        self._check_neurons(trace.network)
        cut = self._cut(trace)
        return self._workload(self.spec, cut, decide(self.spec.early_exit, cut))

    def baseline(self, trace: Trace, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, on crossbars with the same weights, in one pass (see `baseline`).

        `ann` has activations of `baseline.ann_bits`, of which each bit is set or not with the same probability.  `qann`
        has ceil(log2(T + 1)) bits: the spike counts of the trace, zeros included.  Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or an assumption is about spikes.
        """
        cut = self._cut(trace)
        dense = Dense.of(self.spec, kind, cut.timesteps)
        network = replace(cut.network, activation_bits=dense.bits)
        return self._workload(in_one_pass(self.spec), replace(cut, network=network), None, dense)

    def _cut(self, trace: Trace) -> Trace:
        """The timesteps of a trace that this machine runs."""
        return first(trace, timesteps=1) if self.spec.early_exit.threshold == "always" else trace

    def _workload(self, spec: ImcSpec, trace: Trace, exits: Exits | None, dense: Dense | None = None) -> Workload:
        runs = (STATIC,) if exits is None else (STATIC, *exits.runs)
        timesteps = trace.timesteps if dense is None else 1
        placement = place(spec, trace.network)
        traffic = route(spec, trace.network, placement)
        pipelines = {run: self._pipeline(trace.network, timesteps, run) for run in runs}
        plan = Plan(spec, trace.network, placement, traffic, pipelines[runs[-1]])
        return Workload(
            batches=_Batches(spec, trace, placement, traffic, pipelines, dense),
            n_samples=trace.n_samples,
            n_jobs=trace.n_samples * sum(self._n_jobs(run, traffic, pipeline) for run, pipeline in pipelines.items()),
            timesteps=timesteps,
            runs=runs,
            hardware=hardware(plan, self.components()),
            accuracy=trace.static_accuracy() if dense is None else (None, trace.n_samples),
            exits=exits,
        )

    def functional(self, trace: Trace) -> FunctionalRun[Trace]:
        """Run the network on the modelled crossbars, with the errors that `devices` states.

        Raises UsageError for a trace without raw inputs and ArchitectureError where the network does not fit.
        """
        self._check_neurons(trace.network)
        return execute(self.spec, trace)

    def _check_neurons(self, network: Network) -> None:
        have, away = self.spec.neuron, self.spec.assumptions.off_chip(network)
        for layer in network.spiking():
            if layer.name in away:
                continue
            neuron = neuron_of(layer)
            assert neuron is not None
            for key, needed, given in (
                ("membrane_bits", neuron.membrane_bits, have.membrane_bits),
                ("leak_bits", 0 if neuron.leak == 1 << neuron.leak_bits else neuron.leak_bits, have.leak_bits),
            ):
                if needed > given:
                    raise ArchitectureError(f"neuron.{key}: {layer.name} needs {needed}, the machine has {given}")

    def _pipeline(self, network: Network, timesteps: int, run: str) -> Pipeline:
        options = Options(
            row_pipelining=self.spec.pipelining == "rows",
            layer_outer=self.spec.loop_order == "layer_outer",
            slack_rows=self.spec.buffer_slack_rows,
            gated=run == EARLY_EXIT,
            overlapped=run == OVERLAPPED,
            off_chip=self.spec.assumptions.off_chip(network),
        )
        return build(network, timesteps, options)

    def _n_jobs(self, run: str, traffic: Traffic, pipeline: Pipeline) -> int:
        """Jobs of one sample in all its schedules."""
        each = pipeline.n_jobs + n_link_jobs(self.spec, traffic, pipeline)
        return each * (pipeline.order.timesteps if run == OVERLAPPED else 1)
