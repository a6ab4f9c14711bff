"""The tool that writes traces of learning networks: files that verify, formats, and mistakes in one line."""

import make_stdp_trace
import numpy as np
import pytest

from hwsim.traces import read_trace
from hwsim.traces.codings import verify


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(2)
    arrays = {}
    for split, n in (("train", 40), ("test", 20)):
        labels = np.arange(n) % 4
        images = random.integers(0, 60, (n, 6, 5))
        images[np.arange(n), labels] += 190
        arrays |= {f"x_{split}": images.astype(np.uint8), f"y_{split}": labels.astype(np.uint8)}
    np.savez(tmp_path / "d.npz", **arrays)
    return arrays


def run_tool(folder, *more):
    arguments = f"--data {folder}/d.npz --out {folder}/t.npz --dataset Rows --licence CC0-1.0 --train 12 --test 8"
    return make_stdp_trace.main([*arguments.split(), "--neurons", "6", "--present", "60", *more])


@pytest.mark.parametrize("more", [(), ("--weights", "Q1.5", "--rounding", "stochastic", "--rule", "windowed")])
def test_the_trace_verifies_and_holds_the_samples(data, tmp_path, capsys, more):
    assert run_tool(tmp_path, *more, "--peak-hz", "900") == 0
    assert "12 + 8 samples" in capsys.readouterr().out
    trace = read_trace(tmp_path / "t.npz")
    assert verify(trace).ok
    for name, part in trace.parts.items():
        assert np.array_equal(part.values, data[f"x_{name}"].reshape(-1, 30)[part.sample_ids])
        assert np.array_equal(part.labels, data[f"y_{name}"][part.sample_ids])
        assert np.bincount(part.labels).tolist() == [len(part.labels) // 4] * 4
    assert (trace.network.formats is None) == (not more)
    assert trace.responses.sum() > 0


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--weights", "8bit"), "weights: wanted fp32 or a format such as Q1.7, got 8bit"),
        (("--weights", "Q9.9"), "bits of formats.weights"),
        (("--train", "41"), "--train 41: must be at most 40"),
        (("--rest", "-1"), "coding.rest_steps"),
        (("--peak-hz", "1001"), "coding.peak_millihertz"),
        (("--out", "t.txt"), "wanted a name that ends in .npz"),
        (("--out", "{folder}/d.npz"), "d.npz, which would be overwritten"),
        (("--licence", ""), "its licence is not known here"),
    ],
)
def test_mistakes_are_one_line(data, tmp_path, capsys, more, named):
    before = (tmp_path / "d.npz").read_bytes()
    assert run_tool(tmp_path, *(word.format(folder=tmp_path) for word in more)) == 2
    assert (tmp_path / "d.npz").read_bytes() == before
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (tmp_path / "t.npz").exists()
