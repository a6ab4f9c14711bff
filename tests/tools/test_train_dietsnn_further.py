"""Training that goes on from the network of a trace: as it was, further in integers, and mistakes."""

import numpy as np
import pytest

pytest.importorskip("torch")

from tools.dietsnn_cases import run_tool, save_npz, some_images, some_start
from training.common.progress import percent
from training.dietsnn.export import network_of
from training.dietsnn.start import network_of_trace, read_start

from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    return some_start(tmp_path_factory.mktemp("start"))


def test_the_network_of_a_trace_is_exported_as_it_was(started):
    trace = read_start(started)
    again = network_of(network_of_trace(trace))
    for one, other in zip(trace.network, again, strict=True):
        for field in ("weights", "neuron", "bias"):
            a, b = getattr(one, field, None), getattr(other, field, None)
            if field == "weights" and a is not None:
                assert np.array_equal(a.values, b.values)
                assert np.allclose(a.scale, b.scale, rtol=1e-5)
            elif field == "neuron" and a is not None:
                assert np.array_equal(a.v_threshold, b.v_threshold) and a.leak == b.leak
            elif a is not None:
                assert np.array_equal(a, b)


def test_the_tool_goes_on_in_integers(started, capsys):
    more = f"--start {started} --qat-epochs 2 --shift 0 --held-out 100"
    capsys.readouterr()
    assert run_tool(started.parent, *more.split()) == 0
    said = capsys.readouterr().out
    before, after = read_trace(started), read_trace(started.parent / "t.npz")
    held_out = percent(before.logits["calibration"].accuracy().tolist())
    assert f"exact integers before: held-out accuracy at T = 1.. {held_out} %" in said
    assert "further epoch 2/2" in said and "float" not in said
    assert verify(after).ok
    assert after.provenance.float_accuracy == before.provenance.float_accuracy
    assert f"trained on from {before.provenance.name} for 2 epochs in integers" in after.provenance.notes
    assert [layer.shape for layer in after.network] == [layer.shape for layer in before.network]
    assert after.network["conv1"].weights.scale.tolist() != before.network["conv1"].weights.scale.tolist()
    assert np.array_equal(after.logits["calibration"].sample_ids, before.logits["calibration"].sample_ids)
    assert min(after.provenance.accuracy) > 0.5


def test_a_second_run_takes_its_checkpoint(started, capsys):
    more = f"--start {started} --qat-epochs 1 --shift 1 --held-out 100"
    assert run_tool(started.parent, *more.split()) == 0
    first = (started.parent / "t.npz").read_bytes()
    capsys.readouterr()
    assert run_tool(started.parent, *more.split()) == 0
    assert "further: resumed after epoch 1/1" in capsys.readouterr().out
    assert (started.parent / "t.npz").read_bytes() == first


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("--epochs 3", "--epochs: with --start the trace says it"),
        ("--plain-epochs 0", "--plain-epochs: with --start"),
        ("--timesteps 4", "--timesteps: with --start"),
        ("--channels 8,8,24", "--channels: with --start"),
        ("--bits 4", "--bits: with --start"),
        ("--learn fixed", "--start: not with --learn"),
        ("--held-out 99", "other training images were held out then, 100 by seed 1"),
        ("--held-out 100 --seed 2", "other training images were held out then"),
        ("--held-out 100 --data OTHER", "its network is not one for the images"),
        ("--start traces/mnist_ttfs.npz", "direct-coded"),
        ("--start missing.npz", "missing.npz"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(started, tmp_path, capsys, more, says):
    x, y = some_images(300, 0, shape=(5, 7))
    x_test, y_test = some_images(40, 1, shape=(5, 7))
    save_npz(tmp_path / "o.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    given = more.replace("OTHER", str(tmp_path / "o.npz")).split()
    assert run_tool(started.parent, "--start", str(started), *given) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
