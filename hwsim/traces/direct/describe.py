"""What there is to say of a network of layers without running it, whatever its input's coding."""

from __future__ import annotations

import numpy as np

from hwsim.traces.description.activity import packed_activity, stepwise_activity
from hwsim.traces.description.layers import layer_figures
from hwsim.traces.description.parts import Activity, Description, RawInputs, logit_sets
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Layer


def describe_direct(trace: Trace) -> Description:
    """Layers, sets of logits and raw inputs."""
    network = trace.network
    layers = tuple(layer_figures(layer, network, _activity(layer, trace)) for layer in network)
    source, inputs = network.input, None
    if trace.inputs is not None:
        inputs = RawInputs(len(trace.inputs.labels), trace.inputs.values.shape[1:], source.bits, source.signed)
    return Description(layers, logit_sets(trace.logits, trace.provenance.synthetic), inputs)


def _activity(layer: Layer, trace: Trace) -> Activity | None:
    if layer.name in trace.spikes:
        return packed_activity(trace.spikes[layer.name].words, layer.shape)
    source = trace.network.input
    if layer is source and source.over_time and trace.inputs is not None:
        return stepwise_activity(np.swapaxes(trace.inputs.values[: trace.n_samples], 0, 1))
    return None
