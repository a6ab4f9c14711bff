"""The tool that sets papers' claims beside ours: its arithmetic, its rows, and what it says to mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
import reproduce
from numba import config
from reproduction import dietsnn, exits, fspinn
from reproduction.kept import kept
from reproduction.rows import Paper, Row, Section
from sweep_stdp import Found
from traces.plastic import cases as plastic_cases

import hwsim


@pytest.mark.parametrize(("mean", "timesteps"), [(1.46, 4), (1.27, 4), (2.5, 4), (3.9, 4), (1.0001, 8)])
def test_exits_have_the_mean_asked_for(mean, timesteps):
    shares = exits.exits_of_mean(mean, timesteps)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ np.arange(1, timesteps + 1) == pytest.approx(mean, abs=1e-9)
    # Of largest entropy: shares are in geometric progression.
    ratios = shares[1:] / shares[:-1]
    assert ratios == pytest.approx(ratios[0], rel=1e-9)


def test_operations_are_the_papers():
    cifar, imagenet = dietsnn.operations().rows
    assert cifar.paper == cifar.ours == "3.384e+08, 0.52 %"
    assert imagenet.paper == imagenet.ours == "1.547e+10, 0.56 %"


def test_crossing_is_found_between_rates():
    # Falling as 1 / rate, so the crossing is where the rate is 3 %.
    ratios = [0.03 / rate for rate in dietsnn._RATES]
    assert dietsnn._crossing(ratios) == "3.0 %"
    assert dietsnn._crossing([0.9] * len(ratios)) == "at none"
    assert dietsnn._crossing([2.0] * len(ratios)).startswith("above")


@pytest.mark.parametrize("mean", [1.0, 1.27, 1.46, 2.5, 3.9])
def test_no_histogram_is_beyond_its_bounds(mean):
    """Against histograms drawn at random that were brought to the mean, and the corners reached by some."""
    values = np.array([0.05, 0.21, 0.55, 1.0])
    low, high = exits.bounds_of_mean(values, mean)
    t, random = np.arange(1, 5), np.random.default_rng(3)
    for _ in range(300):
        shares = random.dirichlet([0.3] * 4)
        other = t == (1 if shares @ t > mean else 4)
        part = (mean - shares @ t) / (other @ t - shares @ t) if shares @ t != other @ t else 0
        mixed = shares + part * (other - shares)
        assert mixed @ t == pytest.approx(mean)
        assert low - 1e-9 <= mixed @ values <= high + 1e-9
    early = int(mean)
    corner = values[early - 1] + (values[min(early, 3)] - values[early - 1]) * (mean - early)
    assert low <= corner + 1e-12
    assert high >= values[0] + (values[3] - values[0]) * (mean - 1) / 3 - 1e-12


def test_every_paper_of_the_list_has_its_module():
    for name in reproduce.PAPERS:
        assert callable(__import__(f"reproduction.{name}", fromlist=["paper"]).paper)


@pytest.mark.skipif(config.DISABLE_JIT, reason="4,900 neurons take minutes in interpreted kernels")
def test_memory_of_learning_cores_follows_the_law():
    """4 (784 + 2 N) / (784 + N), which is 7.45 at the paper's size."""
    net = plastic_cases.network(None, pixels=784)
    parts = {name: plastic_cases.part(net, name, 1, 3) for name in ("train", "test")}
    found = {row.what: row.ours for row in fspinn.memory(plastic_cases.unlearned(net, parts)).rows}
    assert len(found) == 7
    with_wires = f"{4 * 785 / 784:.2f}x"  # a layer has a wire a neuron
    assert found.pop("N = 4900, inhibition as one strength in both") == with_wires
    for name, ratio in found.items():
        neurons = int(name.removeprefix("N = "))
        assert ratio == f"{4 * (784 + 2 * neurons) / (784 + neurons):.2f}x"


@pytest.mark.parametrize("counting", ["event-driven", "dense"])
def test_levers_are_ratios_of_what_the_machines_report(counting):
    net = plastic_cases.network(None, pixels=30)
    trace = plastic_cases.unlearned(net, {name: plastic_cases.part(net, name, 2, 3) for name in ("train", "test")})
    skip = () if counting == "event-driven" else ("skip=none",)
    base, ours = (
        [run.energy_pj.value for run in hwsim.simulate(hwsim.load_architecture(name, skip), trace).runs]
        for name in ("stdp_baseline", "stdp")
    )
    rows = {row.what: row.ours for row in fspinn.levers(trace, counting).rows}
    assert len(rows) == 8
    assert rows["the first three: arch/stdp.yaml"] == f"{base[0] / ours[0]:.2f}x / {base[1] / ours[1]:.2f}x"


def test_what_was_learned_is_as_good_as_said():
    """At least 85 % with 400 neurons in FP32 in two passes over MNIST, and 8 bits within two points of it."""
    lines = (Path(__file__).resolve().parents[2] / "docs" / "data" / "stdp-accuracy.jsonl").read_text().splitlines()
    found = [Found(**json.loads(line)) for line in lines]
    mnist = [each for each in found if (each.dataset, each.neurons, each.n_test) == ("MNIST", 400, 10_000)]
    floats = {e.samples: e.accuracy for e in mnist if (e.architecture, e.seed) == ("stdp_baseline", 1)}
    assert floats.keys() >= {10_000, 20_000, 60_000, 120_000}
    assert floats[60_000] >= 0.85
    assert floats[120_000] >= 0.85
    for samples in (60_000, 120_000):
        assert max(e.accuracy for e in mnist if (e.weights, e.samples) == ("Q1.7", samples)) > floats[samples] - 0.02
    roundings = {"nearest", "truncate", "stochastic"}
    for dataset in ("MNIST", "Fashion-MNIST"):
        tried = {(each.weights, each.rounding) for each in found if each.dataset == dataset}
        assert tried >= {(f"Q1.{n}", rounding) for n in (3, 5, 7, 9, 11, 15) for rounding in roundings} | {("FP32", "")}


def test_tables_are_printed_and_written(monkeypatch, tmp_path, capsys):
    sections = [Section("Title of a table", [Row("what", "4.9x", "5.1x", "because", {"energy": 5.1})], ["a note"])]
    monkeypatch.setattr(fspinn, "paper", lambda: Paper("A paper", sections, "It is wrong.", "It is not."))
    out = tmp_path / "found.json"
    assert reproduce.main(["fspinn", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    for text in ("A paper", "Title of a table", "4.9x", "5.1x", "because", "a note"):
        assert text in printed
    assert printed.endswith("Strongest objection: It is wrong.\nWhat the figures say: It is not.\n")
    found = json.loads(out.read_text())["fspinn"]
    assert found["sections"][0]["rows"][0]["numbers"] == {"energy": 5.1}
    assert kept(out)["fspinn"].paper.sections[0].rows[0] == sections[0].rows[0]


def test_nothing_named_is_one_line(capsys):
    assert reproduce.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "dtsnn" in error
