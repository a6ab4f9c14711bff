"""Benchmarks do not rot: each can be imported, and runs once where it is small; what they measure is no matter here."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from hwsim import api

FOLDER = Path(__file__).parents[2] / "benchmarks"
MODULES = sorted(path.stem for path in FOLDER.glob("test_*.py"))


class Once:
    """In the place of the fixture `benchmark`: calls are made once and not timed."""

    def __init__(self):
        self.extra_info = {}

    def __call__(self, call, *arguments, **named):
        return call(*arguments, **named)

    def pedantic(self, call, args=(), kwargs=None, **_rounds):
        return call(*args, **(kwargs or {}))


class Aside:
    """In the place of the fixture `capsys`."""

    disabled = nullcontext


@pytest.fixture
def small(monkeypatch):
    """A benchmark with other sizes."""

    def of(name, **sizes):
        module = import_module(name)
        for size, value in sizes.items():
            assert hasattr(module, size)
            monkeypatch.setattr(module, size, value)
        return module

    return of


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_has_tests(name):
    assert any(each.startswith("test_") and callable(call) for each, call in vars(import_module(name)).items())


def test_make_leaves_out_none():
    """Most take no `benchmark`, and `--benchmark-only` would leave those out."""
    recipe = subprocess.run(
        ["make", "-n", "bench"], cwd=FOLDER.parent, capture_output=True, text=True, check=True
    ).stdout
    assert " benchmarks " in recipe
    assert not {"--benchmark-only", "--benchmark-skip", "-k"} & set(recipe.split())


@pytest.mark.parametrize("kind", range(5))
def test_engines(small, kind):
    module = small("test_engine_speed", N_JOBS=25_600, N_JOBS_SIMPY=2_560)
    module.test_compiled_engine(Once(), Aside(), module.KINDS[kind])


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_growth(small, design):
    module = small("test_growth")
    architecture = api.load_architecture(design, ["accumulator.bits=25"] if design == "imc" else [])
    for kind, least, _ in [*module.CASES, (module.layers, 3, ())]:
        trace = kind(least)
        _, conversions = module.least_seconds(architecture, trace, in_all=0)
        assert (conversions > 0) == (design == "imc")


def test_two_processes(small, monkeypatch, tmp_path):
    module, found = small("test_jobs_speed", SAMPLES=(2, 3), SECONDS=0, CALLS=1), Once()
    module.test_two_processes(found, Aside(), monkeypatch, module.drawn(tmp_path / "t.npz"), "imc", "fork")
    assert len(found.extra_info) == 2


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_simulations(small, design):
    module = small("test_simulate_speed", CALLS=1)
    module.test_spikes_that_were_not_seen(design, module.shipped, 1, Aside())
    for kind in module.POINTS[design]:
        module.test_points_of_a_sweep(design, kind, Aside())


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_oracle(small, design):
    module = small("test_oracle_speed", BATCH=2, CALLS=1)
    for objective in module.OBJECTIVES:
        module.test_a_batch_that_was_not_seen(design, objective, Aside())


def test_sweeps(small, tmp_path):
    knobs = {"prices": "clock.network.gated_fraction=lin(0.5,0.9,3)", "structure": "chip.pes_per_tile=4,5"}
    module = small("test_sweep_speed", SAMPLES=1, KNOBS={"imc": knobs})
    for kind in knobs:
        (tmp_path / kind).mkdir()
        module.test_points_of_one_core("imc", kind, tmp_path / kind, Aside())
    module.test_two_processes_beside_one("imc", tmp_path, Aside())


def test_first_spikes(small):
    module = small("test_ttfs_speed", IMAGES=40, bandwidth=lambda: 1e9)
    trace = module.drawn()
    module.test_functional(Once(), trace)
    module.test_counting(Once(), trace)
    module.test_simulate(Once(), trace, 1)


def test_learning(small):
    module = small("test_stdp_speed", SAMPLES=2, REPEATS=0, additions_per_s=lambda core: float(np.size(core.weights)))
    for rounding in (None, "stochastic"):
        module.test_learning(400, rounding, "pairwise", Aside())
    module.test_simulation(400, "nearest", "stdp", Aside())


def test_commands(small, tmp_path):
    module = small("test_command_speed")
    arguments, wanted = module.COMMANDS["--help"]
    spent, printed = module.once(module.COMMAND, arguments, tmp_path)
    assert spent > 0
    assert wanted in printed
