"""The ttfs machine set to rates: counts, times and refusals on networks whose neurons may fire again."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from traces.ttfs import cases

from hwsim import api
from hwsim.errors import ArchitectureError, UsageError
from hwsim.run.play import play
from hwsim.traces.direct.rate import input_spikes
from hwsim.traces.planes import unpack_channels

SMALL = ("coding=rate", "array.rows=2", "array.columns=2", "weights.banks=1", "weights.port_bits=16")
MEMORIES = ("queue.capacity_kib=32", "spikes.capacity_kib=16")


def tallied(trace, *overrides):
    from hwsim.accelerators.ttfs import Machine

    workload = Machine(api.load_architecture("ttfs", (*SMALL, *MEMORIES, *overrides)).spec).lower(trace)
    return play(workload, "compiled")["static"]


def rasters(trace, name):
    """Spikes [sample, timestep, height, width, channel] of the input or a layer."""
    if name == "input":
        steps = [input_spikes(trace.inputs.values, 8, t) for t in range(trace.timesteps)]
        return np.stack(steps, axis=1)
    packed = trace.spikes[name]
    return unpack_channels(packed.words, packed.shape[2]).reshape(trace.n_samples, trace.timesteps, *packed.shape)


def test_counts_are_those_of_every_spike_of_every_timestep():
    trace, timesteps = cases.rated(), 6
    counts = {key: n.sum(axis=1) for key, n in tallied(trace).counts.items()}
    for layer, source in (("conv", "input"), ("hidden", "conv"), ("fc", "hidden")):
        of = trace.network[layer]
        spiking = layer != "fc"
        channels = of.shape[2]
        for sample in range(3):
            spikes = rasters(trace, source)[sample]
            listed = []
            for y in range(of.shape[0]):
                for x in range(of.shape[1]):
                    times = [step if layer == "conv" else step.reshape(1, 1, -1) for step in spikes]
                    listed.append(sum(len(cases.window_spikes(step.astype(int) - 1, y, x, of)) for step in times))
            n, tiles, positions = sum(listed), -(-channels // 4), len(listed)
            words = sum(-(-min(4, channels - low) * 8 // 16) for low in range(0, channels, 4))
            biases = sum(-(-min(4, channels - low) * 24 // 16) for low in range(0, channels, 4)) * positions
            assert counts[layer, "queue", "write"][sample] == n
            assert counts[layer, "queue", "read"][sample] == n * tiles
            assert counts[layer, "weights", "read"][sample] == n * words + biases
            assert counts[layer, "pe", "integrate"][sample] == (n + timesteps * positions) * channels  # and the bias
            assert counts[layer, "pe", "compare"][sample] == timesteps * positions * channels * spiking
            fired = int(rasters(trace, layer)[sample].sum()) if spiking else 0
            assert counts[layer, "pe", "reset"][sample] == fired
            assert counts[layer, "spikes", "write"][sample] == (fired + positions) * spiking
            assert counts[layer, "decision", "add"][sample] == (0 if spiking else channels)


def test_it_prices_and_prints_as_any_other_run():
    from hwsim.view.terminal.report_table import print_report

    report = api.simulate(api.load_architecture("ttfs", ["coding=rate"]), cases.rated())
    assert report.runs[0].energy_pj.value > 0
    assert report.runs[0].operations["AC"] > 0
    print_report(report, Console(file=io.StringIO()))


def test_functional_mode_of_rates_is_refused():
    with pytest.raises(UsageError, match="functional: with coding 'rate'"):
        api.simulate(api.load_architecture("ttfs", ["coding=rate"]), cases.rated(), functional=True)


def with_neuron(trace, **changes):
    layer = trace.network["hidden"]
    changed = replace(layer, neuron=replace(layer.neuron, **changes))
    layers = tuple(changed if one.name == "hidden" else one for one in trace.network.layers)
    return replace(trace, network=replace(trace.network, layers=layers))


@pytest.mark.parametrize(
    ("trace", "message", "error"),
    [
        (
            with_neuron(cases.rated(), leak=7, leak_bits=3),
            "layer 'hidden': the machine has neurons without leak",
            UsageError,
        ),
        (with_neuron(cases.rated(), reset="hard"), "layer 'hidden': the machine has neurons without leak", UsageError),
        (
            with_neuron(cases.rated(), membrane_bits=30),
            "pe.potential_bits: hidden needs 30, it has 24",
            ArchitectureError,
        ),
        (replace(cases.rated(), inputs=None), "input spikes of a rate-coded trace follow from raw inputs", UsageError),
    ],
)
def test_what_the_machine_cannot_do_is_refused(trace, message, error):
    with pytest.raises(error) as caught:
        api.simulate(api.load_architecture("ttfs", ["coding=rate"]), trace)
    assert message in str(caught.value)


def test_fewer_timesteps_cost_less():
    trace = cases.rated(samples=2, timesteps=8)
    half = api.simulate(api.load_architecture("ttfs", ["coding=rate"]), trace, timesteps=4).runs[0]
    whole = api.simulate(api.load_architecture("ttfs", ["coding=rate"]), trace).runs[0]
    assert half.energy_pj.value < whole.energy_pj.value
    assert half.latency_ns.value < whole.latency_ns.value
