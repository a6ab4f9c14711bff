"""The networks that FSpiNN is compared by: baseline, its first two levers in FP32, and 8 bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwsim.traces.plastic.trace import PlasticTrace

LARGEST = 4900
"""Neurons of the paper's largest network."""
DENSE = ("skip=none",)
DIRECT = ("inhibition=direct", "inhibition_delay_steps=0", "inhibition_memory.capacity_kib=640")
WINDOWED = ("stdp=windowed", "adaptive_inhibition=true")
NETWORKS: Mapping[str, tuple[str, Sequence[str]]] = {
    "baseline": ("stdp_baseline", ()),
    "the first two levers, in FP32": ("stdp_baseline", (*DIRECT, *WINDOWED)),
    "the first three, arch/stdp.yaml": ("stdp", ()),
}
"""Design and settings of each."""


def sized(trace: PlasticTrace, neurons: int) -> PlasticTrace:
    """The same samples for another number of neurons."""
    network = replace(trace.network, neurons=replace(trace.network.neurons, count=neurons))
    return replace(trace, network=network)


def roomy(neurons: int, architecture: str, settings: Sequence[str] = ()) -> tuple[str, ...]:
    """Memories for so many neurons, of the same ports; a tenth more, as rows begin with a word."""
    bits = 8 if architecture == "stdp" else 32
    matrices = 1 if architecture == "stdp" or set(DIRECT) <= set(settings) else 2
    kib = {
        "weight_memory": 784 * neurons * bits / 8192,
        "inhibition_memory": matrices * neurons**2 * bits / 8192,
        "neuron_memory": 128 * neurons / 8192,
        "trace_memory": (784 + neurons) * 32 / 8192,
        "current_memory": neurons * 32 / 8192,
    }
    capacities = (f"{name}.capacity_kib={math.ceil(1.1 * size)}" for name, size in kib.items())
    return (*capacities, "readout.bits=20")
