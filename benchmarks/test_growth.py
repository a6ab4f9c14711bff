"""How the time of a whole simulation grows with samples, timesteps and layer size over two decades, as the first power.

    pytest benchmarks/test_growth.py

Seconds are the least processor time of some simulations with report on `arch/imc.yaml`, kernels compiled before.  What
a simulation costs whatever its size is measured on the smallest one of its kind.  It is passed where it is at most a
quarter; through those points goes the straight line in log-log whose slope is said.  Nothing is subtracted from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from time import process_time

import numpy as np
import pytest

from hwsim import api
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, Neuron, SeededWeights
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

CHANNELS, CLASSES = 64, 10
TOLERANCE = 0.1
PASSED = 4  # times the smallest simulation
LEAST_SPAN = 9  # largest over smallest of the sizes through which the line goes


def samples(n: int) -> Trace:
    """Small images."""
    return conv_trace(8, 4, n)


def timesteps(n: int) -> Trace:
    """A few images for so long."""
    return conv_trace(16, n, 16)


def positions(n: int) -> Trace:
    """Images of so many pixels, a square of a multiple of 8."""
    return conv_trace(isqrt(n), 4, 8)


def neurons(n: int) -> Trace:
    """Perceptrons with so wide a hidden layer."""
    return synthesize(f"mlp:256-{n}-{CLASSES}", 4, 16, 0.125, seed=1)


CASES = [
    (samples, 1, (100, 300, 1000, 3000, 10000)),
    (timesteps, 1, (40, 120, 400, 1200, 4000)),
    (positions, 8**2, (64**2, 112**2, 208**2, 352**2, 640**2)),
    (neurons, 64, (8192, 24576, 81920, 245760, 819200)),
]


@pytest.mark.parametrize(("kind", "least", "sizes"), CASES, ids=[kind.__name__ for kind, *_ in CASES])
def test_growth(benchmark, capsys, kind: Callable[[int], Trace], least: int, sizes: Sequence[int]) -> None:
    architecture = api.load_architecture("imc")
    simulated(architecture, kind(least))
    fixed, _ = least_seconds(architecture, kind(least))
    seconds, conversions = zip(*(least_seconds(architecture, kind(size)) for size in sizes), strict=True)
    assert conversions[-1] / conversions[0] == pytest.approx(sizes[-1] / sizes[0], rel=0.2)
    benchmark.pedantic(simulated, (architecture, kind(sizes[-1])), rounds=1)
    passed = [(size, each) for size, each in zip(sizes, seconds, strict=True) if each >= PASSED * fixed]
    slope = np.polyfit(*np.log(passed).T, 1)[0]
    benchmark.extra_info["slope"] = slope
    with capsys.disabled():
        points = ", ".join(f"{size}: {each:.3g} s" for size, each in zip(sizes, seconds, strict=True))
        print(f"\n{kind.__name__}: fixed {fixed:.3g} s, {points}; slope {slope:.2f} from {passed[0][0]}")
    assert passed[-1][0] / passed[0][0] >= LEAST_SPAN
    assert slope == pytest.approx(1, abs=TOLERANCE)


def least_seconds(architecture: api.Architecture, trace: Trace) -> tuple[float, float]:
    """Least processor time of a simulation, and the conversions that it counted in all samples."""
    best, conversions, rounds = float("inf"), 0.0, 0
    while rounds < 2 or best * rounds < 0.5:
        start = process_time()
        conversions = simulated(architecture, trace)
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
    labels, ids = np.zeros(samples, np.int64), np.arange(samples, dtype=np.int64)
    inputs = Inputs(rng.integers(0, 256, (samples, side, side, 3), dtype=np.uint8), labels, ids)
    logits = Logits(
        rng.integers(-60, 60, (samples, timesteps, CLASSES), dtype=np.int32), 1 / 32, labels, ids, "synthetic"
    )
    origin = Provenance("growth", "synthetic", "synthetic", "CC0-1.0", "none", "none", side, True, ())
    return Trace(network, timesteps, spikes, inputs, {"recorded": logits}, origin)


def conv_network(side: int) -> Network:
    """The network of `conv_trace`: the third convolution leaves 8 x 8 of any image."""
    layers: list[Input | Conv2d | Flatten | Linear] = [Input("input", (), (side, side, 3), 8)]
    for number, (n_in, stride) in enumerate([(3, 1), (CHANNELS, 1), (CHANNELS, side // 8)], start=1):
        neuron = Neuron(15, 4, np.full(CHANNELS, 1 << 8, np.int64), "soft", 4, 24)
        weights = SeededWeights((3, 3, n_in, CHANNELS), 4, number)
        shape = (side // stride, side // stride, CHANNELS)
        before = layers[-1].name
        layers.append(Conv2d(f"conv{number}", (before,), shape, 3, stride, 1, 1, weights, bias=None, neuron=neuron))
    n_in = 8 * 8 * CHANNELS
    layers.append(Flatten("flatten", ("conv3",), (1, 1, n_in)))
    weights = SeededWeights((1, 1, n_in, CLASSES), 4, 0)
    layers.append(Linear("fc", ("flatten",), (1, 1, CLASSES), weights, bias=None, neuron=None))
    return Network(tuple(layers))
