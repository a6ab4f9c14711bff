"""A whole network on the modelled crossbars, from raw inputs to spikes and logits; it prices nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.functional.layer import CrossbarLayer
from hwsim.accelerators.imc.plan.placement import place
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.judged import Judged
from hwsim.contract.machine import FunctionalRun
from hwsim.errors import UsageError
from hwsim.traces.direct.golden import ExactProducts
from hwsim.traces.direct.golden import execute as execute_network
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

_SAMPLES_AT_ONCE = 64  # so memory does not grow with the samples of a trace

Values = NDArray[np.int32]


class CrossbarProducts:
    """Products as the crossbars give them; layers that run elsewhere are exact."""

    def __init__(self, spec: ImcSpec, network: Network) -> None:
        placed = place(spec, network).layers
        self.first_sample = 0  # of the chunk that is executed, among all of the trace
        self.varying = bool(spec.devices.read_noise_levels) and spec.direct_input == "every_step"
        self.layers = {
            layer.name: CrossbarLayer(spec, network, layer, placed[layer.name])
            for layer in network
            if isinstance(layer, Conv2d | Linear) and layer.name in placed
        }
        self.exact = ExactProducts(layer for layer in network if layer.name not in placed)

    def __call__(self, layer: Conv2d | Linear, activations: Values, first_sample: int, timestep: int) -> Values:
        """Currents of a layer at one timestep: int32 [sample, y, x, channel]."""
        if layer.name not in self.layers:
            return self.exact(layer, activations, first_sample, timestep)
        return self.layers[layer.name].read(activations, self.first_sample + first_sample, timestep)


def execute(spec: ImcSpec, trace: Trace) -> FunctionalRun[Trace]:
    """Run every raw input of a trace on the crossbars; its spikes and logits become those of this hardware.

    Logits of samples without raw input are left out of sets from the trace's own split.  Sets from other splits stay
    as training left them: a threshold is chosen on them before there is hardware.

    Raises UsageError for a trace without raw inputs and ArchitectureError where the network does not fit the machine.
    """
    if trace.inputs is None:
        raise UsageError(f"--functional: needs raw inputs to run the network on, {trace.provenance.name} has none")
    products = CrossbarProducts(spec, trace.network)
    spikes: dict[str, list[NDArray[np.uint64]]] = {name: [] for name in trace.spikes}
    logits = []
    for start in range(0, len(trace.inputs.labels), _SAMPLES_AT_ONCE):
        products.first_sample = start
        values = trace.inputs.values[start : start + _SAMPLES_AT_ONCE]
        run = execute_network(trace.network, values, trace.timesteps, products)
        logits.append(run.logits)
        for name, packed in run.spikes.items():
            spikes[name].append(packed.words[: max(trace.n_samples - start, 0)])
    found = _hardware_logits(trace, trace.inputs, np.concatenate(logits))
    changed = replace(
        trace,
        spikes={name: PackedSpikes(np.concatenate(words), trace.network[name].shape) for name, words in spikes.items()},
        logits=found,
        provenance=replace(trace.provenance, recipe=None),  # which would draw other spikes
    )
    clips, judged = _clips(spec, trace, products), _judged(trace, changed)
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
    """Conversions and how many of them clipped, by layer: int64 [2]."""
    again = trace.timesteps if spec.direct_input == "every_step" and not products.varying else 1
    return {
        name: layer.counts * (again if multiplies_input(trace.network, trace.network[name]) else 1)
        for name, layer in products.layers.items()
    }


def _notes(
    spec: ImcSpec, trace: Trace, clips: Mapping[str, NDArray[np.int64]], judged: Judged | None
) -> dict[str, Any]:
    """What the reader needs to judge the hardware's arithmetic."""
    assert trace.inputs is not None
    notes: dict[str, Any] = {
        "functional mode": f"{len(trace.inputs.labels)} raw inputs run on the crossbars",
        **{f"devices: {key}": value for key, value in spec.devices.model_dump(exclude={"source"}).items()},
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


def _judged(trace: Trace, changed: Trace) -> Judged | None:
    """Accuracy of this hardware and of the exact network on the same samples: the largest set of the trace's split."""
    ours = [name for name, logits in changed.logits.items() if logits.split == trace.provenance.split]
    if trace.provenance.synthetic or not ours:
        return None
    name = max(ours, key=lambda name: changed.logits[name].labels.size)
    here, exact = changed.logits[name], trace.logits[name]
    same = np.isin(exact.sample_ids, here.sample_ids)
    known = replace(exact, values=exact.values[same], labels=exact.labels[same], sample_ids=exact.sample_ids[same])
    return Judged(here.right()[:, -1], known.right()[:, -1])
