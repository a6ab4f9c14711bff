"""The imc machine: a trace to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from hwsim.accelerators.imc.baseline import activations_of, in_one_pass
from hwsim.accelerators.imc.batch_counting import count, post
from hwsim.accelerators.imc.exit.decide import decide, exit_runs, why_not
from hwsim.accelerators.imc.facts import FACTS
from hwsim.accelerators.imc.fit import check_decision, check_fit
from hwsim.accelerators.imc.layout import Layout
from hwsim.accelerators.imc.parts import part_names, parts_of
from hwsim.accelerators.imc.schedule import services_of, streamed
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.reads import derived, kept, real
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, OneEach, Overlapped
from hwsim.contract.dense import BaselineKind, Dense
from hwsim.contract.exits import Exits
from hwsim.contract.judged import Judged
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.machine import Accelerator, Decides, FunctionalRun
from hwsim.contract.marginal import Asked, Marginals
from hwsim.contract.neuron_parts import priced_neuron_parts
from hwsim.contract.recurrence import refuse_one_pass
from hwsim.contract.run import RunName
from hwsim.contract.streams import Streaming
from hwsim.contract.workload import Workload
from hwsim.engine.schedule import Schedules
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Network
from hwsim.traces.slicing import first

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch: 32 MiB, so memory does not grow with samples


class Imc(Accelerator[ImcSpec, Trace]):
    """Crossbars, ADCs, LIF units with membrane SRAM, row-level layer pipelining and a sigma-E unit."""

    spec_type = ImcSpec
    arithmetic = frozenset(
        {"crossbar", "row_driver", "adc", "adc_reference", "column_mux", "shift_add", "accumulator", "offset"}
    )
    trace_type = Trace
    facts = FACTS

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload, those that it has."""
        parts = parts_of(self.spec)
        if workload is None:
            return parts
        there, writing = workload.hardware.instances, workload.hardware.writing
        if writing is not None and writing.passes > 1:
            parts = {name: part.doing({**part.actions, **part.writes}) for name, part in parts.items()}
        more = priced_neuron_parts(there, self.spec.neuron, self.spec.technology)
        return {name: part for name, part in parts.items() if name in there} | more

    def levers(self, trace: Trace, limits: Limits) -> Iterable[Lever]:
        """What this machine offers against what limits a run (see `levers`)."""
        from hwsim.accelerators.imc.levers import levers

        return levers(self.spec, trace, limits)

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        self._check_fit(trace.network)
        cut = self._cut(trace)
        if runs := derived(self.spec, partial(_runs_with_exits, cut)):
            self._check_decision(cut.network, cut.timesteps)
        why = derived(self.spec, partial(_why_no_exits, cut))
        return replace(self._workload(self.spec, cut, runs), exits=self.exits(trace), no_exits=why)

    def exits(self, trace: Trace) -> Exits | None:
        """When samples leave by the rule of `early_exit`."""
        return decide(real(self.spec).early_exit, self._cut(trace))

    def knobs(self, trace: Trace) -> Mapping[str, str]:
        """Copies of layers, columns an ADC and the size of tiles (see `knobs`)."""
        from hwsim.accelerators.imc.knobs import knobs

        return knobs(self.spec, self.lower(first(trace, 1)).hardware)

    def needed_bits(self, trace: Trace, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """Those of the memories of the fullest tile, with all runs."""
        cut = self._cut(trace)
        if kind is None:
            network, spec, timesteps = cut.network, self.spec, cut.timesteps
            runs = (RunName.STATIC, *derived(self.spec, partial(_runs_with_exits, cut)))
        else:
            network, _ = self._without_spikes(cut, kind)
            spec, timesteps, runs = in_one_pass(self.spec), 1, (RunName.STATIC,)
        return Layout.of(spec, network, timesteps, runs).needed_bits()

    def baseline(self, trace: Trace, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, on crossbars with the same weights, in one pass (see `baseline`).

        `ann` has activations of `baseline.ann_bits`, of which each bit is set or not with the same probability.  `qann`
        has ceil(log2(T + 1)) bits: the spike counts of the trace, zeros included, and one more if spikes are signed.
        Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or an assumption is about spikes.
        """
        cut = self._cut(trace)
        network, dense = self._without_spikes(cut, kind)
        self._check_fit(network)
        return self._workload(in_one_pass(self.spec), replace(cut, network=network), (), dense)

    def _without_spikes(self, trace: Trace, kind: BaselineKind) -> tuple[Network, Dense]:
        refuse_one_pass(trace.network)
        dense = activations_of(self.spec, kind, trace.timesteps, trace.network.has_signed_spikes)
        return replace(trace.network, activation_bits=dense.activation_bits), dense

    def _check_fit(self, network: Network) -> None:
        kept(network, "fits", self.spec, lambda spec: check_fit(spec, network))

    def _check_decision(self, network: Network, timesteps: int) -> None:
        kept(network, ("decides", timesteps), self.spec, lambda spec: check_decision(spec, network, timesteps))

    def _cut(self, trace: Trace) -> Trace:
        """The timesteps of a trace that this machine runs."""
        return first(trace, timesteps=1) if derived(self.spec, _always_leaves) else trace

    def _workload(
        self, spec: ImcSpec, trace: Trace, early: tuple[RunName, ...], dense: Dense | None = None
    ) -> Workload:
        runs = (RunName.STATIC, *early)
        timesteps = trace.timesteps if dense is None else 1
        parts = derived(self.spec, part_names)  # first, so that what has no price is named by its key
        laid_out = Layout.of(spec, trace.network, timesteps, runs)
        in_passes = laid_out.plans[RunName.STATIC].placement.passes.n > 1
        return Workload(
            batches=_batches(laid_out, dense, trace, runs),
            timesteps=timesteps,
            stream=None if in_passes else Streaming(partial(streamed, laid_out.plans[RunName.STATIC])),
            no_stream="crossbars are rewritten in every inference (overflow: reprogram)" if in_passes else "",
            runs=runs,
            hardware=laid_out.hardware(parts),
            accuracy=trace.static_accuracy() if dense is None else (None, trace.n_samples),
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
        return trace.timesteps * sum(macs(layer, trace.network) for layer in trace.network.weighted())

    def judge(self, exact: Trace, own: Trace, exits: Exits | None) -> Mapping[RunName, Judged]:
        """What is right with all timesteps, and where samples leave early (see `exit.judge`)."""
        from hwsim.accelerators.imc.exit.judge import judge

        return judge(self.spec.early_exit, exact, own, exits)


def _always_leaves(spec: ImcSpec) -> bool:
    return spec.early_exit.threshold == "always"


def _runs_with_exits(trace: Trace, spec: ImcSpec) -> tuple[RunName, ...]:
    return exit_runs(spec.early_exit, trace)


def _why_no_exits(trace: Trace, spec: ImcSpec) -> str:
    return why_not(spec.early_exit, trace)


def _batches(laid_out: Layout, dense: Dense | None, trace: Trace, runs: Collection[RunName]) -> Batches:
    """The batches of a trace, for some of the runs that it is laid out for."""
    words: int = sum(packed.words[0, 0].size for packed in trace.spikes.values())
    planes, shapes = trace.timesteps if dense is None else dense.activation_bits, laid_out.shapes()
    chosen = {run: shapes[run] for run in runs}
    return Batches(
        partial(_lower, laid_out, chosen, trace, dense),
        trace.n_samples,
        _WORDS_AT_ONCE // (planes * words),
        jobs={None: sum(shape.n_jobs for shape in chosen.values())},
        anew=partial(_batches, laid_out, dense),
        marginals=partial(_marginals, laid_out, trace),
    )


def _marginals(laid_out: Layout, trace: Trace, asked: Asked) -> Marginals:
    from hwsim.accelerators.imc.marginal import marginals

    return marginals(laid_out, trace, asked)


def _lower(
    laid_out: Layout, shapes: Mapping[RunName, Schedules], trace: Trace, dense: Dense | None, samples: range
) -> Batch:
    """Count what some samples do, and lay out their schedules for every run."""
    counts = count(laid_out.spec, trace, dense, samples)
    services = services_of(laid_out.plans[RunName.STATIC], counts)
    scheduled: dict[RunName, OneEach | Overlapped] = {}
    for run, shape in shapes.items():
        kind, pipeline = Overlapped if run is RunName.OVERLAPPED else OneEach, laid_out.plans[run].pipeline
        scheduled[run] = kind(shape.retimed(services, len(samples)), pipeline.answer, pipeline.ends)
    return Batch(samples, post(laid_out, trace, dense, samples, counts), scheduled)


Machine = Imc
