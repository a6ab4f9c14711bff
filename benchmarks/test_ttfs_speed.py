"""10,000 images of 784 pixels through 784-800-10 on the ttfs machine: its own arithmetic, counting, and all of it.

The limit is the weights that spikes touch, one byte each, over the bandwidth of a large copy in the same run.
Nothing here asserts a time.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

from hwsim import api
from hwsim.accelerators.ttfs import Machine
from hwsim.traces.network.layers import Input, Linear, Network, StoredWeights
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs
from hwsim.traces.ttfs.trace import Decisions, FirstSpikeNetwork, FirstSpikeNeurons, FirstSpikeTrace, input_times

IMAGES = 10_000
WINDOW = 32


def layer(rng, name, source, n_in, n_out):
    weights = np.clip(rng.normal(0, 30, (1, 1, n_in, n_out)), -127, 127).astype(np.int8)
    return Linear(name, (source,), (1, 1, n_out), StoredWeights(weights, 8, np.ones(n_out, np.float32)), None, None)


@pytest.fixture(scope="module")
def trace():
    return drawn()


def drawn():
    """As many inputs as MNIST has, 19 % of the pixels, and about a quarter of the hidden neurons firing."""
    rng = np.random.default_rng(1)
    layers = (
        Input("input", (), (1, 1, 784), 8),
        layer(rng, "fc1", "input", 784, 800),
        layer(rng, "fc2", "fc1", 800, 10),
    )
    neurons = {
        name: FirstSpikeNeurons(
            v_threshold=ramp * WINDOW + bias, ramp=ramp, start=WINDOW, slope_bits=18, potential_bits=24
        )
        for name, ramp, bias in (("fc1", 1000, 4500), ("fc2", 1000, 500))
    }
    network = FirstSpikeNetwork(Network(layers), WINDOW, "windowed", neurons)
    values = rng.integers(1, 256, (IMAGES, 1, 1, 784)) * (rng.random((IMAGES, 1, 1, 784)) < 0.19)
    labels, ids = np.zeros(IMAGES, np.int64), np.arange(IMAGES)
    inputs = Inputs(values.astype(np.uint8), labels, ids)
    nothing = {one.name: np.zeros((IMAGES, *one.shape), np.int16) for one in network.weighted()}
    sets = {"recorded": Decisions(np.zeros(IMAGES, np.int16), labels, ids, "test")}
    unrun = FirstSpikeTrace(network, nothing, inputs, sets, Provenance("drawn", "", "test", "", "", "", 1, True, ()))
    return machine().sized_for(unrun).functional(unrun).trace


def machine():
    return Machine(api.load_architecture("ttfs").spec)


def work(trace):
    """Bytes of weights that all spikes touch, from the definition."""
    inputs = int((input_times(trace.inputs.values, 8, WINDOW) >= 0).sum(dtype=np.int64))
    hidden = int((trace.times["fc1"] >= 0).sum(dtype=np.int64))
    return 800 * inputs + 10 * hidden


def bandwidth():
    """Bytes a second of a copy, read and written."""
    source, target = np.ones(1 << 27, np.uint8), np.empty(1 << 27, np.uint8)
    times = []
    for _ in range(5):
        start = perf_counter()
        np.copyto(target, source)
        times.append(perf_counter() - start)
    return 2 * source.nbytes / min(times)


def clocked(benchmark, call, rounds=3):
    """What a call gives, and the least seconds that it took."""
    seconds = []

    def once():
        start = perf_counter()
        found = call()
        seconds.append(perf_counter() - start)
        return found

    return benchmark.pedantic(once, rounds=rounds, iterations=1), min(seconds)


def show(what, seconds, trace):
    limit = work(trace) / bandwidth()
    print(f"\n{what}, {IMAGES} images: {seconds:.2f} s, {seconds / limit:.1f} times {limit:.2f} s of weight traffic")


def test_functional(benchmark, trace):
    sized = machine().sized_for(trace)
    run, seconds = clocked(benchmark, lambda: sized.functional(trace))
    share = (run.trace.times["fc1"] >= 0).mean()
    assert 0.15 < share < 0.35
    assert run.trace.n_samples == IMAGES
    show("functional", seconds, trace)


def test_counting(benchmark, trace):
    def count():
        batches = machine().sized_for(trace).lower(trace).batches
        return sum(
            int(posting.counts.sum())
            for batch in batches
            for posting in batch.ledger.postings
            if (posting.component, posting.action) == ("operations", "AC")
        )

    counted, seconds = clocked(benchmark, count)
    assert counted == work(trace)
    show("counting and schedules", seconds, trace)


@pytest.mark.parametrize("jobs", [1, 2])
def test_simulate(benchmark, trace, jobs):
    loaded, taken = api.load_architecture("ttfs"), replace(trace, sha256="drawn")
    report, seconds = clocked(
        benchmark, lambda: api.simulate(loaded, taken, engine="compiled", functional=True, jobs=jobs), rounds=1
    )
    assert round(report.runs[0].operations["AC"] * IMAGES) == work(trace)
    show(f"functional, counting, engine and report, {jobs} processes", seconds, trace)
