from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.traces.codings import verify
    from hwsim.traces.direct.encode import activation_planes
    from hwsim.traces.direct.trace import Trace
    from hwsim.traces.io import read_trace, write_trace
    from hwsim.traces.network.check import check_network
    from hwsim.traces.network.layers import (
        Add,
        Concat,
        Conv2d,
        Flatten,
        Input,
        Layer,
        Linear,
        Network,
        Neuron,
        Pool,
        Readout,
        SeededWeights,
        StoredWeights,
        Synapse,
        Upsample,
        Weights,
        neuron_of,
    )
    from hwsim.traces.network.weights import weights_of
    from hwsim.traces.network.window import Window
    from hwsim.traces.provenance import Provenance, Recipe
    from hwsim.traces.trace import Inputs, Logits, PackedSpikes
    from hwsim.traces.verification import Verification

__all__ = [
    "Add",
    "Concat",
    "Conv2d",
    "Flatten",
    "Input",
    "Inputs",
    "Layer",
    "Linear",
    "Logits",
    "Network",
    "Neuron",
    "PackedSpikes",
    "Pool",
    "Provenance",
    "Readout",
    "Recipe",
    "SeededWeights",
    "StoredWeights",
    "Synapse",
    "Trace",
    "Upsample",
    "Verification",
    "Weights",
    "Window",
    "activation_planes",
    "check_network",
    "neuron_of",
    "read_trace",
    "verify",
    "weights_of",
    "write_trace",
]

__getattr__ = exports(
    __name__,
    {
        "direct.encode": ["activation_planes"],
        "direct.trace": ["Trace"],
        "io": ["read_trace", "write_trace"],
        "network.check": ["check_network"],
        "network.layers": [
            "Add",
            "Concat",
            "Conv2d",
            "Flatten",
            "Input",
            "Layer",
            "Linear",
            "Network",
            "Neuron",
            "Pool",
            "Readout",
            "SeededWeights",
            "StoredWeights",
            "Synapse",
            "Upsample",
            "Weights",
            "neuron_of",
        ],
        "network.weights": ["weights_of"],
        "network.window": ["Window"],
        "provenance": ["Provenance", "Recipe"],
        "trace": ["Inputs", "Logits", "PackedSpikes"],
        "codings": ["verify"],
        "verification": ["Verification"],
    },
)
