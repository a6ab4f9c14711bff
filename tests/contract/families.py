"""Small traces of every coding for the tests that hold for all machines; a new coding is a family more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerators.imc import cases as imc_cases
from traces.plastic import cases as plastic_cases
from traces.sequence import networks as sequence_networks
from traces.ttfs import cases as first_spike_cases

from hwsim import accelerators, api, arch
from hwsim.traces import Add, Concat, Pool, Readout, codings
from hwsim.traces.network.mixed.network import mixed_network
from hwsim.traces.trace import PackedSpikes

TRACES = Path(__file__).resolve().parents[2] / "traces"


@dataclass(frozen=True, eq=False)
class Family:
    """Traces of one coding: by network, spike rate and number of samples; `more` adds spikes to those of a trace."""

    networks: dict[str, Callable[[], Any]]
    draw: Callable[[Any, float, int], Any]
    weighted: dict[str, Callable[[], Any]]  # networks whose layers read spikes, not sums of them
    more: Callable[[Any, int], Any]

    @cache  # noqa: B019 - families live as long as the tests
    def trace(self, network: str, rate: float = 0.2, samples: int = 3) -> Any:
        return self.draw((self.networks | self.weighted)[network](), rate, samples)


def _more_direct(few, seed):
    """Where weights meet spikes: of pooled or added ones a fourth may lower the set bits, from 011 to 100."""
    added = imc_cases.random_trace(few.network, few.timesteps, few.n_samples, rate=0.15, seed=seed).spikes
    more = {layer: PackedSpikes(p.words | added[layer].words, p.shape) for layer, p in few.spikes.items()}
    return imc_cases.with_spikes(few, more)


def _mixed(over_time):
    """The first drawn network of many kinds of layers with such an input, of which nothing meets spikes."""
    for seed in count():
        network = mixed_network(seed)
        kinds = {type(layer) for layer in network}
        beside = any(isinstance(layer, Add | Concat) and network.following_input & {*layer.inputs} for layer in network)
        if network.read_late or beside or len(network.spiking()) < 3:  # not every order of loops plays the first
            continue
        if network.input.over_time == over_time and kinds >= {Add, Pool, Readout} and len(kinds) > 6:
            return network
    raise AssertionError  # `count` never ends


def _first_spikes(network, rate, samples):
    """Times that follow no dynamics, as counts are to follow them and not the network."""
    trace = first_spike_cases.recorded(network, samples, density=rate)
    return first_spike_cases.random_times(trace, rate)


def _more_first_spikes(few, seed):
    other = first_spike_cases.random_times(few, 0.3, seed).times
    return replace(few, times={name: np.where(t < 0, other[name], t) for name, t in few.times.items()})


DIRECT = Family(
    {
        "convolutions": imc_cases.convolutions,
        "residuals": imc_cases.residuals,
        "flattened": imc_cases.flattened_input,
        "mixed": lambda: _mixed(over_time=False),
        "mixed, over time": lambda: _mixed(over_time=True),
    },
    lambda network, rate, samples: imc_cases.random_trace(network, 3, samples, rate),
    {"binary": imc_cases.binary, "flattened": imc_cases.flattened_input},
    _more_direct,
)
FIRST_SPIKE = Family(
    {
        "convolutions": first_spike_cases.convolutions,
        "perceptron": first_spike_cases.perceptron,
        "overlapping": lambda: first_spike_cases.convolutions(start=3),
    },
    _first_spikes,
    {"convolutions": first_spike_cases.convolutions, "perceptron": first_spike_cases.perceptron},
    _more_first_spikes,
)
SEQUENCE = Family(
    {
        "one layer": lambda: sequence_networks.network_of((70,), elements=5),
        "two layers": lambda: sequence_networks.network_of((9, 6), elements=4, over="all"),
        "multi-bit gates": lambda: sequence_networks.network_of((6,), activations=sequence_networks.MIXED),
    },
    lambda network, rate, samples: sequence_networks.with_random_spikes(
        sequence_networks.trace_of(network, samples=samples), rate
    ),
    {"two layers": lambda: sequence_networks.network_of((9, 6), elements=4, over="all")},
    sequence_networks.with_more_spikes,
)


def _bright(network, rate, samples, seed=3):
    """Samples with a share of their pixels on."""
    random = np.random.default_rng(seed)
    parts = {}
    for name in ("train", "test"):
        values = random.integers(1, 256, (samples, network.pixels)) * (random.random((samples, network.pixels)) < rate)
        parts[name] = plastic_cases.part_of(network, name, values.astype(np.uint8))
    return plastic_cases.unlearned(network, parts)


def _brighter(few, seed):
    """Pixels with other values where they were off: those that were on draw the same numbers."""
    other = _bright(few.network, 0.5, few.n_samples, seed).parts
    parts = {
        name: plastic_cases.part_of(few.network, name, np.where(part.values, part.values, other[name].values))
        for name, part in few.parts.items()
    }
    return plastic_cases.unlearned(few.network, parts)


def _never_firing():
    """Neurons that fire more often may fire less later: counts of those that never fire follow the input alone."""
    return plastic_cases.network(None, neuron=plastic_cases.neurons(v_threshold_mv=250.0))


PLASTIC = Family(
    {
        "lively": lambda: plastic_cases.network(None),
        "large": lambda: plastic_cases.network(None, pixels=70, neuron=plastic_cases.neurons(count=20)),
    },
    _bright,
    {"never firing": _never_firing},
    _brighter,
)
FAMILY = {"direct": DIRECT, "ttfs": FIRST_SPIKE, "sequence": SEQUENCE, "plastic": PLASTIC}
"""By coding."""


def family_of(architecture) -> Family:
    """Traces of the coding that an architecture is set to, or of the first that its machine plays."""
    played = accelerators.machine(architecture.machine).trace_type
    known = [name for name in codings.CODINGS if issubclass(codings.coding(name).trace_type, played)]
    coding = getattr(architecture.spec, "coding", *known[:1])
    if coding not in FAMILY:
        raise pytest.UsageError(f"{architecture.path}: there is no family of traces of coding '{coding}'")
    return FAMILY[coding]


@cache
def recorded():
    """Every shipped design with each shipped trace of a coding that it is set to."""
    coding_of = {path: api.load_trace(path).coding for path in sorted(TRACES.glob("*.npz"))}
    pairs = []
    for design in arch.shipped():
        architecture = api.load_architecture(design)
        pairs += [(design, path) for path, coding in coding_of.items() if plays(architecture, coding)]
    return pairs


def plays(architecture, coding) -> bool:
    """Whether an architecture is set to a coding."""
    machine = accelerators.machine(architecture.machine)
    set_to = getattr(architecture.spec, "coding", coding)
    return issubclass(codings.coding(coding).trace_type, machine.trace_type) and set_to == coding
