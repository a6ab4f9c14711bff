"""Small networks of first spikes and of rates, traces of them, and the neurons' rules once more in plain Python."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from traces.direct.networks import met

from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.rate import RateTrace, encoder
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.network.window import Window
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits
from hwsim.traces.ttfs.golden import execute_first_spike
from hwsim.traces.ttfs.trace import Decisions, FirstSpikeNetwork, FirstSpikeNeurons, FirstSpikeTrace, input_times

PROVENANCE = Provenance("small", "random numbers", "test", "none", "none", "", 0, False, (0.5,))


def stored(rng, shape, bits=8):
    half = 1 << (bits - 1)
    values = rng.integers(-half, half, shape).astype(np.int8)
    return StoredWeights(values, bits, np.ones(shape[-1], np.float32))


def linear(rng, name, source, n_in, n_out, bits=8, bias=True, neuron=None):
    biases = rng.integers(-300, 300, n_out).astype(np.int32) if bias else None
    return Linear(name, (source,), (1, 1, n_out), stored(rng, (1, 1, n_in, n_out), bits), biases, neuron)


def convolution(rng, name, source, shape, n_in, neuron=None, *, kernel, stride, padding):
    biases = rng.integers(-300, 300, shape[2]).astype(np.int32)
    weights = stored(rng, (kernel, kernel, n_in, shape[2]))
    return Conv2d(name, (source,), shape, Window.square(kernel, stride, padding), 1, weights, biases, neuron)


def neurons_of(window, n_in, start=None, ramp=None, **bits):
    """Neurons of which about half fire: their ramp reaches the threshold from 0 in one window."""
    ramp = max(1, round(20 * n_in**0.5)) if ramp is None else ramp
    start = window if start is None else start
    threshold = max(1, ramp * window + ramp // 2) if ramp else 40 * window
    values = {"slope_bits": 20, "potential_bits": 26} | bits
    return FirstSpikeNeurons(v_threshold=threshold, ramp=ramp, start=start, **values)


def perceptron(sizes=(12, 9, 4), window=8, start=None, psp="windowed", seed=0, bits=8, **neurons):
    """Fully connected layers fc1, fc2 ..."""
    rng = np.random.default_rng(seed)
    layers = [Input("input", (), (1, 1, sizes[0]), 8)]
    every = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        layers.append(linear(rng, f"fc{i}", layers[-1].name, n_in, n_out, bits))
        every[f"fc{i}"] = neurons_of(window, n_in, start, **neurons)
    return FirstSpikeNetwork(Network(tuple(layers)), window, psp, every)


def convolutions(window=8, start=None, psp="windowed", seed=0):
    """Two convolutions with padding and stride, then a linear layer on what is flattened."""
    rng = np.random.default_rng(seed)
    layers = (
        Input("input", (), (6, 5, 2), 8),
        convolution(rng, "conv1", "input", (6, 5, 5), 2, kernel=3, stride=1, padding=1),
        convolution(rng, "conv2", "conv1", (3, 3, 4), 5, kernel=3, stride=2, padding=1),
        Flatten("flatten", ("conv2",), (1, 1, 36)),
        linear(rng, "fc", "flatten", 36, 5),
    )
    taps = {"conv1": 18, "conv2": 45, "fc": 36}
    every = {name: neurons_of(window, n, start) for name, n in taps.items()}
    return FirstSpikeNetwork(Network(layers), window, psp, every)


def pixels(shape, samples=3, density=0.5, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 256, (samples, *shape)) * (rng.random((samples, *shape)) < density)
    return values.astype(np.uint8)


def labelled(values, n_classes):
    n = len(values)
    return Inputs(values, np.arange(n, dtype=np.int64) % n_classes, np.arange(n, dtype=np.int64))


def recorded(network, samples=3, recorded_samples=None, density=0.5, seed=0):
    """What a network really does on random pixels."""
    values = pixels(network.network.input.shape, samples, density, seed)
    run, inputs = execute_first_spike(network, values), labelled(values, network.network.n_classes)
    n = recorded_samples or samples
    sets = {"recorded": Decisions(run.classes[:n], inputs.labels[:n], inputs.sample_ids[:n], "test")}
    if n < samples:
        sets["test"] = Decisions(run.classes, inputs.labels, inputs.sample_ids, "test")
    times = {name: layer[:n] for name, layer in run.times.items()}
    return FirstSpikeTrace(network, times, inputs, sets, PROVENANCE)


def random_times(trace, rate=0.3, seed=0):
    """The same trace with times that follow no dynamics; a higher rate adds spikes to those of a lower one."""
    rng = np.random.default_rng(seed)
    times = {}
    for name, layer in trace.times.items():
        drawn = rng.integers(0, trace.network.window, layer.shape)
        times[name] = np.where(rng.random(layer.shape) < rate, drawn, -1).astype(np.int16)
    return replace(trace, times=times)


def rated(samples=3, timesteps=6, seed=0):
    """A rate-coded network with a convolution, and what it does."""
    rng = np.random.default_rng(seed)

    def neuron(channels):
        return Neuron(1, 0, np.full(channels, 400, np.int64), "soft", 0, 20)

    network = Network(
        (
            Input("input", (), (5, 5, 2), 8),
            convolution(rng, "conv", "input", (3, 3, 6), 2, neuron(6), kernel=3, stride=2, padding=1),
            Flatten("flatten", ("conv",), (1, 1, 54)),
            linear(rng, "hidden", "flatten", 54, 7, neuron=neuron(7)),
            linear(rng, "fc", "hidden", 7, 4),
        )
    )
    inputs = labelled(pixels((5, 5, 2), samples, seed=seed), 4)
    run = execute(network, inputs.values, timesteps, encode=encoder(network))
    logits = {"recorded": Logits(run.logits, 1.0, inputs.labels, inputs.sample_ids, "test")}
    return RateTrace(network, timesteps, run.spikes, inputs, logits, PROVENANCE)


def window_spikes(times, y, x, layer):
    """Spikes (time, ky, kx, channel) under the window of one output position, in the order in which they are added."""
    height, width, channels = times.shape
    found = []
    for ky, row in enumerate(met(layer, 0, y)):
        for kx, column in enumerate(met(layer, 1, x)):
            if 0 <= row < height and 0 <= column < width:
                found += [
                    (int(times[row, column, c]), ky, kx, c) for c in range(channels) if times[row, column, c] >= 0
                ]
    return sorted(found, key=lambda spike: spike[0])  # stable: equal times stay in the order of indices


def saturate(value, bits):
    return min(max(value, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def live(network, name, spikes, channel):
    """Time (or -1) and potential of one neuron, tick by tick as the manual of the coding says."""
    layer, neurons, window = network.network[name], network.neurons[name], network.window
    u, slope, fired = 0 if layer.bias is None else int(layer.bias[channel]), 0, -1
    for s in range(neurons.start + window):
        if network.psp == "windowed" and s == window:
            slope = neurons.ramp if s > neurons.start else 0
        if s == neurons.start:
            slope = saturate(slope + neurons.ramp, neurons.slope_bits)
        for time, ky, kx, c in spikes:
            if time == s:
                slope = saturate(slope + int(layer.weights.values[ky, kx, c, channel]), neurons.slope_bits)
        if fired < 0:
            u = saturate(u + slope, neurons.potential_bits)
            if s >= neurons.start and u >= neurons.v_threshold:
                fired = s - neurons.start
    return fired, u


def naive(network, values):
    """Times per layer and decisions, one neuron after another."""
    top, window, found, classes = 255, network.window, {}, []
    for sample in values.astype(int):
        times = np.array([-1 if x == 0 else int((1 - x / top) * (window - 1) + 0.5) for x in sample.ravel()])
        times = times.reshape(sample.shape)
        for layer in network.weighted():
            if not isinstance(layer, Conv2d):
                times = times.reshape(1, 1, -1)
            rows, columns, channels = layer.shape
            lived = [
                live(network, layer.name, window_spikes(times, y, x, layer), c)
                for y in range(rows)
                for x in range(columns)
                for c in range(channels)
            ]
            times = np.array([time for time, _ in lived]).reshape(layer.shape)
            found.setdefault(layer.name, []).append(times)
        order = sorted((time if time >= 0 else window, -u, index) for index, (time, u) in enumerate(lived))
        classes.append(order[0][2])
    return {name: np.array(times) for name, times in found.items()}, np.array(classes)


def input_times_of(trace):
    """Times of the recorded samples' inputs."""
    return input_times(trace.inputs.values[: trace.n_samples], 8, trace.network.window)
