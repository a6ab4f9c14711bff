"""The spiking LSTM training tool as a command: stages, checkpoints, traces that verify, data, and mistakes."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from tools.slstm_cases import run_tool, save_npz, some_sequences
from training.common.data import DataError
from training.slstm import stages
from training.slstm.data import INERTIAL, load_sequences

from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace
from hwsim.traces.verification import Mismatch, Verification


@pytest.mark.parametrize(
    ("more", "gates", "over"),
    [
        ([], ["input", "output", "cell"], "all"),
        (
            ["--spiking", "cell,output,forget,candidate", "--readout", "last", "--timesteps", "3"],
            ["forget", "candidate", "output", "cell"],
            "last",
        ),
    ],
)
def test_the_tool_trains_and_its_trace_verifies(tmp_path, capsys, more, gates, over):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, "--report", str(tmp_path / "r.json"), *more) == 0
    said = capsys.readouterr().out
    for line in ("ann epoch 2/2", "converted: held-out accuracy", "spiking epoch 1/1", "test accuracy: ordinary LSTM"):
        assert line in said
    trace = read_trace(tmp_path / "t.npz")
    verification = verify(trace)
    assert verification.ok
    assert verification.arrays["logits/test"].compared == 24 * trace.timesteps * 3
    assert (trace.coding, trace.n_samples) == ("sequence", 8)
    assert list(trace.spikes) == [f"lstm1/{gate}" for gate in (*gates, "hidden")]
    assert trace.network.wavefront
    assert trace.network.readout.over == over
    assert np.array_equal(trace.logits["test"].labels, some_sequences(40, 1)[1])
    provenance = trace.provenance
    assert provenance.accuracy == tuple(trace.logits["test"].accuracy())
    assert len(provenance.float_accuracy) == trace.timesteps
    assert (provenance.dataset, provenance.licence, provenance.synthetic) == ("Bumps", "CC0-1.0", False)
    assert "--data d.npz" in provenance.command
    assert str(tmp_path) not in provenance.command
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["test"]["integer"] == list(provenance.accuracy)
    assert 0 < record["rates"]["lstm1/hidden"] < 1


def test_training_learns(tmp_path):
    x, y = some_sequences(1200, 0)
    save_npz(tmp_path / "d.npz", x_train=x, y_train=y)
    more = "--ann-epochs 8 --epochs 4 --held-out 100 --hidden 16"
    assert run_tool(tmp_path, *more.split(), "--report", str(tmp_path / "r.json")) == 0
    test = json.loads((tmp_path / "r.json").read_text())["test"]
    assert test["ordinary"] > 0.85
    assert test["spiking"][-1] > 0.85
    assert test["integer"][-1] > 0.85


def test_the_ordinary_network_is_trained_on_as_a_control(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    report = tmp_path / "r.json"
    run_tool(tmp_path, "--report", str(report))
    assert json.loads(report.read_text())["test"]["ordinary_further"] is None
    run_tool(tmp_path, "--report", str(report), "--control", "--rate", "0.05", "--epochs", "6")
    assert "further epoch 6/6" in capsys.readouterr().out
    test = json.loads(report.read_text())["test"]
    assert test["ordinary_further"] > test["ordinary"]


def test_a_second_run_takes_its_checkpoints_and_gives_the_same_file(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    first = (tmp_path / "t.npz").read_bytes()
    capsys.readouterr()
    assert run_tool(tmp_path) == 0
    said = capsys.readouterr().out
    assert "spiking: resumed after epoch 1/1" in said
    assert "epoch 2/2: loss" not in said
    assert (tmp_path / "t.npz").read_bytes() == first
    run_tool(tmp_path, "--timesteps", "1")
    said = capsys.readouterr().out
    assert "ann: resumed" in said
    assert "spiking epoch 1/1: loss" in said


def test_a_trace_that_does_not_verify_is_not_written(tmp_path, monkeypatch, capsys):
    save_npz(tmp_path / "d.npz")
    wrong = Verification("execution", 24, {"lstm1/input/spikes": Mismatch(336, 2, (0, 1, 0, 0, 3))})
    monkeypatch.setattr(stages, "verify", lambda trace: wrong)
    assert run_tool(tmp_path) == 2
    assert "lstm1/input/spikes: 2 of 336 differ, first (0, 1, 0, 0, 3)" in capsys.readouterr().err
    assert not (tmp_path / "t.npz").exists()


def test_features_have_the_training_splits_mean_and_deviation(tmp_path):
    x, y = some_sequences(120, 0)
    x = x * [1, 10, 100] + [0, 5, -7]
    x_val, y_val = some_sequences(9, 2)
    path = save_npz(tmp_path / "d.npz", x_train=x, y_train=y, x_val=x_val, y_val=y_val)
    data = load_sequences(path, 20, together=False, limit=0, seed=1)
    assert (len(data.training), len(data.held), len(data.test)) == (120, 9, 40)
    wanted = np.clip(np.rint(32 * (x - x.mean((0, 1))) / x.std((0, 1))), -127, 127)
    assert np.array_equal(data.training.x[..., 0], wanted)
    held = np.clip(np.rint(32 * (x_val - x.mean((0, 1))) / x.std((0, 1))), -127, 127)
    assert np.array_equal(data.held.x[..., 0], held)
    together = load_sequences(path, 20, together=True, limit=30, seed=1).training
    wanted = np.clip(np.rint(32 * (x - x.mean()) / x.std()), -127, 127)
    assert len(together) == 30
    assert np.array_equal(together.x[..., 0], wanted[together.ids])
    assert np.bincount(together.y).tolist() == [10, 10, 10]


def test_without_a_held_out_split_training_samples_are_kept(tmp_path):
    data = load_sequences(save_npz(tmp_path / "d.npz"), 20, together=False, limit=0, seed=1)
    assert (len(data.training), len(data.held)) == (100, 20)
    assert not set(data.training.ids) & set(data.held.ids)


def test_uci_har_is_read_as_published(tmp_path):
    rng, signals = np.random.default_rng(0), {}
    for split, n in (("train", 12), ("test", 5)):
        (tmp_path / split / "Inertial Signals").mkdir(parents=True)
        signals[split] = rng.normal(size=(n, 128, 9))
        for k, name in enumerate(INERTIAL):
            np.savetxt(tmp_path / split / "Inertial Signals" / f"{name}_{split}.txt", signals[split][..., k])
        np.savetxt(tmp_path / split / f"y_{split}.txt", 1 + np.arange(n) % 3, fmt="%d")
    data = load_sequences(tmp_path, 3, together=True, limit=0, seed=1)
    x = signals["train"]
    wanted = np.clip(np.rint(32 * (signals["test"] - x.mean()) / x.std()), -127, 127)
    assert np.array_equal(data.test.x[..., 0], wanted)
    assert data.test.y.tolist() == [0, 1, 2, 0, 1]
    (tmp_path / "test" / "Inertial Signals" / "body_gyro_y_test.txt").unlink()
    with pytest.raises(DataError, match=r"body_gyro_y_test\.txt"):
        load_sequences(tmp_path, 3, together=True, limit=0, seed=1)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--epochs", "0"], "--epochs: must be at least 1"),
        (["--spiking", "input,output"], "--spiking: must have 'cell'"),
        (["--spiking", "cell,output,peephole"], "got 'peephole'"),
        (["--limit", "-1"], "--limit -1: must be at least 0"),
        (["--held-out", "500"], "hold out 500 of 120"),
        (["--out", "no/such/t.npz"], "there is no folder"),
        (["--report", "r.txt"], "--report r.txt: wanted a name that ends in .json"),
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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x_test": None}, "found no x_test"),
        ({"x_test": np.zeros((40, 6))}, "x_test: wanted numbers"),
        ({"x_test": np.zeros((40, 6, 4))}, "x_test: wanted sequences"),
        ({"x_test": np.full((40, 6, 3), np.nan)}, "x_test: wanted finite numbers"),
        ({"y_test": np.full(40, 7)}, "label 7 does not occur"),
        ({"y_test": np.zeros(3, np.int64)}, "y_test: wanted 40 integer labels"),
        ({"x_val": np.zeros((4, 6, 3))}, "y_val: wanted labels of x_val"),
    ],
)
def test_data_that_cannot_be_used_is_named(tmp_path, capsys, changes, says):
    save_npz(tmp_path / "d.npz", **changes)
    assert run_tool(tmp_path) == 2
    assert says in capsys.readouterr().err
