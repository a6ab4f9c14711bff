"""What a network costs on machines: its own spikes on test images, played by `hwsim simulate`'s own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

import hwsim
from hwsim import make
from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import PackedSpikes
from training.common.data import Images
from training.cost.terms import counted, fan_outs, recorded
from training.dietsnn.export import network_of
from training.dietsnn.quantise import QuantNetwork

FIGURES = ("energy_pj", "latency_ns", "edp_pj_ns")
Prices = dict[str, dict[str, float]]
"""By machine and figure, of an inference with all timesteps."""


def trace_of(network: QuantNetwork, images: Images) -> Trace:
    """The network on some images, executed in its exact integers."""
    return make.direct(network_of(network), images.x, images.y, network.geometry.timesteps)


def priced(trace: Trace, machines: Sequence[str]) -> Prices:
    """Means over the recorded samples of a trace."""
    return {machine: _figures(machine, trace) for machine in machines}


def _figures(machine: str, trace: Trace) -> dict[str, float]:
    run = hwsim.simulate(machine, trace).run("static")
    return {name: float(getattr(run, name).value) for name in FIGURES}


def activity(network: QuantNetwork, trace: Trace) -> dict[str, float]:
    """Spikes and synaptic operations of an inference: what the proxies count."""
    spikes = {layer: recorded(trace, layer) for layer in trace.spikes}
    return {"spikes": float(counted(spikes, None)), "synapses": float(counted(spikes, fan_outs(network)))}


def spikeless(trace: Trace) -> Trace:
    """The same without a spike: what no term can go below."""
    silent: Mapping[str, PackedSpikes] = {name: each.each(np.zeros_like) for name, each in trace.spikes.items()}
    return replace(trace, spikes=silent, sha256="")
