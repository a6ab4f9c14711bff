"""The first-spike training tool as a command: stages, checkpoints, traces that verify, and mistakes."""

import numpy as np
import pytest

pytest.importorskip("torch")

from tools.dietsnn_cases import save_npz, some_images
from tools.ttfs_training_cases import run_tool
from training.ttfs import export

from hwsim.doors.torch.first_spike.conversion import input_arrivals
from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace
from hwsim.traces.ttfs.trace import input_times


@pytest.mark.parametrize(
    ("more", "layers", "barrier"),
    [([], ["fc1", "fc2"], True), (["--convolutions", "3,4", "--start", "4"], ["conv1", "conv2", "fc1", "fc2"], False)],
)
def test_the_tool_trains_and_its_trace_verifies(tmp_path, capsys, more, layers, barrier):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 0
    said = capsys.readouterr().out
    for line in ("ann epoch 2/2", "converted: held-out accuracy", "timed epoch 1/1", "first spikes: test accuracy"):
        assert line in said
    trace = read_trace(tmp_path / "t.npz")
    verification = verify(trace)
    assert verification.ok
    assert verification.arrays["decisions/test"].compared == 24
    assert verification.arrays["fc2/times"].compared == 8 * 4
    assert (trace.coding, trace.n_samples, list(trace.times)) == ("ttfs", 8, layers)
    network = trace.network
    assert (network.window, network.psp, network.barrier) == (10, "windowed", barrier)
    x_test, y_test = some_images(40, 1)
    assert np.array_equal(trace.inputs.values[..., 0], x_test[trace.inputs.sample_ids])
    assert np.array_equal(trace.decisions["test"].labels, y_test)
    provenance = trace.provenance
    assert provenance.accuracy == (trace.decisions["test"].accuracy,)
    assert (provenance.dataset, provenance.licence, provenance.synthetic) == ("Squares", "CC0-1.0", False)
    assert "--data d.npz" in provenance.command
    assert str(tmp_path) not in provenance.command


def test_it_records_the_same_weights_rate_coded(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, "--rate-out", str(tmp_path / "r.npz")) == 0
    trace, rated = read_trace(tmp_path / "t.npz"), read_trace(tmp_path / "r.npz")
    assert verify(rated).ok
    assert (rated.coding, rated.timesteps, rated.n_samples) == ("rate", 10, 8)
    for name in ("fc1", "fc2"):
        assert np.array_equal(rated.network[name].weights.values, trace.network.network[name].weights.values)
    assert len(rated.provenance.accuracy) == 10
    assert f"{100 * rated.provenance.accuracy[-1]:.2f} %" in capsys.readouterr().out
    assert np.array_equal(rated.inputs.sample_ids, trace.inputs.sample_ids)


def test_training_learns(tmp_path):
    x, y = some_images(1500, 0)
    save_npz(tmp_path / "d.npz", x_train=x, y_train=y)
    more = "--ann-epochs 8 --epochs 3 --shift 0 --held-out 100 --hidden 40"
    for start in ("4", "10"):
        assert run_tool(tmp_path, *more.split(), "--start", start) == 0
        provenance = read_trace(tmp_path / "t.npz").provenance
        assert provenance.float_accuracy[0] > 0.9
        assert provenance.accuracy[0] > 0.9


def test_a_second_run_takes_its_checkpoints_and_gives_the_same_file(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    first = (tmp_path / "t.npz").read_bytes()
    capsys.readouterr()
    assert run_tool(tmp_path) == 0
    said = capsys.readouterr().out
    assert "timed: resumed after epoch 1/1" in said
    assert "epoch 2/2: loss" not in said
    assert (tmp_path / "t.npz").read_bytes() == first
    run_tool(tmp_path, "--start", "3")
    said = capsys.readouterr().out
    assert "ann: resumed" in said
    assert "timed epoch 1/1: loss" in said


def test_a_network_that_two_executions_see_differently_is_not_written(tmp_path, monkeypatch, capsys):
    save_npz(tmp_path / "d.npz")

    def sooner(network, inputs, execute=export.execute_first_spike):
        run = execute(network, inputs)
        times = run.times["fc1"].copy()
        times[33, 0, 0, 2] = 5 if times[33, 0, 0, 2] < 0 else -1
        return run.__class__(dict(run.times) | {"fc1": times}, run.potentials, run.classes)

    monkeypatch.setattr(export, "execute_first_spike", sooner)
    assert run_tool(tmp_path) == 2
    assert "fc1/times: 1 differ between two executions, the first in sample 33" in capsys.readouterr().err
    assert not (tmp_path / "t.npz").exists()


def test_pixels_arrive_as_the_trace_format_says():
    times = input_times(np.arange(256, dtype=np.uint8), 8, 16)
    assert input_arrivals(16).tolist() == [0 if t < 0 else 16 - t for t in times.tolist()]
    assert input_arrivals(16)[[0, 1, 255]].tolist() == [0, 1, 16]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--epochs", "0"], "--epochs: must be at least 1"),
        (["--window", "1"], "--window 1: must be from 2"),
        (["--start", "11"], "--start 11: must be at most --window, which is 10"),
        (["--hidden", "8,x"], "--hidden"),
        (["--bits", "9"], "--bits"),
        (["--percentile", "101"], "--percentile: must be from 0 to 100"),
        (["--held-out", "500"], "hold out 500 of 120"),
        (["--out", "no/such/t.npz"], "there is no folder"),
        (["--rate-out", "t.txt"], "--rate-out t.txt: wanted a name that ends in .npz"),
        (["--licence", ""], "give it with --licence"),
        (["--recorded", "99"], "at most --inputs"),
        (["--data", "missing.npz"], "missing.npz"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, monkeypatch, more, says):
    monkeypatch.chdir(tmp_path)
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "t.npz").exists()
