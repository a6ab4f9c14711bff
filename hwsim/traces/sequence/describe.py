"""What there is to say of a spiking LSTM without running it."""

from __future__ import annotations

import numpy as np

from hwsim.traces.description.activity import packed_activity
from hwsim.traces.description.layers import packed_bytes
from hwsim.traces.description.parts import Activity, Description, LayerFigures, RawInputs, logit_sets
from hwsim.traces.sequence.trace import HIDDEN, LstmLayer, SequenceTrace


def describe_sequence(trace: SequenceTrace) -> Description:
    """Layers, each followed by those of its units that fire, sets of logits and raw inputs.

    Steps are those of the cell: the timesteps of the first element, then those of the next.
    """
    network, layers = trace.network, list[LayerFigures]()
    kinds = {1: "spike", 2: "signed spike"}
    for layer in network.layers:
        layers.append(_layer(layer))
        shape = (layer.n_hidden,)
        layers += [
            LayerFigures(f"{layer.name}/{name}", kinds[layer.planes(name)], shape, activity=_fired(trace, layer, name))
            for name in (*layer.spiking, HIDDEN)
        ]
    readout = network.readout
    layers.append(
        LayerFigures(
            "readout",
            "linear",
            (network.n_classes,),
            readout.weights.size,
            readout.weights.size,
            readout.weight_bits,
            readout.weights.size - int(np.count_nonzero(readout.weights)),
            packed_bytes(readout.weights.size, readout.weight_bits) + readout.bias.nbytes,
        )
    )
    inputs = RawInputs(
        len(trace.inputs.labels), (network.n_elements, network.n_features), network.input_bits, signed=True
    )
    return Description(tuple(layers), logit_sets(trace.logits, trace.provenance.synthetic), inputs, "cell step")


def _layer(layer: LstmLayer) -> LayerFigures:
    weights = layer.input_weights.size + layer.hidden_weights.size
    nonzero = np.count_nonzero(layer.input_weights) + np.count_nonzero(layer.hidden_weights)
    arrays = sum(units.bias.nbytes + units.v_threshold.nbytes for units in layer.units.values())
    bits = layer.state_bits + sum(layer.units[name].membrane_bits for name in layer.spiking)
    return LayerFigures(
        layer.name,
        "lstm",
        (layer.n_hidden,),
        weights,
        weights,
        layer.weight_bits,
        weights - int(nonzero),
        packed_bytes(weights, layer.weight_bits) + arrays,
        packed_bytes(layer.n_hidden, bits),
    )


def _fired(trace: SequenceTrace, layer: LstmLayer, name: str) -> Activity:
    """Of either sign."""
    words = trace.spikes_of(layer, name).words[:, :, :, 0]
    return packed_activity(words.reshape(len(words), -1, words.shape[-1]), (layer.n_hidden,))
