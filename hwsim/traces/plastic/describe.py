"""What there is to say of a learning network without letting it learn."""

from __future__ import annotations

import numpy as np

from hwsim.traces.description.layers import packed_bytes
from hwsim.traces.description.parts import Activity, Description, LayerFigures, RawInputs, SampleSet
from hwsim.traces.plastic.trace import TRAIN, PlasticNetwork, PlasticTrace

_FLOAT_BITS = 32
_NOTHING = np.zeros(0)


def describe_plastic(trace: PlasticTrace) -> Description:
    """Pixels and neurons, the parts, and raw inputs; a trace has spikes of whole presentations, not of steps."""
    network, rates = trace.network, trace.spike_rates()
    pixels, count, train = network.pixels, network.neurons.count, trace.parts[TRAIN]
    silent = int((train.values == 0).all(axis=0).sum())
    weights = pixels * count
    bits = _bits(network, "weights")
    layers = (
        LayerFigures("input", "pixels", (pixels,), activity=Activity(pixels, rates["input"], _NOTHING, silent)),
        LayerFigures(
            "excitatory",
            "neurons",
            (count,),
            weights,
            weights,
            bits,
            None if trace.state is None else weights - int(np.count_nonzero(trace.state.weights)),
            packed_bytes(weights, bits) + packed_bytes(count, _bits(network, "thresholds")),
            packed_bytes(count, _bits(network, "membranes")),
            Activity(count, rates["excitatory"], _NOTHING),
        ),
    )
    sets = tuple(SampleSet(name, len(part.labels), name) for name, part in trace.parts.items())
    samples = sum(len(part.labels) for part in trace.parts.values())
    return Description(layers, sets, RawInputs(samples, (pixels,), 8), "step")


def _bits(network: PlasticNetwork, quantity: str) -> int:
    """Of a quantity's format; membranes have a sign."""
    if network.formats is None:
        return _FLOAT_BITS
    form = network.formats[quantity]
    return form.integer_bits + form.fraction_bits + (quantity == "membranes")
