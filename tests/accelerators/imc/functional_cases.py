"""What tests of the functional mode share: networks in which every layer spikes, ways to hold signs, lossless ADCs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from accelerators.imc import cases
from accelerators.imc.functional_reference import run as run_naively
from traces.direct.networks import trace_of

from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.adc_range import lossless_adc_bits
from hwsim.traces.network.layers import Network, neuron_of

SIGNS = (
    {"signs__encoding": "offset", "signs__correction": "popcount"},
    {"signs__encoding": "offset", "signs__correction": "reference_column"},
    {"signs__encoding": "differential", "signs__subtraction": "analog"},
    {"signs__encoding": "differential", "signs__subtraction": "digital"},
)

COUNTS = ("conversions", "clipped")


def named(signs):
    """The two choices of an entry of SIGNS, as a test's name."""
    return "-".join(signs.values())


def lively(network):
    """The network with thresholds so low that all its layers spike."""

    def lower(layer):
        neuron = neuron_of(layer)
        if neuron is None:
            return layer
        low = np.maximum(neuron.v_threshold // 16, int(neuron.signed))
        return replace(layer, neuron=replace(neuron, v_threshold=low))

    return Network(tuple(lower(layer) for layer in network.layers))


def live_trace(network, samples=2, timesteps=2, extra=1):
    """A golden trace of a lively network, in which every layer does something."""
    trace = trace_of(lively(network(1)), samples, timesteps, extra)
    assert all(0 < rate < 1 for rate in trace.spike_rates().values())
    assert trace.logits["test"].values.any()
    return trace


def lossless(**changes):
    """A small machine whose converters lose nothing."""
    options = {"crossbar__columns": 17, "neuron__membrane_bits": 32, "pooling__bits": 32}
    options |= {"first_layer_mac__input_bits": 16, "first_layer_mac__weight_bits": 16, "first_layer_mac__sum_bits": 40}
    options |= changes
    return cases.small(**options, adc__bits=lossless_adc_bits(cases.small(**options)))


def assert_equals_twin(spec, trace):
    """Spikes, logits, conversions and clipped conversions."""
    ours = Machine(spec).functional(trace)
    theirs, products = run_naively(spec, trace)
    for name, packed in theirs.spikes.items():
        assert (packed.words[: trace.n_samples] == ours.trace.spikes[name].words).all(), name
    assert (theirs.logits == ours.trace.logits["test"].values).all()
    for name, layer in products.layers.items():
        share = layer.clipped / max(layer.conversions, 1)
        assert ours.notes["conversions clipped by layer"][name] == share, name
    conversions, clipped = (sum(getattr(layer, count) for layer in products.layers.values()) for count in COUNTS)
    assert ours.clipped == ours.notes["conversions clipped"] == clipped / max(conversions, 1)
    return ours
