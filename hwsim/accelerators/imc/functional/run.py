"""A whole network on the modelled crossbars, from raw inputs to spikes and logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.exit.judge import judge
from hwsim.accelerators.imc.functional.layer import CrossbarLayer
from hwsim.accelerators.imc.plan.placement import whole_layers
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.reads import real
from hwsim.contract.judged import Judged
from hwsim.contract.machine import FunctionalRun
from hwsim.contract.run import RunName
from hwsim.errors import UsageError
from hwsim.progress import in_parts
from hwsim.traces.direct.golden import execute as execute_network
from hwsim.traces.direct.products import ExactProducts
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

_SAMPLES_AT_ONCE = 64  # so memory does not grow with the samples of a trace

Values = NDArray[np.int32]


class CrossbarProducts:
    """Products as the crossbars give them; layers that run elsewhere, or beside them, are exact."""

    def __init__(self, spec: ImcSpec, network: Network) -> None:
        # Windows and groups are the network's own: where layers lie changes no product.
        away = spec.assumptions.off_chip(network) | spec.digital_layers(network)
        placed = whole_layers(real(spec), network)
        self.first_sample = 0  # of the chunk that is executed, among all of the trace
        self.varying = bool(spec.devices.read_noise_levels) and not spec.keeps_currents
        self.layers = {
            layer.name: CrossbarLayer(spec, network, layer, placed[layer.name])
            for layer in network.weighted()
            if layer.name not in away
        }
        self.exact = ExactProducts(layer for layer in network if layer.name not in self.layers)
        direct = {layer.name for layer in network.weighted() if multiplies_input(network, layer)}
        # Layers that give the same at every timestep.
        self.kept = frozenset(direct - self.layers.keys() if self.varying else direct)
        self.currents: dict[str, Values] = {}  # theirs, of the chunk that is executed

    def __call__(self, layer: Conv2d | Linear, activations: Values, first_sample: int, timestep: int) -> Values:
        """Currents of a layer at one timestep: int32 [sample, y, x, channel]."""
        if layer.name in self.kept and timestep:
            return self.currents[layer.name]
        if layer.name in self.layers:
            found = self.layers[layer.name].read(activations, self.first_sample + first_sample, timestep)
        else:
            found = self.exact(layer, activations, first_sample, timestep)
        if layer.name in self.kept:
            self.currents[layer.name] = found
        return found


def execute(spec: ImcSpec, trace: Trace, samples: int | None = None) -> FunctionalRun[Trace]:
    """Run every raw input of a trace, or the first of them, on the crossbars.

    Spikes and logits become those of this hardware.

    Logits of samples without raw input are left out of sets from the trace's own split.  Sets from other splits stay
    as training left them: a threshold is chosen on them before there is hardware.

    Raises UsageError for a trace without raw inputs and ArchitectureError where the network does not fit the machine.
    """
    if trace.inputs is None:
        raise UsageError(f"functional: needs raw inputs to run the network on, {trace.provenance.name} has none")
    trace = trace if samples is None else trace.with_inputs(samples)
    assert trace.inputs is not None
    products = CrossbarProducts(spec, trace.network)
    spikes: dict[str, list[PackedSpikes]] = {name: [] for name in trace.spikes}
    logits = []
    for start in in_parts(len(trace.inputs.labels), _SAMPLES_AT_ONCE, "running on this hardware"):
        products.first_sample = start
        values = trace.inputs.values[start : start + _SAMPLES_AT_ONCE]
        run = execute_network(trace.network, values, trace.timesteps, products)
        logits.append(run.logits)
        for name, packed in run.spikes.items():
            spikes[name].append(packed.first(max(trace.n_samples - start, 0)))
    found = _hardware_logits(trace, trace.inputs, np.concatenate(logits))
    changed = replace(
        trace,
        spikes={name: PackedSpikes.joined(parts) for name, parts in spikes.items()},
        logits=found,
        provenance=replace(trace.provenance, recipe=None),  # which would draw other spikes
    )
    clips, judged = _clips(spec, trace, products), judge(spec.early_exit, trace, changed, None).get(RunName.STATIC)
    clipped = _share(sum(clips.values(), np.zeros(2, np.int64)))
    return FunctionalRun(changed, _notes(spec, trace, clips, judged), judged, clipped)


def _hardware_logits(trace: Trace, inputs: Inputs, values: Values) -> dict[str, Logits]:
    """Every set of logits as this hardware gives it, for the samples whose raw inputs there are."""
    row_of = {int(sample): row for row, sample in enumerate(inputs.sample_ids)}
    found = {}
    for name, logits in trace.logits.items():
        if logits.split != trace.provenance.split:
            found[name] = logits
            continue
        kept = np.array([i for i, sample in enumerate(logits.sample_ids) if int(sample) in row_of], np.int64)
        if kept.size:
            rows = [row_of[int(sample)] for sample in logits.sample_ids[kept]]
            found[name] = replace(
                logits, values=values[rows], labels=logits.labels[kept], sample_ids=logits.sample_ids[kept]
            )
    return found


def _clips(spec: ImcSpec, trace: Trace, products: CrossbarProducts) -> Mapping[str, NDArray[np.int64]]:
    """Conversions and how many of them clipped, by layer: int64 [2].

    What is kept was computed once for all timesteps; the machine converts it anew at each unless it keeps it, too.
    """
    again = 1 if spec.keeps_currents else trace.timesteps
    return {name: layer.counts * (again if name in products.kept else 1) for name, layer in products.layers.items()}


def _notes(
    spec: ImcSpec, trace: Trace, clips: Mapping[str, NDArray[np.int64]], judged: Judged | None
) -> dict[str, Any]:
    """What the reader needs to judge the hardware's arithmetic."""
    assert trace.inputs is not None
    notes: dict[str, Any] = {
        "functional mode": f"{len(trace.inputs.labels)} raw inputs run on the crossbars",
        **{f"devices: {key}": value for key, value in real(spec.devices).stated.items()},
        "conversions clipped": _share(sum(clips.values(), np.zeros(2, np.int64))),
        "conversions clipped by layer": {name: _share(counts) for name, counts in clips.items()},
    }
    if judged is not None:
        notes |= {
            "accuracy of this hardware": judged.accuracy,
            "accuracy, standard error": judged.standard_error,
            "accuracy of exact integers": judged.exact_accuracy,
            "accuracy, samples": judged.n_samples,
        }
    return notes


def _share(counts: NDArray[np.int64]) -> float:
    return int(counts[1]) / max(int(counts[0]), 1)
