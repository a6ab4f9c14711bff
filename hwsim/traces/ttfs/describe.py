"""What there is to say of a first-spike network without running it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hwsim.traces.description.layers import layer_figures, packed_bytes
from hwsim.traces.description.parts import Activity, Description, RawInputs, SampleSet
from hwsim.traces.ttfs.trace import SILENT, FirstSpikeTrace, Times, input_times


def describe_first_spike(trace: FirstSpikeTrace) -> Description:
    """Layers, of which steps are the ticks of their own windows, sets of decisions and raw inputs."""
    network, source = trace.network, trace.network.network.input
    coded = input_times(trace.inputs.values[: trace.n_samples], source.bits, network.window)
    activities = {name: _activity(times, network.window) for name, times in {source.name: coded, **trace.times}.items()}
    layers = []
    for layer in network.network:
        found = layer_figures(layer, network.network, activities.get(layer.name))
        if (neurons := network.neurons.get(layer.name)) is not None:
            bits = neurons.slope_bits + neurons.potential_bits
            found = replace(found, state_bytes=packed_bytes(math.prod(layer.shape), bits))
        layers.append(found)
    unknown = trace.provenance.synthetic
    sets = tuple(
        SampleSet(name, found.labels.size, found.split, () if unknown else (found.accuracy,))
        for name, found in trace.decisions.items()
    )
    inputs = RawInputs(len(trace.inputs.labels), source.shape, source.bits)
    return Description(tuple(layers), sets, inputs, "tick")


def _activity(times: Times, window: int) -> Activity:
    """Of times [sample, ...]; a neuron that always fires at its first tick can fire no more than it does."""
    neurons = math.prod(times.shape[1:])
    when = np.bincount(times[times != SILENT], minlength=window)
    silent, first = (int((times == tick).all(axis=0).sum()) for tick in (SILENT, 0))
    return Activity(neurons, int(when.sum()) / times.size, when / times.size, silent, first)
