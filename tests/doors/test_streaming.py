"""Batches one at a time, spikes to disk: the same file as from memory, and no more memory for more samples."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from numba import config

import hwsim
from hwsim.errors import TraceError, UsageError
from hwsim.traces import write_trace
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")
from spikingjelly.activation_based import layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")


@pytest.fixture(autouse=True)
def quiet():
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def model():
    return nn.Sequential(
        layer.Conv2d(1, 70, 3, padding=1),
        neuron.IFNode(v_threshold=0.4),
        layer.Flatten(),
        layer.Linear(70 * 144, 5),
    ).eval()


def batches(n, size=16):
    """Batches of random maps that are gone once they are used."""
    for start in range(0, n, size):
        generator, stop = torch.Generator().manual_seed(start), min(start + size, n)
        yield torch.rand(stop - start, 1, 12, 12, generator=generator), torch.arange(start, stop) % 5


def test_the_file_is_that_of_a_trace_in_memory(tmp_path):
    net, data = model(), list(batches(96))
    options = {"timesteps": 3, "allow_drift": 10.0, "name": "streamed", "recorded": 70}
    streamed = hwsim.capture(net, iter(data), out=tmp_path / "streamed.npz", **options)
    whole = hwsim.capture(net, torch.cat([x for x, _ in data]), labels=torch.cat([y for _, y in data]), **options)
    write_trace(tmp_path / "whole.npz", whole)
    assert (tmp_path / "streamed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert (streamed.n_samples, len(streamed.inputs.labels)) == (70, 96)
    assert verify(streamed).ok
    assert hwsim.simulate("digital", streamed, accuracy_samples=0).energy.value > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["streamed.npz", "whole.npz"]


def peak(path, n):
    """The most that was allocated while so many samples were captured, of what Python and NumPy allocate."""
    net = model()
    tracemalloc.start()
    hwsim.capture(net, batches(n), out=path, timesteps=3, allow_drift=10.0)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_samples(tmp_path):
    peak(tmp_path / "warm.npz", 8)  # kernels and libraries
    few, many = peak(tmp_path / "a.npz", 128), peak(tmp_path / "b.npz", 1024)
    grown = (tmp_path / "b.npz").stat().st_size - (tmp_path / "a.npz").stat().st_size
    assert grown > 6_000_000  # 896 samples of 3 x 144 places in two words, which memory would have held
    assert many - few < 0.1 * grown
    assert many < 1.1 * few


PROCESS = """
import sys, warnings
warnings.simplefilter("ignore")
from doors.test_streaming import batches, model
import hwsim
hwsim.capture(model(), batches(int(sys.argv[1])), out=sys.argv[2], timesteps=3, allow_drift=10.0)
fields = dict(line.split(":") for line in open("/proc/self/status"))
print(fields["RssAnon"].split()[0], fields["VmHWM"].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_does_not_grow(tmp_path, request):
    """Anonymous memory of a process of its own, with what PyTorch allocates, which varies by several MB."""
    found, sizes = [], []
    for n in (128, 2048):
        words = [sys.executable, "-c", PROCESS, str(n), str(tmp_path / f"{n}.npz")]
        paths = ":".join([str(request.config.rootpath), str(request.config.rootpath / "tests")])
        done = subprocess.run(words, capture_output=True, text=True, check=True, env={"PYTHONPATH": paths, "PATH": ""})
        found.append(int(done.stdout.split()[0]))
        sizes.append((tmp_path / f"{n}.npz").stat().st_size / 1e3)
    assert found[1] - found[0] < 12_000 < sizes[1] - sizes[0]  # kB


def test_what_goes_wrong_leaves_nothing(tmp_path):
    net = model()
    for given, error, message in (
        (
            [(torch.rand(2, 1, 12, 12), [0, 1]), (torch.rand(2, 1, 9, 9), [0, 1])],
            UsageError,
            "inputs: wanted batches of",
        ),
        ([(torch.rand(2, 1, 12, 12), [0, 1, 2])], UsageError, "labels: wanted 2 in a batch"),
        ([(torch.rand(2, 1, 12, 12), [0, 1]), (torch.rand(2, 1, 12, 12).double(), [0, 1])], UsageError, "of one type"),
        ([(torch.rand(2, 1, 12, 12) * 3, [0, 1])], TraceError, "inputs: wanted them from 0 to 1"),
        ([(torch.full((2, 1, 12, 12), torch.nan), [0, 1])], TraceError, "inputs: wanted finite numbers"),
        ([], UsageError, "inputs: wanted one batch or more"),
    ):
        with pytest.raises(error, match=message):
            hwsim.capture(net, iter(given), out=tmp_path / "t.npz", timesteps=2, allow_drift=10.0)
    with pytest.raises(UsageError, match="labels: wanted none beside batches"):
        hwsim.capture(net, batches(4), labels=[0], timesteps=2)
    with pytest.raises(UsageError, match="cannot be written"):
        hwsim.capture(net, batches(4), out=tmp_path / "nowhere" / "t.npz", timesteps=2)
    with pytest.raises(TraceError, match=r"^drift: "):
        hwsim.capture(net, batches(8), out=tmp_path / "t.npz", timesteps=3, weight_bits=2)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_count_of_all_batches_decides_the_bits_of_events():
    first, second = np.zeros((2, 3, 1, 12, 12), np.float32), np.full((2, 3, 1, 12, 12), 5, np.float32)
    first[:, :, :, ::2] = 1
    trace = hwsim.capture(model(), [(first, [0, 1]), (second, [2, 3])], over_time=True, allow_drift=10.0)
    assert trace.network.input.bits == 3
