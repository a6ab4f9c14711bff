"""The imc machine: a trace to counts and schedules, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hwsim.accelerator import EARLY_EXIT, STATIC, Accelerator, Batch, Workload
from hwsim.accelerators.imc.counting import LayerCounts, count_layer
from hwsim.accelerators.imc.direct import multiplies_input
from hwsim.accelerators.imc.exits import decide
from hwsim.accelerators.imc.parts import adc_range_rows, hardware, priced_parts
from hwsim.accelerators.imc.pipeline import Options, Pipeline, build
from hwsim.accelerators.imc.placement import Placement, place
from hwsim.accelerators.imc.posting import Work, post_all
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.accelerators.imc.timing import schedules
from hwsim.components.price import Priced
from hwsim.errors import ArchitectureError
from hwsim.traces.encode import activation_planes
from hwsim.traces.network import Conv2d, Linear, Network, neuron_of
from hwsim.traces.slicing import first
from hwsim.traces.trace import Trace

_WORDS_AT_ONCE = 1 << 22  # packed words of spikes lowered in one batch: 32 MiB, so memory does not grow with samples


@dataclass(frozen=True, slots=True)
class _Batches:
    """The batches of a trace on this machine, lowered each time they are asked for."""

    spec: ImcSpec
    trace: Trace
    placement: Placement
    pipelines: Mapping[str, Pipeline]  # run -> pipeline, the one with the most steps last

    def __iter__(self) -> Iterator[Batch]:
        per_sample = sum(packed.words[0].size for packed in self.trace.spikes.values())
        size = max(1, _WORDS_AT_ONCE // per_sample)
        for start in range(0, self.trace.n_samples, size):
            yield self._batch(range(start, min(start + size, self.trace.n_samples)))

    def _batch(self, samples: range) -> Batch:
        counts = self._count(slice(samples.start, samples.stop))
        works = {
            run: Work(self.spec, self.trace.network, self.placement, pipeline, counts, len(samples))
            for run, pipeline in self.pipelines.items()
        }
        return Batch(
            samples=samples,
            ledger=post_all(list(works.values())[-1]),
            schedules={run: schedules(work) for run, work in works.items()},
            step_ends={run: pipeline.step_ends() for run, pipeline in self.pipelines.items()},
        )

    def _count(self, samples: slice) -> Mapping[str, LayerCounts]:
        network, counts = self.trace.network, {}
        range_rows = adc_range_rows(self.spec)
        for layer in network:
            if isinstance(layer, Conv2d | Linear):
                planes = activation_planes(self.trace, layer.inputs[0], samples)
                counted = count_layer(self.spec, self.placement.layers[layer.name], layer, planes, range_rows)
                once = self.spec.direct_input == "once" and multiplies_input(network, layer)
                counts[layer.name] = counted.over(self.trace.timesteps, only_first=once)
        return counts


class Imc(Accelerator[ImcSpec, Trace]):
    """Crossbars, ADCs, LIF units with membrane SRAM, row-level layer pipelining and a sigma-E unit."""

    spec_type = ImcSpec
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
        if self.spec.early_exit.threshold == "always":
            trace = first(trace, timesteps=1)
        exits = decide(self.spec.early_exit, trace)
        runs = (STATIC,) if exits is None else (STATIC, EARLY_EXIT)
        placement = place(self.spec, trace.network)
        pipelines = {run: self._pipeline(trace, gated=run == EARLY_EXIT) for run in runs}
        return Workload(
            batches=_Batches(self.spec, trace, placement, pipelines),
            n_samples=trace.n_samples,
            n_jobs=trace.n_samples * sum(pipeline.n_jobs for pipeline in pipelines.values()),
            timesteps=trace.timesteps,
            runs=runs,
            hardware=hardware(self.spec, trace.network, placement, pipelines[runs[-1]], self.components()),
            accuracy=_static_accuracy(trace),
            exits=exits,
        )

    def _check_neurons(self, network: Network) -> None:
        have = self.spec.neuron
        for layer in network.spiking():
            neuron = neuron_of(layer)
            assert neuron is not None
            for key, needed, given in (
                ("membrane_bits", neuron.membrane_bits, have.membrane_bits),
                ("leak_bits", 0 if neuron.leak == 1 << neuron.leak_bits else neuron.leak_bits, have.leak_bits),
            ):
                if needed > given:
                    raise ArchitectureError(f"neuron.{key}: {layer.name} needs {needed}, the machine has {given}")

    def _pipeline(self, trace: Trace, gated: bool) -> Pipeline:
        options = Options(
            row_pipelining=self.spec.pipelining == "rows",
            layer_outer=self.spec.loop_order == "layer_outer",
            slack_rows=self.spec.buffer_slack_rows,
            gated=gated,
        )
        return build(trace.network, trace.timesteps, options)


def _static_accuracy(trace: Trace) -> tuple[float | None, int]:
    """Accuracy at the last timestep on the largest set of logits that the trace has, and the size of that set."""
    for name in ("test", "recorded"):
        if name in trace.logits and not trace.provenance.synthetic:
            logits = trace.logits[name]
            return float(logits.accuracy()[-1]), logits.labels.size
    return None, trace.n_samples
