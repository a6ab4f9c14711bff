"""NeuroBench's metrics beside a count in plain Python, one product and one membrane at a time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from accelerators.imc.cases import random_trace
from click.testing import CliRunner
from traces.direct.networks import met
from traces.direct.test_golden import naive_integers, naive_neuron
from traces.plastic import cases as plastic
from traces.sequence.networks import network_of, trace_of
from traces.ttfs import cases as ttfs

from hwsim.cli import main
from hwsim.errors import UsageError
from hwsim.traces import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Linear,
    Network,
    Neuron,
    Pool,
    Readout,
    Upsample,
    neuron_of,
    write_trace,
)
from hwsim.traces.direct import metrics
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.direct.metrics import neurobench
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.planes import unpack_channels


class Counting:
    """One sample of a network in plain Python: products, spikes and changed membranes, counted as they come."""

    def __init__(self, network, timesteps, over_time):
        self.network, self.timesteps, self.over_time = network, timesteps, over_time
        self.found, self.spikes, self.neurons = Counter(), Counter(), Counter()

    def binary(self, name):
        """Whether a layer can give nothing but 0, 1 and, of signed spikes, -1."""
        layer = self.network[name]
        if neuron_of(layer) is not None:
            return True
        match layer:
            case Input():
                return layer.bits == 1
            case Flatten() | Upsample() | Concat():
                return all(map(self.binary, layer.inputs))
            case Pool():
                return self.binary(layer.inputs[0]) and (layer.kind == "max" or layer.window.kernel == (1, 1))
            case Add():
                return layer.gains == (1,) and self.binary(layer.inputs[0])
        return False

    def taps(self, layer, place):
        """Every weight under an output with the place that it reads, and no place in the padding."""
        y, x, c = place
        source = self.network[layer.inputs[0]]
        values, groups = layer.weights.values, layer.groups if isinstance(layer, Conv2d) else 1
        first = c // (layer.shape[2] // groups) * values.shape[2]
        rows, columns = met(layer, 0, y), met(layer, 1, x)
        for ky, kx, i in np.ndindex(values.shape[:3]):
            read = (rows[ky], columns[kx], first + i)
            if all(0 <= at < size for at, size in zip(read, source.shape, strict=True)):
                yield int(values[ky, kx, i, c]), read

    def run(self, sample):
        values, states = {}, {}
        for t in range(self.timesteps):
            late = dict(values)
            for layer in self.network:
                if isinstance(layer, Input):
                    now = sample[t] if self.over_time else sample
                    values[layer.name] = {place: int(now[place]) for place in np.ndindex(layer.shape)}
                elif not isinstance(layer, Readout):
                    values[layer.name] = self.step(layer, t, values, late, states)

    def step(self, layer, t, values, late, states):
        delayed = getattr(layer, "delayed", False)
        sources = [self.network[name] for name in layer.inputs]

        def gets(source, place):
            return (late.get(source.name, {}) if delayed else values[source.name]).get(place, 0)

        given, neuron, bias = {}, neuron_of(layer), getattr(layer, "bias", None)
        integer = naive_integers(layer, sources, gets)
        for place in np.ndindex(layer.shape):
            if isinstance(layer, Conv2d | Linear):
                kind = "Effective_ACs" if self.binary(layer.inputs[0]) else "Effective_MACs"
                for weight, read in self.taps(layer, place):
                    self.found["Dense"] += 1
                    self.found[kind] += bool(weight and gets(sources[0], read))
            added, current = 0 if bias is None else int(bias[place[2]]), integer(*place)
            if neuron is None:
                given[place] = current + added
                continue
            before = states.get((layer.name, place), (0, 0, 0))
            after, given[place] = naive_neuron(neuron, place[2], before, current, added)
            states[layer.name, place] = after
            self.found["MembraneUpdates"] += t == 0 or after[0] != before[0]
            self.spikes[layer.name] += abs(given[place])
            self.neurons[layer.name] += 1
        return given


def check(trace, network, samples, over_time):
    count = Counting(network, trace.timesteps, over_time)
    for sample in samples:
        count.run(sample)
    said, n = neurobench(trace), len(samples)
    operations = {name: count.found[name] / n for name in ("Effective_MACs", "Effective_ACs", "Dense")}
    assert said["SynapticOperations"] == operations
    assert said["MembraneUpdates"] == count.found["MembraneUpdates"] / n
    by_layer = {name: 1 - count.spikes[name] / slots for name, slots in count.neurons.items()}
    assert said["ActivationSparsityByLayer"] == pytest.approx(by_layer, rel=1e-12)
    whole = 1 - count.spikes.total() / count.neurons.total()
    assert said["ActivationSparsity"] == pytest.approx(whole, rel=1e-12)
    weights = [w for layer in network if isinstance(layer, Conv2d | Linear) for w in layer.weights.values.flat]
    biases = [b for layer in network if getattr(layer, "bias", None) is not None for b in layer.bias]
    assert said["ParameterCount"] == len(weights) + len(biases)
    assert said["ConnectionSparsity"] == pytest.approx(weights.count(0) / len(weights), rel=1e-12)
    return operations


def test_drawn_networks_product_by_product():
    kinds, late = Counter(), 0
    for seed in range(14):
        trace = run_drawn("mixed", timesteps=4, samples=2, seed=seed)
        over_time = trace.coding == "events"
        kinds += Counter(check(trace, trace.network, trace.inputs.values, over_time))
        late += bool(trace.network.read_late)
    assert min(kinds["Effective_MACs"], kinds["Effective_ACs"]) > 0
    assert late


def test_a_rate_coded_network_reads_spikes():
    trace = ttfs.rated(samples=2)
    m = 2**trace.network.input.bits - 1
    spikes = [
        [
            [int((2 * (t + 1) * x + m) // (2 * m) > (2 * t * x + m) // (2 * m)) for x in map(int, sample.flat)]
            for t in range(trace.timesteps)
        ]
        for sample in trace.inputs.values
    ]
    shaped = np.array(spikes).reshape(2, trace.timesteps, *trace.network.input.shape)
    network = Network((replace(trace.network.input, bits=1, over_time=True), *trace.network.layers[1:]))
    assert check(trace, network, shaped, True)["Effective_MACs"] == 0


def test_counts_that_do_not_fit_in_32_bits_are_added_in_parts(monkeypatch):
    trace = run_drawn("mixed", timesteps=6, samples=3, seed=1)
    whole = neurobench(trace)["SynapticOperations"]
    monkeypatch.setattr(metrics, "_LARGEST_SUM", 700)
    assert neurobench(trace)["SynapticOperations"] == whole


def test_spikes_that_no_network_made_have_operations_and_no_membranes():
    trace = synthesize("mlp:12-9-4", timesteps=3, samples=2, rate=0.4, seed=2)
    said = neurobench(trace)
    assert (said["MembraneUpdates"], said["ClassificationAccuracy"]) == (None, None)
    (hidden,) = trace.spikes
    fired = unpack_channels(trace.spikes[hidden].words, 9).reshape(-1, 9).sum(0)
    weights = [layer for layer in trace.network if isinstance(layer, Linear)]
    nonzero = [metrics.ExactProducts([layer]).weights[layer.name][0, 0] != 0 for layer in weights]
    assert said["SynapticOperations"]["Effective_ACs"] == (fired @ nonzero[1].sum(1)) / 2
    pixels = (trace.inputs.values.reshape(2, 12) != 0).sum(0)
    assert said["SynapticOperations"]["Effective_MACs"] == 3 * (pixels @ nonzero[0].sum(1)) / 2
    without = neurobench(replace(trace, inputs=None))
    assert (without["SynapticOperations"], without["MembraneUpdates"]) == (None, None)
    assert without["Footprint"] == said["Footprint"]


def test_a_network_without_weights():
    neuron = Neuron(1, 0, np.full(4, 200, np.int64), "soft", 0, 12)
    add = Add("add", ("input", "input"), (1, 1, 4), (1, 2), neuron)
    layers = (Input("input", (), (1, 1, 4), 8), add, Readout("out", ("add",), (1, 1, 2), 2, "spikes"))
    said = neurobench(random_trace(Network(layers), 2, 2))
    assert (said["ConnectionSparsity"], said["ParameterCount"], said["Footprint"]) == (None, 0, 4 * 8)
    assert said["SynapticOperations"] == {"Effective_MACs": 0, "Effective_ACs": 0, "Dense": 0}


@pytest.mark.parametrize("kind", ["ttfs", "sequence", "plastic"])
def test_other_neurons_have_no_such_metrics(kind, tmp_path):
    trace = {
        "ttfs": lambda: ttfs.recorded(ttfs.perceptron()),
        "sequence": lambda: trace_of(network_of()),
        "plastic": lambda: plastic.plastic_trace(plastic.formats()),
    }[kind]()
    with pytest.raises(UsageError, match=f"^metrics: wanted a trace of coding direct, events or rate, found {kind}"):
        neurobench(trace)
    write_trace(tmp_path / "t.npz", trace)
    refused = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz"), "--metrics", "json"])
    assert (refused.exit_code, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert "--metrics: wanted" in refused.stderr


def test_the_command_prints_the_same(tmp_path):
    trace = run_drawn("mixed", timesteps=3, samples=2, seed=4)
    write_trace(tmp_path / "t.npz", trace)
    done = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz"), "--metrics", "json"])
    assert json.loads(done.stdout) == neurobench(trace)
    both = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz"), "--metrics", "json", "--json"])
    assert (both.exit_code, both.stdout) == (2, "")
