"""The digital machine: a trace, or the same network without spikes, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from hwsim.accelerators.digital.batch_counting import count
from hwsim.accelerators.digital.facts import FACTS
from hwsim.accelerators.digital.layout import Layout, needed
from hwsim.accelerators.digital.marginal import marginals
from hwsim.accelerators.digital.parts import parts_of
from hwsim.accelerators.digital.schedule import schedules, step_ends
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, OneEach
from hwsim.contract.dense import BaselineKind, Dense
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.machine import Accelerator
from hwsim.contract.neuron_parts import priced_neuron_parts
from hwsim.contract.recurrence import refuse_one_pass
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.engine.schedule import Schedules
from hwsim.errors import ArchitectureError, guess
from hwsim.traces.direct.trace import Trace

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch: memory does not grow with samples


class Digital(Accelerator[DigitalSpec, Trace]):
    """An output-stationary MAC/AC array with scratchpads, a global buffer and DRAM, each optional."""

    spec_type = DigitalSpec
    arithmetic = frozenset({"mac", "narrow_mac", "ac"})
    trace_type = Trace
    facts = FACTS

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload in the units in which it counts."""
        if workload is None:
            return parts_of(self.spec)
        parts = dict(parts_of(self.spec, workload.dense))
        if self.spec.neuron != "none":
            parts |= priced_neuron_parts(workload.hardware.instances, self.spec.neuron, self.spec.technology)
        return parts

    def levers(self, trace: Trace, limits: Limits) -> Iterable[Lever]:
        """What this machine offers against what limits a run (see `levers`)."""
        from hwsim.accelerators.digital.levers import levers

        return levers(self.spec, trace, limits)

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        laid_out = Layout.of(self.spec, trace.network, trace.timesteps)
        return self._workload(laid_out, trace, trace.static_accuracy())

    def needed_bits(self, trace: Trace, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """What a scratchpad of a column and the global buffer need for nothing to spill."""
        if kind is None:
            return needed(self.spec, trace.network, trace.timesteps)
        return needed(self.spec, trace.network, 1, self._dense(trace, kind))

    def baseline(self, trace: Trace, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, every weight multiplied, in one pass on this machine.

        `ann` has activations of `mac.input_bits`, none of them zero.  `qann` has ceil(log2(T + 1)) bits, as many as the
        rates of T timesteps, or `baseline.qann_bits`, one more if spikes are signed, and the share of zeros that
        `baseline.qann_density` says.
        Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or prices are given for other widths.
        """
        laid_out = Layout.of(self.spec, trace.network, 1, self._dense(trace, kind))
        return self._workload(laid_out, trace, (None, trace.n_samples))

    def _dense(self, trace: Trace, kind: BaselineKind) -> Dense:
        refuse_one_pass(trace.network)
        baseline, signed = self.spec.baseline, trace.network.has_signed_spikes
        dense = Dense.of(kind, trace.timesteps, self.spec.mac.input_bits, baseline.qann_density, signed)
        if kind == "qann" and baseline.qann_bits != "timesteps":
            dense = replace(dense, activation_bits=baseline.qann_bits + signed)
        if kind == "ann" or not baseline.density_by_layer:
            return dense
        names = [layer.name for layer in trace.network]
        for name in baseline.density_by_layer:
            if name not in names:
                raise ArchitectureError(
                    f"baseline.density_by_layer.{name}: no layer of the network is called so{guess(name, names)}"
                )
        return replace(dense, by_layer=tuple(sorted(baseline.density_by_layer.items())))

    def _workload(self, laid_out: Layout, trace: Trace, accuracy: tuple[float | None, int]) -> Workload:
        plan = laid_out.plan
        return Workload(
            batches=_batches(laid_out, laid_out.shape(), trace),
            timesteps=plan.timesteps,
            runs=(RunName.STATIC,),
            no_stream="layers run one after another on one array, and an inference begins when the one before it ends",
            hardware=laid_out.hardware(),
            accuracy=accuracy,
            dense=plan.dense,
            together=plan.images,
            timed=self.spec.fan_out == "exact",
            count_units={("ac", "add"): laid_out.unit} if laid_out.unit > 1 else {},
        )


def _batches(laid_out: Layout, shape: Schedules, trace: Trace, _runs: Collection[RunName] = ()) -> Batches:
    """The batches of a trace, which has one run."""
    words: int = sum(packed.words[0].size for packed in trace.spikes.values())
    return Batches(
        partial(_lower, laid_out, shape, trace),
        trace.n_samples,
        _WORDS_AT_ONCE // words,
        jobs={None: shape.n_jobs},
        anew=partial(_batches, laid_out, shape),
        marginals=partial(marginals, laid_out, trace),
    )


def _lower(laid_out: Layout, shape: Schedules, trace: Trace, samples: range) -> Batch:
    """Count what some samples do, and lay out the schedule of each."""
    plan, counted = laid_out.plan, count(laid_out, trace, samples)
    scheduled = schedules(plan, laid_out.storage, shape, counted.works, len(samples))
    return Batch(samples, counted.ledger, {RunName.STATIC: OneEach(scheduled, *step_ends(plan))})


Machine = Digital
