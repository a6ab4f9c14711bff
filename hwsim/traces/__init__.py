from hwsim.traces.check import check_network
from hwsim.traces.encode import activation_planes
from hwsim.traces.io import read_trace, write_trace
from hwsim.traces.network import (
    Add,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Neuron,
    Pool,
    SeededWeights,
    StoredWeights,
    Weights,
    neuron_of,
)
from hwsim.traces.trace import Inputs, Logits, PackedSpikes, Provenance, Recipe, Trace
from hwsim.traces.verify import Verification, verify
from hwsim.traces.weights import weights_of

__all__ = [
    "Add",
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
    "Recipe",
    "SeededWeights",
    "StoredWeights",
    "Trace",
    "Verification",
    "Weights",
    "activation_planes",
    "check_network",
    "neuron_of",
    "read_trace",
    "verify",
    "weights_of",
    "write_trace",
]
