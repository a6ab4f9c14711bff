"""Energies of large networks once they have learned: those of one uninterrupted run, kept, and gone on with."""

import json

import learned_stdp
import numpy as np
import pytest
import time_stdp
from numba import config
from reproduction.learners import NETWORKS, roomy
from traces.plastic import cases

import hwsim
from hwsim.traces.io import write_trace

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="400 neurons take minutes in interpreted kernels")
NAME = "the first two levers, in FP32"


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory):
    net = cases.network(None, pixels=784, neuron=cases.neurons(count=400))
    parts = {name: cases.part(net, name, n, 3) for name, n in (("train", 6), ("test", 2))}
    path = tmp_path_factory.mktemp("learned") / "small.npz"
    write_trace(path, cases.unlearned(net, parts))
    return path


@pytest.fixture(scope="module")
def lines(trace_file):
    out = trace_file.parent / "found.jsonl"
    told = ["--settled", "4", "--told", "2", "--cache", str(trace_file.parent), "--out", str(out)]
    assert learned_stdp.main([str(trace_file), *told]) == 0
    before = out.read_text()
    assert learned_stdp.main([str(trace_file), *told]) == 0
    assert out.read_text() == before, "lines that are there are not computed again"
    return {(line.network, line.counting): line for line in learned_stdp.kept(out)}


def test_every_network_and_counting_has_a_line(lines):
    assert lines.keys() == {(name, counting) for name in NETWORKS for counting in learned_stdp.COUNTINGS}
    assert {(line.learned, line.told, line.neurons) for line in lines.values()} == {(4, 2, 400)}


@pytest.mark.parametrize("counting", learned_stdp.COUNTINGS)
def test_energies_are_those_of_learning_in_one_go(trace_file, lines, counting):
    design, settings = NETWORKS[NAME]
    wanted = (*settings, *roomy(400, design, settings), *learned_stdp.COUNTINGS[counting])
    whole = hwsim.simulate(hwsim.load_architecture(design, wanted), hwsim.load_trace(trace_file))
    train, infer = whole.runs
    line = lines[NAME, counting]
    assert line.train_pj == pytest.approx(np.mean([each[-1] for each in train.samples.energy_pj[4:]]), rel=1e-12)
    assert line.infer_pj == pytest.approx(infer.energy_pj.value, rel=1e-12)


def test_dense_counting_never_costs_less(lines):
    for name in NETWORKS:
        assert lines[name, "dense"].train_pj > lines[name, "event-driven"].train_pj


def test_cpu_time_has_a_line_for_each_network_and_way(trace_file, lines, capsys):
    """Nothing is said of how long anything took."""
    learned = [trace_file.parent / f"learned-{number}.npz" for number in (0, 1)]
    out = trace_file.parent / "times.jsonl"
    pair = f"400={','.join(map(str, learned))}"
    assert time_stdp.main([pair, "--samples", "1", "--out", str(out)]) == 0
    found = time_stdp.kept(out)
    assert [(each.network, each.way) for each in found] == [
        (network, way) for network in time_stdp.NETWORKS for way in ("dense", "event-driven")
    ]
    assert all(each.learned == 4 and each.samples == 1 for each in found)
    assert json.loads(out.read_text().splitlines()[0])["neurons"] == 400
    assert time_stdp.main([f"7={','.join(map(str, learned))}", "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("settled", ["0", "6"])
def test_too_many_samples_are_one_line(trace_file, settled, capsys):
    told = ["--settled", settled, "--told", "1", "--cache", str(trace_file.parent), "--out", "none.jsonl"]
    assert learned_stdp.main([str(trace_file), *told]) == 2
    assert capsys.readouterr().err.count("\n") == 1
