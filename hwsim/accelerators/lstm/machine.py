"""The lstm machine: a sequence trace, or the same LSTM without spikes, to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from hwsim.accelerators.lstm.counting import count_layers
from hwsim.accelerators.lstm.dense_step import dense_works
from hwsim.accelerators.lstm.engines import Engine, engines, streamed
from hwsim.accelerators.lstm.facts import FACTS
from hwsim.accelerators.lstm.fit import check_fit
from hwsim.accelerators.lstm.parts import ARITHMETIC, hardware, parts_of
from hwsim.accelerators.lstm.plan import Plan, memory_bits
from hwsim.accelerators.lstm.posting import postings
from hwsim.accelerators.lstm.schedule import schedules, step_ends
from hwsim.accelerators.lstm.spec import LstmSpec
from hwsim.accelerators.lstm.spiking_step import layer_work, readout_work
from hwsim.accelerators.lstm.work import READOUT, StepWork
from hwsim.components.pricing.price import Priced
from hwsim.contract.batches import Batch, Batches, ByLeaving, OneEach
from hwsim.contract.dense import BaselineKind, Dense
from hwsim.contract.ledger import Ledger
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.machine import Accelerator
from hwsim.contract.run import RunName
from hwsim.contract.streams import Streaming
from hwsim.contract.workload import Workload
from hwsim.traces.sequence.trace import SequenceTrace


class Lstm(Accelerator[LstmSpec, SequenceTrace]):
    """Cells of MAC, AC, neuron and element-wise engines; timesteps run as a wavefront where the network lets them."""

    spec_type = LstmSpec
    trace_type = SequenceTrace
    facts = FACTS
    arithmetic = ARITHMETIC

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component; for a workload those that it uses."""
        return parts_of(self.spec, None if workload is None else workload.dense)

    def levers(self, trace: SequenceTrace, limits: Limits) -> Iterable[Lever]:
        """What this machine offers against what limits a run (see `levers`)."""
        from hwsim.accelerators.lstm.levers import levers

        return levers(self.spec, trace, limits)

    def lower(self, trace: SequenceTrace) -> Workload:
        """Counts and schedules of all recorded samples.

        Raises ArchitectureError where the network does not fit the machine.
        """
        return self._workload(Plan(self.spec, trace.network, trace.timesteps), trace, trace.static_accuracy())

    def needed_bits(self, trace: SequenceTrace, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """Those of one memory of each kind, of the layer that needs most."""
        dense = None if kind is None else self._dense(trace, kind)
        plan = Plan(self.spec, trace.network, trace.timesteps if dense is None else 1, dense)
        return {key: needed for key, (needed, _) in memory_bits(plan).items()}

    def baseline(self, trace: SequenceTrace, kind: BaselineKind) -> Workload:
        """The ordinary LSTM of the same shape in one pass on this machine, every product multiplied.

        `ann` has hidden values of `mac.input_bits`, none of them 0.  `qann` has ceil(log2(T + 1)) bits, as many as the
        rates of T timesteps, and the share of zeros that `baseline.qann_density` says.  Their accuracy is not known.

        Raises ArchitectureError where the network does not fit the machine or prices are given for other widths.
        """
        plan = Plan(self.spec, trace.network, 1, self._dense(trace, kind))
        return self._workload(plan, trace, (None, trace.n_samples))

    def _dense(self, trace: SequenceTrace, kind: BaselineKind) -> Dense:
        return Dense.of(kind, trace.timesteps, self.spec.mac.input_bits, self.spec.baseline.qann_density)

    def _workload(self, plan: Plan, trace: SequenceTrace, accuracy: tuple[float | None, int]) -> Workload:
        check_fit(plan)
        built = engines(plan, _works(plan, trace, range(1)))  # the same for all samples
        return Workload(
            batches=Batches(partial(_lower, plan, trace, built), trace.n_samples),
            timesteps=plan.timesteps,
            stream=None if plan.serial else Streaming(partial(streamed, plan, built)),
            no_stream=plan.serial_because,
            runs=(RunName.STATIC,),
            hardware=hardware(plan, built),
            accuracy=accuracy,
            dense=plan.dense,
        )


def _works(plan: Plan, trace: SequenceTrace, samples: range) -> Mapping[str, StepWork]:
    """What the steps of every layer and the readout do for some samples, by the name of the layer."""
    chosen = slice(samples.start, samples.stop)
    if plan.dense is not None:
        works = dense_works(plan, plan.dense, trace, chosen)
    else:
        counts = count_layers(trace, chosen)
        works = [layer_work(plan, position, spikes) for position, spikes in enumerate(counts)]
        works.append(readout_work(plan, counts[-1]))
    return dict(zip([*(layer.name for layer in plan.network.layers), READOUT], works, strict=True))


def _lower(plan: Plan, trace: SequenceTrace, built: list[Engine], samples: range) -> Batch:
    """Count what some samples do, and lay out their schedules."""
    works, n = _works(plan, trace, samples), len(samples)
    laid_out = schedules(plan, built, works, n)
    each: OneEach | ByLeaving = ByLeaving(laid_out)
    if len(laid_out) == 1:
        each = OneEach(laid_out[0], *step_ends(plan, built))
    return Batch(samples, Ledger.of(n, postings(built, works)), {RunName.STATIC: each})


Machine = Lstm
