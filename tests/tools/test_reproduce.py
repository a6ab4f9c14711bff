"""The tool that sets papers' claims beside ours: its arithmetic, its rows, and what it says to mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
import reproduce
from numba import config
from reproduction import dietsnn, dtsnn, fspinn
from reproduction.rows import Row, Section
from sweep_stdp import Found
from traces.plastic import cases as plastic_cases

import hwsim


@pytest.mark.parametrize(("mean", "timesteps"), [(1.46, 4), (1.27, 4), (2.5, 4), (3.9, 4), (1.0001, 8)])
def test_exits_have_the_mean_asked_for(mean, timesteps):
    shares = dtsnn.exits_of_mean(mean, timesteps)
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


def test_every_paper_of_the_list_has_its_module():
    for name in reproduce.PAPERS:
        assert callable(__import__(f"reproduction.{name}", fromlist=["sections"]).sections)


@pytest.mark.skipif(config.DISABLE_JIT, reason="4,900 neurons take minutes in interpreted kernels")
def test_memory_of_learning_cores_follows_the_law():
    """4 (784 + 2 N) / (784 + N), which is 7.45 at the paper's size."""
    net = plastic_cases.network(None, pixels=784)
    parts = {name: plastic_cases.part(net, name, 1, 3) for name in ("train", "test")}
    found = {row.what: row.ours for row in fspinn.memory(plastic_cases.unlearned(net, parts)).rows}
    assert len(found) == 6
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
    sections = [Section("Title of a table", [Row("what", "4.9x", "5.1x", "because")], ["a note"])]
    monkeypatch.setattr(dtsnn, "sections", lambda: sections)
    out = tmp_path / "found.json"
    assert reproduce.main(["dtsnn", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    for text in ("Title of a table", "4.9x", "5.1x", "because", "a note"):
        assert text in printed
    assert json.loads(out.read_text())["dtsnn"][0]["rows"][0]["ours"] == "5.1x"


def test_nothing_named_is_one_line(capsys):
    assert reproduce.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "dtsnn" in error
