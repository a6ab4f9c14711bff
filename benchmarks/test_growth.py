"""How the time of a whole simulation grows with samples, timesteps, layer size and layers, as the first power.

    pytest benchmarks/test_growth.py

Seconds are the least processor time of some simulations with report on `arch/imc.yaml`, kernels compiled before.  What
a simulation costs whatever its size is measured on the smallest one of its kind.  It is passed where it is at most a
quarter; through those points goes the straight line in log-log whose slope is said.  Nothing is subtracted from them.
Over layers, of which a trace has a limited number, all sizes are on the line, of `arch/digital.yaml` too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from hwsim import api
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, Neuron, SeededWeights
from hwsim.traces.network.window import Window
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

CHANNELS, FEW, CLASSES = 64, 4, 10
TOLERANCE = 0.1
PASSED = 4  # times the smallest simulation
DEPTHS = 500, 1000, 2000, 4000  # layers; MAX_LAYERS of a trace is 4096
MOST_SECONDS = 30  # of the deepest
LEAST_SPAN = 9  # largest over smallest of the sizes through which the line goes


def samples(n: int) -> Trace:
    """Small images."""
    return conv_trace(16, 4, n)


def timesteps(n: int) -> Trace:
    """One image for so long: of several, how many are played side by side would hang on how long they take."""
    return conv_trace(32, n, 1)


def positions(n: int) -> Trace:
    """Images of so many pixels, a square of a multiple of 8."""
    return conv_trace(math.isqrt(n), 4, 8)


def neurons(n: int) -> Trace:
    """Perceptrons with so wide a hidden layer."""
    return synthesize(f"mlp:256-{n}-{CLASSES}", 4, 1024, 0.125, seed=1)


def layers(n: int) -> Trace:
    """A chain of so many small convolutions."""
    network, rng = deep_network(n), np.random.default_rng(n)
    shape = (2, 1, 4, 8 * 8, 1)  # one spike in four places
    spikes = {}
    for layer in network.spiking():
        words = np.bitwise_and.reduce(rng.integers(0, 2**FEW, shape, dtype=np.uint64))
        spikes[layer.name] = PackedSpikes(words, layer.shape)
    return on_noise(network, spikes, timesteps=4, samples=1, seed=n)


CASES = [
    (samples, 1, (100, 300, 1000, 3000, 10000)),
    (timesteps, 1, (40, 120, 400, 1200, 4000)),
    (positions, 8**2, (112**2, 208**2, 352**2, 640**2, 1184**2)),
    (neurons, 64, (10_000, 30_000, 110_000, 330_000, 1_000_000)),
]


@pytest.mark.parametrize(("kind", "least", "sizes"), CASES, ids=[kind.__name__ for kind, *_ in CASES])
def test_growth(benchmark, capsys, kind: Callable[[int], Trace], least: int, sizes: Sequence[int]) -> None:
    architecture = api.load_architecture("imc", ["accumulator.bits=25"])  # what the widest network adds up
    simulated(architecture, kind(least))
    fixed, _ = least_seconds(architecture, kind(least))
    seconds, conversions = zip(*(least_seconds(architecture, kind(size)) for size in sizes), strict=True)
    assert conversions[-1] / conversions[0] == pytest.approx(sizes[-1] / sizes[0], rel=0.2)
    benchmark.pedantic(simulated, (architecture, kind(sizes[-1])), rounds=1)
    passed = [(size, each) for size, each in zip(sizes, seconds, strict=True) if each >= PASSED * fixed]
    points = ", ".join(f"{size}: {each:.3g} s" for size, each in zip(sizes, seconds, strict=True))
    said = f"{kind.__name__}: fixed {fixed:.3g} s, {points}"
    assert passed, said
    assert passed[-1][0] / passed[0][0] >= LEAST_SPAN, said
    slope = power(*zip(*passed, strict=True))
    benchmark.extra_info["slope"] = slope
    with capsys.disabled():
        print(f"\n{said}; slope {slope:.2f} from {passed[0][0]}")
    assert slope == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_growth_over_layers(benchmark, capsys, design: str) -> None:
    architecture = api.load_architecture(design)
    simulated(architecture, layers(3))
    seconds = [least_seconds(architecture, layers(n), in_all=8)[0] for n in DEPTHS]
    benchmark.pedantic(simulated, (architecture, layers(DEPTHS[-1])), rounds=1)
    slope = power(DEPTHS, seconds)
    benchmark.extra_info["slope"] = slope
    with capsys.disabled():
        points = ", ".join(f"{n}: {each:.3g} s" for n, each in zip(DEPTHS, seconds, strict=True))
        print(f"\nlayers on {design}: {points}; slope {slope:.2f}")
    assert seconds[-1] < MOST_SECONDS
    assert slope == pytest.approx(1, abs=TOLERANCE)


def power(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of the straight line through points in log-log."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def least_seconds(architecture: api.Architecture, trace: Trace, in_all: float = 0.5) -> tuple[float, float]:
    """Least processor time of simulations that take so long `in_all`, and the conversions counted in all samples."""
    best, conversions, rounds = float("inf"), 0.0, 0
    while rounds < 2 or best * rounds < in_all:
        unseen = replace(
            trace, inputs=trace.inputs and replace(trace.inputs)
        )  # nothing is kept with it but the network's
        start = process_time()
        conversions = simulated(architecture, unseen)
        best = min(best, process_time() - start)
        rounds += 1
    return best, conversions


def simulated(architecture: api.Architecture, trace: Trace) -> float:
    """Simulate; conversions in all samples."""
    report = api.simulate(architecture, trace, engine="compiled")
    rows = report.run("static").rows
    return trace.n_samples * sum(row.count for row in rows if (row.component, row.action) == ("adc", "convert"))


def conv_trace(side: int, timesteps: int, samples: int) -> Trace:
    """Three convolutions of 64 channels and a classifier on square images, with one spike in eight places."""
    network, rng = conv_network(side), np.random.default_rng(side)
    spikes = {}
    for layer in network.spiking():
        shape = (3, samples, timesteps, layer.shape[0] * layer.shape[1], CHANNELS // 64)
        words = np.bitwise_and.reduce(rng.integers(0, 2**64, shape, dtype=np.uint64))
        spikes[layer.name] = PackedSpikes(words, layer.shape)
    return on_noise(network, spikes, timesteps, samples, side)


def on_noise(network: Network, spikes: Mapping[str, PackedSpikes], timesteps: int, samples: int, seed: int) -> Trace:
    """A trace with inputs and logits that say nothing."""
    rng, image = np.random.default_rng(seed), network.input.shape
    labels, ids = np.zeros(samples, np.int64), np.arange(samples, dtype=np.int64)
    inputs = Inputs(rng.integers(0, 256, (samples, *image), dtype=np.uint8), labels, ids)
    logits = Logits(
        rng.integers(-60, 60, (samples, timesteps, CLASSES), dtype=np.int32), 1 / 32, labels, ids, "synthetic"
    )
    origin = Provenance("growth", "synthetic", "synthetic", "CC0-1.0", "none", "none", seed, True, ())
    return Trace(network, timesteps, spikes, inputs, {"recorded": logits}, origin)


def conv_network(side: int) -> Network:
    """The network of `conv_trace`: the third convolution leaves 8 x 8 of any image."""
    return convolutions((side, side), CHANNELS, strides=(1, 1, side // 8))


def deep_network(n: int) -> Network:
    """The network of `layers`."""
    return convolutions((8, 8), FEW, strides=[1] * n)


def convolutions(image: tuple[int, int], channels: int, strides: Sequence[int]) -> Network:
    """Convolutions one after another and a classifier."""
    layers: list[Input | Conv2d | Flatten | Linear] = [Input("input", (), (*image, 3), 8)]
    for number, stride in enumerate(strides, start=1):
        height, width, n_in = layers[-1].shape
        neuron = Neuron(15, 4, np.full(channels, 1 << 8, np.int64), "soft", 4, 24)
        weights = SeededWeights((3, 3, n_in, channels), 4, number)
        shape, before = (height // stride, width // stride, channels), layers[-1].name
        layers.append(
            Conv2d(f"conv{number}", (before,), shape, Window.square(3, stride, 1), 1, weights, bias=None, neuron=neuron)
        )
    n_in = math.prod(layers[-1].shape)
    layers.append(Flatten("flatten", (layers[-1].name,), (1, 1, n_in)))
    weights = SeededWeights((1, 1, n_in, CLASSES), 4, 0)
    layers.append(Linear("fc", ("flatten",), (1, 1, CLASSES), weights, bias=None, neuron=None))
    return Network(tuple(layers))
