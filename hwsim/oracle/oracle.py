"""The cost oracle: a design and a network laid out once, asked for what one batch's spikes after another cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from hwsim import arguments
from hwsim.api import load_trace
from hwsim.arch.settings import Settings, as_overrides
from hwsim.designs import Architecture, load_architecture
from hwsim.errors import UsageError, guess
from hwsim.oracle.batch import batch_of
from hwsim.oracle.bits import with_bits
from hwsim.oracle.chain import Reals
from hwsim.oracle.cost import Cost
from hwsim.oracle.drawn import drawn
from hwsim.oracle.gradient import Credit, sloped
from hwsim.oracle.machine import LaidOut, figures_of
from hwsim.oracle.monitor import Monitor
from hwsim.oracle.objective import FIXED, Objective
from hwsim.oracle.spikes import Axes
from hwsim.report.price import PricedRun
from hwsim.traces.codings import is_trace
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.trace import AnyTrace
from hwsim.traces.ttfs.trace import FirstSpikeTrace


class Oracle:
    """What the spikes of a batch cost on a machine: exact, and without a file, a report or rounded weights in the way.

    Args:
        architecture: a design as `hwsim.simulate` takes it.
        source: a trace, a path of one, or a model that `hwsim.capture` takes, with what that needs in `capture`.
        objective: a figure - `energy_pj`, `dynamic_pj`, `latency_ns`, `edp_pj_ns`, `memory_kib` or `area_mm2` - or
            weights of several, `{"energy_pj": 1e-6, "latency_ns": 1e-3}`.
        set: values of the design to change, as `hwsim.simulate` takes them.
        run: of a report's runs the one that is asked about, `static` unless given; in `early exit` samples leave as
            those of the trace's larger set do.
        axes: whether the first axis of what is given is that of time or that of samples.
        credit: what the slope of a spike is where costs are skipped only if several spikes are silent, as reads of a
            crossbar: `single` is what turning it alone changes; `shared` its equal share of the energy of each read
            that it drives with others, so that slopes add up to what all spikes cost.
        capture: arguments of `hwsim.capture` beside the model, of which `inputs` is one.

    Raises:
        HwsimError: as `simulate` and `capture` do.

    """

    def __init__(
        self,
        architecture: Architecture | str | Path,
        source: Any,
        *,
        objective: str | Mapping[str, float] | Objective = "energy_pj",
        set: Settings = None,  # noqa: A002 - as on the command line
        run: str | None = None,
        axes: Axes = "time, sample",
        credit: Credit = "single",
        capture: Mapping[str, Any] | None = None,
    ) -> None:
        self.axes: Axes = arguments.one_of("axes", axes, get_args(Axes))
        self.credit: Credit = arguments.one_of("credit", credit, get_args(Credit))
        self.objective = objective if isinstance(objective, Objective) else Objective.of(objective)
        self._run = run
        self.architecture = load_architecture(architecture, as_overrides(set))
        self.trace = _trace_of(source, capture)
        self._laid_out = LaidOut.of(self.architecture, self.trace, run)
        self._memo: dict[str, object] = {}
        self.kept: dict[Any, Any] = {}  # what others keep with it
        timed = self._laid_out.workload.timed
        if self.objective.plays and not timed:
            raise UsageError("objective: this design is an equation of energy, which has no time: use dynamic_pj")

    def __repr__(self) -> str:
        """What is asked of which design and network."""
        asked = ", ".join(self.objective.weights)
        return f"<Oracle {self.architecture.path.name} on {self.trace.provenance.name}: {asked}>"

    def __call__(self, spikes: Any, inputs: Any = None) -> Cost:
        """What a batch costs.

        Args:
            spikes: by layer with neurons, tensors or arrays [timestep, sample, channel, y, x] of 0 and 1, or a list
                with one a timestep; of vectors without y and x.  Or a trace's `PackedSpikes`.
            inputs: raw inputs [sample, channel, y, x], integers or fractions from 0 to 1; over time with timesteps as
                those of spikes.  The recorded ones stand in where there are none, and the cost says so.

        Raises UsageError in one line for what is none of this.

        """
        return self._cost(self._priced(self._batch(spikes, inputs)), inputs is not None)

    def expected(self, counts: Mapping[str, Any], *, draws: int = 4, seed: int = 0) -> Cost:
        """What spikes cost of which only the numbers are known: by layer, [timestep] or [sample, timestep].

        It is an expectation, and says so: the mean of so many draws in which all neurons of a layer are as likely to
        fire, which those of a trained network are not.  Raises UsageError for counts that a layer cannot have.
        """
        draws = arguments.within("draws", draws, 1, 1 << 10)
        batch = self._batch(drawn(self.trace, counts, draws, arguments.whole("seed", seed)), None)
        found = self._cost(self._priced(batch), with_inputs=True)
        each = {name: values.reshape(draws, -1).mean(axis=0) for name, values in found.per_sample.items()}
        note = f"an expectation: {draws} draws of spikes of which only the numbers are known"
        return replace(found, per_sample=each, exact=False, note=note)

    def at_bits(self, bits: Mapping[str, int]) -> Oracle:
        """The same oracle for weights of so many bits in some layers, kept with this one.

        Raises UsageError for layers without weights, HwsimError where the machine cannot hold them.
        """
        key = "bits", tuple(sorted(bits.items()))
        if key not in self.kept:
            self.kept[key] = Oracle(
                self.architecture,
                with_bits(self.trace, bits),
                objective=self.objective,
                run=self._run,
                axes=self.axes,
                credit=self.credit,
            )
        found: Oracle = self.kept[key]
        return found

    def _batch(self, spikes: Any, inputs: Any) -> AnyTrace:
        return batch_of(self.trace, spikes, inputs, self.axes)

    def slopes(self, spikes: Any, inputs: Any = None) -> tuple[Cost, Mapping[str, Reals]]:
        """What a batch costs, and what each spike of it does: how much less the objective of its sample were without.

        With `credit="shared"` energy is shared out among the spikes that drive a read together.
        Of a neuron that is silent, how much more it were with a spike of it.  The second are float32 by layer,
        [sample or 1, timestep or 1, place, channel or 1], place = y * width + x.  Raises UsageError as a call does, and
        where the machine does not say what a single spike costs.
        """
        batch = self._batch(spikes, inputs)
        found = sloped(self._laid_out, self._laid_out.lower(batch), batch, self.objective, self._memo, self.credit)
        return self._cost(found.run, inputs is not None), found.spikes

    def monitor(
        self, model: Any, layers: Mapping[str, Any] | None = None, inputs: bool | Callable[[Any], Any] = True
    ) -> Monitor:
        """Hooks on a model that hand over the spikes of each of its forward passes.

        Args:
            model: a torch module; with neurons of snnTorch, SpikingJelly or Norse it needs no `layers`.
            layers: the module, or its name, whose output are the spikes of each layer of the trace.
            inputs: whether what the model is given are raw inputs, as a call takes them, or what makes them of it.

        Raises UsageError for layers and modules that there are not.

        """
        if not isinstance(self.trace, Trace | RateTrace):
            raise UsageError(
                f"model: a monitor knows networks of timesteps, and this one is of coding {self.trace.coding}"
            )
        layers_of, whole = self.trace.network.spiking(), self.axes == "time, sample"
        return Monitor(model, layers_of, self.trace.timesteps, layers, inputs, whole=whole)

    def shape(self, layer: str) -> tuple[int, int, int]:
        """Rows, columns and channels of a layer; raises UsageError for one that there is not."""
        if not isinstance(self.trace, Trace | RateTrace):
            raise UsageError(f"layer: coding {self.trace.coding} has no maps over time")
        shapes = {each.name: each.shape for each in self.trace.network.spiking()}
        if layer not in shapes:
            known = f"those are {', '.join(shapes)}{guess(str(layer), shapes)}"
            raise UsageError(f"spikes: no layer with neurons is called '{layer}', {known}")
        return shapes[layer]

    @property
    def over_time(self) -> bool:
        """Whether spikes are maps over time, with an axis of timesteps."""
        return isinstance(self.trace, Trace | RateTrace)

    @property
    def slope_of_value(self) -> float:
        """What 1 more of what stands for a spike does to the slope of it: of ticks one spike less in a whole window."""
        return -1 / self.trace.network.window if isinstance(self.trace, FirstSpikeTrace) else 1.0

    def _priced(self, batch: AnyTrace) -> PricedRun:
        laid_out = self._laid_out
        workload = laid_out.lower(batch)
        return laid_out.played(workload) if self.objective.plays else laid_out.counted(workload)

    def _cost(self, run: PricedRun, with_inputs: bool) -> Cost:
        weights = self.objective.weights
        each, means = figures_of(run, weights)
        for name in FIXED.intersection(weights):
            means[name] = self._laid_out.fixed[name]
            each[name] = np.full(run.n_samples, means[name])
        note = "" if with_inputs or not self._reads_inputs else "recorded raw inputs stood in for those of the batch"
        return Cost(each, means, weights, exact=not note, note=note)

    @cached_property
    def _reads_inputs(self) -> bool:
        """Whether raw inputs make any difference: where none do, no batch needs them."""
        trace, found = self.trace, getattr(self.trace, "inputs", None)
        if not isinstance(trace, Trace | RateTrace) or found is None:
            return not isinstance(trace, PlasticTrace)
        dark = replace(found, values=np.zeros_like(found.values))
        cost = self._laid_out.counted(self._laid_out.lower(replace(trace, inputs=dark))).energies("value", clock=False)
        own = self._laid_out.counted(self._laid_out.lower(trace)).energies("value", clock=False)
        return not np.array_equal(cost, own)

    @cached_property
    def reference(self) -> Cost:
        """What the recorded samples of the trace cost: something to divide by."""
        return self._cost(self._priced(self.trace), with_inputs=True)


def _trace_of(source: Any, capture: Mapping[str, Any] | None) -> AnyTrace:
    if isinstance(source, str | Path):
        source = load_trace(source)
    if is_trace(source):
        if capture is not None:
            raise UsageError("capture: says how a model is captured, and a trace was given")
        found: AnyTrace = source
        return found
    from hwsim.doors.capture import capture as captured

    if capture is None or "inputs" not in capture:
        raise UsageError("capture: wanted what hwsim.capture needs beside a model, such as inputs and timesteps")
    others = {name: value for name, value in capture.items() if name != "inputs"}
    made: AnyTrace = captured(source, capture["inputs"], **others)
    return made
