"""The training tool as a command: stages, checkpoints, a trace that verifies, and mistakes."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from tools.dietsnn_cases import run_tool, save_npz, some_images
from training.common.loop import Trainer
from training.dietsnn.stages import check_twice

from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace
from hwsim.traces.trace import PackedSpikes


def run_both_stages(folder, *more):
    return run_tool(folder, "--qat-epochs", "1", *more)


def test_the_tool_trains_and_its_trace_verifies(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    assert run_both_stages(tmp_path) == 0
    said = capsys.readouterr().out
    assert "float epoch 2/2" in said
    assert "qat epoch 1/1" in said
    trace = read_trace(tmp_path / "t.npz")
    verification = verify(trace)
    assert verification.ok
    assert (verification.samples, verification.arrays["fc1/spikes"].compared) == (24, 8 * 3 * 9)
    assert verification.arrays["logits/test"].compared == 24 * 3 * 4
    assert (trace.timesteps, trace.n_samples) == (3, 8)
    assert {name: logits.values.shape for name, logits in trace.logits.items()} == {
        "recorded": (8, 3, 4),
        "test": (40, 3, 4),
        "calibration": (20, 3, 4),
    }
    x_test, y_test = some_images(40, 1)
    assert np.array_equal(trace.inputs.values[..., 0], x_test[trace.inputs.sample_ids])
    assert np.array_equal(trace.inputs.labels, y_test[trace.inputs.sample_ids])
    held = trace.logits["calibration"]
    assert held.split == "train"
    assert np.array_equal(held.labels, held.sample_ids % 4)
    provenance = trace.provenance
    assert provenance.accuracy == pytest.approx(trace.logits["test"].accuracy())
    assert len(provenance.float_accuracy) == 3
    assert (provenance.dataset, provenance.licence, provenance.synthetic) == ("Squares", "CC0-1.0", False)
    assert "--data d.npz" in provenance.command
    assert str(tmp_path) not in provenance.command


def test_a_trace_that_its_network_does_not_give_is_not_written(tmp_path):
    save_npz(tmp_path / "d.npz")
    run_both_stages(tmp_path)
    trace = read_trace(tmp_path / "t.npz")
    check_twice(trace)
    words = trace.spikes["conv2"].words.copy()
    words[3, 1, 0, 0] ^= np.uint64(1)
    spikes = {**trace.spikes, "conv2": PackedSpikes(words, trace.spikes["conv2"].shape)}
    with pytest.raises(TraceError, match=r"conv2/spikes: 1 of .* differ, the first at \(3, 1, 0, 0, 0\)"):
        check_twice(dataclasses.replace(trace, spikes=spikes))


def test_training_learns_in_both_stages(tmp_path):
    x, y = some_images(1500, 0)
    save_npz(tmp_path / "d.npz", x_train=x, y_train=y)
    assert (
        run_both_stages(
            tmp_path, "--epochs", "6", "--qat-epochs", "2", "--shift", "0", "--held-out", "100", "--channels", "8,8,24"
        )
        == 0
    )
    provenance = read_trace(tmp_path / "t.npz").provenance
    assert min(provenance.float_accuracy) > 0.8
    assert min(provenance.accuracy) > 0.8


def test_a_second_run_takes_its_checkpoints_and_gives_the_same_file(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_both_stages(tmp_path)
    first = (tmp_path / "t.npz").read_bytes()
    capsys.readouterr()
    assert run_both_stages(tmp_path) == 0
    said = capsys.readouterr().out
    assert "qat: resumed after epoch 1/1" in said
    assert "epoch 2/2: loss" not in said
    assert (tmp_path / "t.npz").read_bytes() == first


def test_an_interrupted_run_continues_to_the_same_file(tmp_path, monkeypatch):
    save_npz(tmp_path / "d.npz")
    run_both_stages(tmp_path)
    uninterrupted = (tmp_path / "t.npz").read_bytes()
    for path in (tmp_path / "c").rglob("*.pt"):
        path.unlink()

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_line", interrupt)  # after the first epoch's checkpoint
        with pytest.raises(KeyboardInterrupt):
            run_both_stages(tmp_path)
    assert run_both_stages(tmp_path) == 0
    assert (tmp_path / "t.npz").read_bytes() == uninterrupted


def test_a_broken_checkpoint_is_named(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_both_stages(tmp_path)
    for path in (tmp_path / "c").rglob("*.pt"):
        path.write_bytes(b"no")
    assert run_both_stages(tmp_path) == 2
    error = capsys.readouterr().err
    assert ".pt: not a checkpoint of this run" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--epochs", "0"], "--epochs 0: something has to be trained"),
        (["--epochs", "many"], "--epochs"),
        (["--channels", "16"], "--channels: wanted convolutions"),
        (["--bits", "9"], "--bits"),
        (["--dropout", "1"], "--dropout: must be from 0 to below 1"),
        (["--held-out", "500"], "hold out 500 of 120"),
        (["--out", "no/such/t.npz"], "there is no folder"),
        (["--out", "t.txt"], "ends in .npz"),
        (["--licence", ""], "give it with --licence"),
        (["--recorded", "99"], "at most --inputs"),
        (["--data", "missing.npz"], "missing.npz"),
        (["--cache", "d.npz"], "--cache d.npz: cannot be made"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, monkeypatch, more, says):
    monkeypatch.chdir(tmp_path)
    save_npz(tmp_path / "d.npz")
    assert run_both_stages(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "t.npz").exists()
