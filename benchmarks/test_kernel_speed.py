"""Counting kernels on the packed words of vgg16-cifar, beside one pass of popcount over the same words and a copy.

Run with `pytest benchmarks --benchmark-only -s`; nothing here asserts a time, only the work that was done.
"""

from __future__ import annotations

import math
from time import perf_counter

import numpy as np
import pytest
from numba import njit

from hwsim import api
from hwsim.accelerators.imc.counting import row_levels
from hwsim.accelerators.imc.plan.placement import place
from hwsim.kernels.bits import popcount
from hwsim.kernels.crossbar.level_sums import sum_levels
from hwsim.kernels.crossbar.rows import count_rows
from hwsim.kernels.crossbar.word_rows import count_words
from hwsim.traces.direct.encode import activation_planes
from hwsim.traces.direct.synth import synthesize

ROUNDS = 30


@njit
def popcount_all(words):
    """The yardstick: every word read once."""
    total = 0
    for i in range(words.size):
        total += popcount(words[i])
    return total


@pytest.fixture(scope="module", params=[0.15, 0.05], ids=["15 % spikes", "5 % spikes"])
def layers(request):
    """Placement, weights and packed input of every layer that reads spikes: T = 4, 128 samples."""
    return spiking_layers(api.load_architecture("imc").spec, 128, request.param)


def spiking_layers(spec, samples, rate):
    trace = synthesize("vgg16-cifar", 4, samples, rate, seed=1)
    placement = place(spec, trace.network)
    found = []
    for name, placed in placement.layers.items():
        layer = trace.network[name]
        if layer.inputs[0] in trace.spikes:
            planes = np.ascontiguousarray(activation_planes(trace, layer.inputs[0]))
            found.append((placed, row_levels(spec, placed, layer), planes))
    return found


def best_seconds(work):
    work()
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def report(name, seconds, layers):
    n_bytes = sum(planes.nbytes for _, _, planes in layers)
    flat = np.concatenate([planes.ravel() for _, _, planes in layers])
    once, copied = best_seconds(lambda: popcount_all(flat)), best_seconds(flat.copy)
    in_numpy = best_seconds(lambda: np.bitwise_count(flat).sum())
    print(
        f"\n{name}: {n_bytes / 1e6:.2f} MB, {n_bytes / seconds / 1e9:.2f} GB/s; "
        f"popcount {n_bytes / once / 1e9:.1f} GB/s (1/{seconds / once:.1f} of it), "
        f"NumPy bitwise_count {n_bytes / in_numpy / 1e9:.2f}, copy {n_bytes / copied / 1e9:.1f}"
    )


def test_counts_of_spiking_rows(benchmark, layers):
    def count():
        return [count_words(planes, placed.window, placed.words_per_block, 17) for placed, _, planes in layers]

    for (placed, _, planes), counts in zip(layers, count(), strict=True):
        spikes, window = int(np.bitwise_count(planes).sum()), placed.window
        assert int(counts.driven.sum()) <= math.prod(window.kernel) * spikes
        assert window.kernel > (1, 1) or int(counts.driven.sum()) == spikes
    benchmark(count)
    report("count_words", benchmark.stats["min"], layers)


def test_counts_of_rows_read_in_phases(benchmark):
    """Eight of a crossbar's 64 rows at once: every word is seen through eight masks."""
    spec = api.load_architecture("imc", ["rows_per_read=8"]).spec
    layers = spiking_layers(spec, 4, 0.15)

    def count():
        return [count_rows(planes, placed.window, placed.segments, spec.dac.bits, 7) for placed, _, planes in layers]

    for (placed, _, planes), counts in zip(layers, count(), strict=True):
        whole = count_words(planes, placed.window, 1, 7)
        assert (counts.driven == whole.driven).all()
        assert (counts.silent == whole.silent).all()
    benchmark.pedantic(count, rounds=ROUNDS)
    report("count_rows, eight rows at once", benchmark.stats["min"], layers)


def test_level_sums(benchmark, layers):
    results = [np.zeros((*planes.shape[1:3], placed.window.out_height), np.int64) for placed, _, planes in layers]
    pulses = np.ones(1, np.int64)

    def add():
        for (placed, levels, planes), sums in zip(layers, results, strict=True):
            sum_levels(planes, placed.window, levels, pulses, sums)

    add()
    _, levels, planes = layers[-1]  # a linear layer: every spike once
    bits = np.unpackbits(planes.view(np.uint8), axis=-1, bitorder="little").astype(np.int64)
    assert (results[-1][..., 0] == (bits[0, :, :, 0, : levels.shape[2]] * levels[0, 0]).sum(axis=-1)).all()
    benchmark(add)
    report("sum_levels", benchmark.stats["min"], layers)
