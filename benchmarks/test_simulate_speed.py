"""Whole simulations with report on the shipped design: seconds, jobs and conversions. Nothing here asserts a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim import api
from hwsim.traces.direct.synth import synthesize

TRACES = Path(__file__).resolve().parents[1] / "traces"


@pytest.mark.parametrize(("geometry", "timesteps", "samples"), [("vgg16-cifar", 4, 32), ("vgg16-imagenet", 5, 1)])
def test_synthetic(benchmark, geometry, timesteps, samples):
    architecture, trace = api.load_architecture("imc"), synthesize(geometry, timesteps, samples, 0.15, seed=1)
    report = benchmark.pedantic(
        api.simulate, (architecture, trace), {"engine": "compiled"}, rounds=3, warmup_rounds=1, iterations=1
    )
    assert conversions(report) > 1e6
    print(f"\n{geometry}, T = {timesteps}, {samples} samples: {benchmark.stats['min']:.2f} s")


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_shipped_trace(benchmark, engine):
    architecture, trace = api.load_architecture("imc"), api.load_trace(TRACES / "fashion_dietsnn.npz")
    report = benchmark.pedantic(
        api.simulate, (architecture, trace), {"engine": engine}, rounds=3, warmup_rounds=1, iterations=1
    )
    assert conversions(report) > 1e5
    print(f"\nfashion_dietsnn, T = 4, 64 samples, {engine}: {benchmark.stats['min']:.2f} s")


def conversions(report):
    return sum(row.count for row in report.runs[0].rows if (row.component, row.action) == ("adc", "convert"))
