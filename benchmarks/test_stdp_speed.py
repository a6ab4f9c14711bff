"""Learning by STDP, 784 pixels and 400 or 4,900 neurons, 350 steps, of samples as bright as MNIST; one core.

Kernels alone, and whole simulations of the learning phase: kernels, lowering, compiled engine, pricing.  The limit is
the weights added, input spikes times neurons, over the rate at which compiled code adds rows of the same array and does
nothing else, in the same run.  Nothing here asserts a time.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from numba import njit

from hwsim import api
from hwsim.accelerators.stdp import Machine
from hwsim.traces.plastic.encode import encoder_digests, input_spikes
from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import (
    ExcitatoryNeurons,
    Inhibition,
    InhibitoryNeurons,
    PlasticNetwork,
    PlasticSamples,
    PlasticTrace,
    PoissonInput,
    Presentation,
    QFormat,
    Stdp,
)
from hwsim.traces.provenance import Provenance

PIXELS, SAMPLES, REPEATS = 784, 60, 3


def network(n, rounding, rule):
    formats = rounding and {
        "weights": QFormat(1, 7, rounding),
        "membranes": QFormat(8, 12, "nearest"),
        "traces": QFormat(1, 15, "truncate"),
        "thresholds": QFormat(8, 12, "nearest"),
    }
    neurons = ExcitatoryNeurons(n, 64884, 13.0, 5.0, -35.0, 5, 0.2, 65533, True)
    inhibition = Inhibition("direct", 120.0, 0, InhibitoryNeurons(22.5, 59299, 20.0, 15.0, 2))
    stdp = Stdp(rule, 3146, 105, 62340, 62340, 1.0, 78.4, 0.3, 10, 4)
    return PlasticNetwork(PIXELS, PoissonInput(128_000, 1000, 350, 0), neurons, inhibition, stdp, formats, 1)


def samples(n):
    """A connected fifth of the pixels is bright, as in a digit."""
    rng = np.random.default_rng(4)
    values = np.zeros((n, PIXELS), np.uint8)
    for sample in values:
        start = rng.integers(0, PIXELS - 150)
        sample[start : start + 150] = rng.integers(80, 256, 150)
    return values


@njit
def gather_add(weights, order, current):
    for i in order:
        for j in range(current.size):
            current[j] += current.dtype.type(weights[i, j])


def additions_per_s(core):
    """Weights added a second, row by row in an order that is not that of the memory."""
    current = np.zeros(core.weights.shape[1], np.float32 if core.weights.dtype == np.float32 else np.int32)
    order = np.random.default_rng(1).integers(0, PIXELS, 4000)
    best = np.inf
    for _ in range(REPEATS + 1):  # once to compile
        start = perf_counter()
        gather_add(core.weights, order, current)
        best = min(best, perf_counter() - start)
    return order.size * current.size / best


@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
@pytest.mark.parametrize("rounding", [None, "nearest", "truncate", "stochastic"])
@pytest.mark.parametrize("n", [400, 4900])
def test_learning(n, rounding, rule, capsys):
    net = network(n, rounding, rule)
    core, images = LearningCore(net), samples(SAMPLES)
    best, first, events = np.inf, 0, 0
    for _ in range(REPEATS + 1):  # once to compile
        start, events = perf_counter(), 0
        for k in range(first, first + SAMPLES // (n // 400)):
            shown = Presentation("train", k)
            spikes = input_spikes(net, shown, images[k % SAMPLES])
            core.present(spikes, shown, learn=True)
            events += len(spikes.pixels)
        best, first = min(best, perf_counter() - start), k + 1
    rate = SAMPLES // (n // 400) / best
    limit = additions_per_s(core) / (events * n / (SAMPLES // (n // 400)))
    with capsys.disabled():
        name = f"N = {n}, {rounding or 'FP32'}, {rule}"
        print(f"\n  {name}: {rate:.0f} samples/s, {rate / limit:.2f} of the limit {limit:.0f}", end="")


ROOMY = [
    f"{memory}.capacity_kib=1000000"
    for memory in ("weight_memory", "inhibition_memory", "neuron_memory", "current_memory")
]


@pytest.mark.parametrize("design", ["stdp", "stdp_baseline"])
@pytest.mark.parametrize("rounding", ["nearest", "truncate", "stochastic"])
@pytest.mark.parametrize("n", [400, 4900])
def test_simulation(n, rounding, design, capsys):
    formats = () if design == "stdp_baseline" else (f"weights.rounding={rounding}",)
    if design == "stdp_baseline" and rounding != "nearest":
        pytest.skip("rounds in one way")
    net, count = network(n, "nearest", "pairwise"), 4 * SAMPLES // (n // 400)
    values, ids = samples(count), np.arange(count)
    part = PlasticSamples(values, ids % 10, ids, *encoder_digests(net, "train", ids, values))
    origin = Provenance("bright", "drawn", "train", "CC0-1.0", "none", "benchmark", 4, True, ())
    trace = PlasticTrace(net, 10, {"train": part, "test": part}, np.zeros(count, np.int32), origin)
    loaded = api.load_architecture(design, (*ROOMY, "readout.bits=20", "trace_memory.capacity_kib=64", *formats))
    best = {"whole": np.inf, "learning": np.inf}
    learnt = Machine(loaded.spec).network_of(trace)
    session = Session(phase="train")
    for _ in range(REPEATS + 1):  # once to compile
        start = perf_counter()
        api.simulate(loaded, trace, engine="compiled", session=session)
        best["whole"] = min(best["whole"], perf_counter() - start)
        start = perf_counter()
        learn(learnt, trace, session)
        best["learning"] = min(best["learning"], perf_counter() - start)
    core = LearningCore(learnt)
    limit = additions_per_s(core) / (part.input_spikes.mean() * n)
    rate, share = count / best["whole"], best["learning"] / best["whole"]
    with capsys.disabled():
        name = f"{design}, N = {n}, {rounding if formats else 'FP32'}"
        print(f"\n  {name}: {rate:.0f} samples/s, {share:.2f} of the time learning, limit {limit:.0f}", end="")
