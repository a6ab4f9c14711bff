"""NIR networks become the integer networks that they are, or are refused by the name of a node."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from click.testing import CliRunner

import hwsim
from hwsim.cli import main
from hwsim.doors.nir_file import Discrete, read_nir
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace
from hwsim.traces.codings import verify
from hwsim.traces.network.layers import neuron_of

nir = pytest.importorskip("nir")
RNG = np.random.default_rng(0)


def neurons(shape, kind="IF", **changes):
    fields = {"r": np.ones(shape), "v_threshold": np.ones(shape), "v_reset": np.zeros(shape)} | changes
    if kind == "LIF":
        fields = {"tau": np.full(shape, 4e-3), "v_leak": np.zeros(shape)} | fields
    return getattr(nir, kind)(**fields)


def convolutional(kind="IF", **changes):
    """2 x 8 x 8 in: convolution, sum pool, dense, all followed by neurons."""
    conv = nir.Conv2d((8, 8), RNG.normal(0, 0.3, (4, 2, 3, 3)), 1, 1, 1, 1, np.zeros(4))
    dense = nir.Affine(RNG.normal(0, 0.3, (3, 64)), RNG.normal(0, 0.1, 3))
    nodes = {
        "input": nir.Input({"input": np.array([2, 8, 8])}),
        "conv": conv,
        "n1": neurons((4, 8, 8), kind, **changes),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([4, 4, 4])}, 0, -1),
        "dense": dense,
        "n2": neurons((3,), kind),
        "output": nir.Output({"output": np.array([3])}),
    }
    return nodes, list(zip(list(nodes), list(nodes)[1:], strict=False))


def written(tmp_path, nodes, edges):
    path = tmp_path / "net.nir"
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False))
    return path


@pytest.fixture
def raster(tmp_path):
    file = tmp_path / "inputs.npz"
    values = (RNG.random((6, 5, 8, 8, 2)) < 0.3).astype(np.uint8)
    np.savez(file, values=values, labels=RNG.integers(0, 3, 6))
    return file


@pytest.mark.parametrize(
    ("kind", "reset", "fires"), [("IF", "hard", "at"), ("IF", "soft", "above"), ("LIF", "hard", "above")]
)
def test_a_file_and_a_raster_become_a_trace_that_both_machines_play(tmp_path, raster, kind, reset, fires):
    path, out = written(tmp_path, *convolutional(kind)), tmp_path / "t.npz"
    command = [
        "trace",
        "from-nir",
        path,
        raster,
        "--out",
        out,
        "--reset",
        reset,
        "--fires",
        fires,
        "--allow-drift",
        "1",
    ]
    done = CliRunner().invoke(main, [str(word) for word in command])
    assert done.exit_code == 0, done.stderr
    assert "of the spikes differ from the float network's" in done.stdout
    trace = read_trace(out)
    assert verify(trace).ok
    assert (trace.coding, trace.timesteps, trace.n_samples) == ("events", 5, 6)
    assert trace.provenance.framework == "NIR, net.nir"
    neuron = neuron_of(trace.network["conv"])
    assert (neuron.reset, neuron.fires_at_threshold, neuron.leaks) == (reset, fires == "at", kind == "LIF")
    for design in ("imc", "digital"):
        assert hwsim.simulate(design, trace, accuracy_samples=0).energy.value > 0


def test_a_leak_is_one_step_of_euler(tmp_path):
    """tau = 4 ms, dt = 1 ms: three quarters stay, a quarter of r x comes in."""
    made = read_nir(written(tmp_path, *convolutional("LIF", r=np.full((4, 8, 8), 2.0))), Discrete(1e-3), 1)
    assert made["n1"].leak == pytest.approx([0.75] * 4)
    assert made["n1"].gain == pytest.approx(0.5)
    with pytest.raises(TraceError, match=r"node 'n1' \(LIF\): wanted a timestep of at most tau = 0\.004 s, found 1 s"):
        read_nir(written(tmp_path, *convolutional("LIF")), Discrete(1.0), 1)


def test_a_skip_is_kept(tmp_path):
    nodes, edges = convolutional()
    again = nir.Conv2d((8, 8), RNG.normal(0, 0.3, (4, 4, 3, 3)), 1, 1, 1, 1, np.zeros(4))
    nodes |= {"conv2": again, "n3": neurons((4, 8, 8))}
    edges = [e for e in edges if e != ("n1", "pool")]
    edges += [("n1", "conv2"), ("conv2", "n3"), ("n1", "n3"), ("n3", "pool")]
    made = read_nir(written(tmp_path, nodes, edges), Discrete(1e-3), 1)
    assert set(made["n3.sum"].inputs) == {"conv2", "n1"} and made["n3"].inputs == ("n3.sum",)


def test_recordings_of_events_with_labels_from_a_file(tmp_path):
    path, files = written(tmp_path, *convolutional()), []
    for number in range(3):
        events = np.stack([np.sort(RNG.integers(0, 5000, 40)), *RNG.integers(0, 8, (2, 40)), RNG.integers(0, 2, 40)])
        files.append(tmp_path / f"{number}.npy")
        np.save(files[-1], events.T)
    labels = tmp_path / "labels.csv"
    with labels.open("w") as file:
        csv.writer(file).writerows([("file", "label"), *((each.name, n) for n, each in enumerate(files))])
    trace = hwsim.from_nir(path, files, labels, timesteps=5, recorded=2, allow_drift=1.0)
    assert (trace.n_samples, trace.inputs.values.shape) == (2, (3, 5, 8, 8, 2))
    assert trace.logits["test"].labels.tolist() == [0, 1, 2]
    with pytest.raises(UsageError, match=r"^labels: wanted a file"):
        hwsim.from_nir(path, files, timesteps=5)
    with pytest.raises(UsageError, match=r"^timesteps: wanted how many"):
        hwsim.from_nir(path, files, labels)
    labels.write_text("file,label\n0.npy,0\n")
    with pytest.raises(TraceError, match=r"labels\.csv: has no label of 1\.npy"):
        hwsim.from_nir(path, files, labels, timesteps=5)


def broken(change):
    nodes, edges = convolutional()
    return change(nodes, edges)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n, e: (n, [*e, ("n1", "conv")]), "node 'n1' (IF), 'conv' (Conv2d): recurrent"),
        (lambda n, e: (n, [each for each in e if each != ("n1", "pool")]), "leads nowhere"),
        (lambda n, e: (n | {"lost": neurons((3,))}, [*e, ("lost", "output")]), "node 'lost' (IF): nothing leads to it"),
        (
            lambda n, e: (n | {"n2": nir.CubaLIF(*(np.ones(3) for _ in range(7)))}, e),
            "node 'n2' (CubaLIF): is no kind of node that a trace can say",
        ),
        (
            lambda n, e: (n | {"n2": neurons((3,), v_reset=np.arange(3.0))}, e),
            "node 'n2': wanted one v_reset for all neurons, found 3 values",
        ),
        (
            lambda n, e: (n | {"output": nir.Output({"output": np.array([1, 1, 3])})}, e),
            "node 'output' (Output): wanted the shape [3] of 'n2', found [1, 1, 3]",
        ),
        (lambda n, e: (n | {"n2": neurons((4,))}, e), "node 'n2': wanted v_threshold of 3 channels, found 4"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_node(tmp_path, change, message):
    with pytest.raises(TraceError) as raised:
        read_nir(written(tmp_path, *broken(change)), Discrete(1e-3), 1)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / "x.nir").write_bytes(b"no HDF5")
    with pytest.raises(TraceError, match=r"x\.nir: [^\n]+$"):
        read_nir(tmp_path / "x.nir", Discrete(1e-3), 1)
