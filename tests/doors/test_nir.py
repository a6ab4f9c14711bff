"""NIR networks become the integer networks that they are, or are refused by the name of a node."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from click.testing import CliRunner

import hwsim
from hwsim.cli import main
from hwsim.doors.float_run import run_floats
from hwsim.doors.nir_file import Discrete, read_nir
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
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
    assert "the float network's" in done.stdout
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
    with pytest.raises(TraceError, match=r"nowhere\.nir: cannot be read: No such file"):
        read_nir(tmp_path / "nowhere.nir", Discrete(1e-3), 1)


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


DT = 1e-3


def current_based(n, tau_mem=2e-3, tau_syn=2e-3, r=2.0, w_in=4.0, v_threshold=3.0):
    """Half of membrane and current stay at each timestep of 1 ms."""
    values = (np.full(n, value) for value in (tau_syn, tau_mem, r, 0.0, v_threshold, 0.0))
    return nir.CubaLIF(*values, w_in=np.full(n, w_in))


def on_lattice(n_in, n_out):
    """Multiples of 1/8 of which each output has the largest."""
    weight = RNG.integers(-24, 25, (n_out, n_in)).astype(float)
    weight[:, 0] = 127
    return weight / 64


def recurrent(again=None):
    """Six inputs, five neurons with a synaptic current whose spikes come back by weights or one to one, three more."""
    nodes = {
        "input": nir.Input({"input": np.array([6])}),
        "fc1": nir.Affine(on_lattice(6, 5), RNG.integers(-9, 10, 5) / 64),
        "n1": current_based(5),
        "fc2": nir.Linear(on_lattice(5, 3)),
        "n2": current_based(3, v_threshold=1.0),
        "output": nir.Output({"output": np.array([3])}),
    }
    edges = list(zip(list(nodes), list(nodes)[1:], strict=False))
    if again is None:
        return nodes, [*edges, ("n1", "n1")]
    return nodes | {"again": again}, [*edges, ("n1", "again"), ("again", "n1")]


def stepped(nodes, sample):
    """Spikes of n1 and n2 of a sample [timestep, input]: Euler's steps, one after another, in plain NumPy."""
    i1, v1, z1, i2, v2 = np.zeros(5), np.zeros(5), np.zeros(5), np.zeros(3), np.zeros(3)
    n1, n2, again = nodes["n1"], nodes["n2"], nodes.get("again")
    spikes = []
    for x in sample:
        back = z1 if again is None else again.weight @ z1 + getattr(again, "bias", 0.0)
        i1 = i1 + DT / n1.tau_syn * (n1.w_in * (nodes["fc1"].weight @ x + nodes["fc1"].bias + back) - i1)
        v1 = v1 + DT / n1.tau_mem * (n1.r * i1 - v1)
        z1 = (v1 > n1.v_threshold).astype(float)
        v1 = np.where(z1, 0.0, v1)
        i2 = i2 + DT / n2.tau_syn * (n2.w_in * (nodes["fc2"].weight @ z1) - i2)
        v2 = v2 + DT / n2.tau_mem * (n2.r * i2 - v2)
        z2 = (v2 > n2.v_threshold).astype(float)
        v2 = np.where(z2, 0.0, v2)
        spikes.append((z1, z2))
    return [np.stack(each) for each in zip(*spikes, strict=True)]


@pytest.mark.parametrize("kind", ["Affine", "Linear", "itself"])
def test_recurrence_and_synaptic_currents_are_exact_on_the_lattice(tmp_path, kind):
    weight = RNG.integers(-127, 128, (5, 5)) / 64
    again = {"Affine": nir.Affine(weight, RNG.integers(-9, 10, 5) / 64), "Linear": nir.Linear(weight)}.get(kind)
    nodes, edges = recurrent(again)
    values = (RNG.random((40, 4, 6)) < 0.5).astype(np.uint8)
    np.savez(tmp_path / "inputs.npz", values=values[:, :, None, None], labels=RNG.integers(0, 3, 40))
    path = written(tmp_path, nodes, edges)
    trace = hwsim.from_nir(path, tmp_path / "inputs.npz", dt=DT, allow_drift=0.0)
    first, second = trace.network.spiking()
    assert neuron_of(first).synapse.leak * 2 == 1 << neuron_of(first).synapse.leak_bits
    assert bool(trace.network.read_late) == (kind != "itself")
    for n, sample in enumerate(values):
        for layer, wanted in zip((first, second), stepped(nodes, sample), strict=True):
            words = trace.spikes[layer.name].words[n, :, 0, 0]
            found = [[int(word) >> c & 1 for c in range(layer.shape[2])] for word in words]
            assert found == wanted.astype(int).tolist()
    assert all(packed.words.any() for packed in trace.spikes.values())
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert verify(again).ok
    for design, settings in (("imc", {}), ("digital", {"loop_order": "timestep_outer"})):
        assert hwsim.simulate(design, again, set=settings, accuracy_samples=0).energy.value > 0


def test_a_graph_within_a_graph_is_the_same_network(tmp_path):
    nodes, edges = recurrent(nir.Linear(on_lattice(5, 5)))
    inner = {"input": nir.Input({"input": np.array([5])}), "output": nir.Output({"output": np.array([5])})}
    inner |= {"n": nodes["n1"], "w": nodes["again"]}
    loop = nir.NIRGraph(inner, [("input", "n"), ("n", "w"), ("w", "n"), ("n", "output")], type_check=False)
    outer = {name: node for name, node in nodes.items() if name not in ("n1", "again")} | {"cell": loop}
    around = [("input", "fc1"), ("fc1", "cell"), ("cell", "fc2"), ("fc2", "n2"), ("n2", "output")]
    plain, nested = (read_nir(written(tmp_path, *each), Discrete(DT), 1) for each in ((nodes, edges), (outer, around)))
    values = (RNG.random((6, 8, 1, 1, 6)) < 0.5).astype(np.uint8)
    found, wanted = (run_floats(each, values, 8).spikes for each in (nested, plain))
    np.testing.assert_array_equal(found["cell.n"], wanted["n1"])
    np.testing.assert_array_equal(found["n2"], wanted["n2"])


@pytest.mark.parametrize("kind", ["LI", "CubaLI"])
def test_a_leaky_integrator_is_read_out_by_its_membranes(tmp_path, kind):
    """The largest membrane at the end decides, as in plain NumPy."""
    nodes, edges = recurrent()
    li = {"tau_mem": 2e-3, "r": 2.0, "v_leak": 0.0}
    if kind == "LI":
        nodes["n2"] = nir.LI(np.full(3, 2e-3), np.full(3, 2.0), np.zeros(3))
    else:
        nodes["n2"] = nir.CubaLI(np.full(3, 2e-3), *(np.full(3, value) for value in li.values()), w_in=np.full(3, 2.0))
    values = (RNG.random((30, 4, 6)) < 0.5).astype(np.uint8)
    np.savez(tmp_path / "inputs.npz", values=values[:, :, None, None], labels=RNG.integers(0, 3, 30))
    trace = hwsim.from_nir(written(tmp_path, nodes, edges), tmp_path / "inputs.npz", dt=DT, allow_drift=0.0)
    assert (trace.network.output.of, trace.spikes["fc2"].words.any()) == ("membrane", False)
    words = trace.spikes[trace.network.spiking()[0].name].words[:, :, 0, 0]
    for n in range(30):
        v = i = np.zeros(3)
        for word in words[n]:
            arrives = nodes["fc2"].weight @ [int(word) >> c & 1 for c in range(5)]
            i = i + 0.5 * (2.0 * arrives - i)
            v = v + 0.5 * (2.0 * (arrives if kind == "LI" else i) - v)
        logits = trace.logits["test"]
        np.testing.assert_allclose(logits.values[n].sum(axis=0) * np.float64(logits.scale), v, rtol=1e-12)


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
            "node 'n2': wanted v_leak 0 beside a synaptic current, found another",
        ),
        (
            lambda n, e: (n | {"n2": nir.Threshold(np.ones(3))}, e),
            "node 'n2' (Threshold): is no kind of node that a trace can say",
        ),
        (
            lambda n, e: (n | {"n1": nir.LI(*(np.full((4, 8, 8), x) for x in (2e-3, 1.0, 0.0)))}, e),
            "node 'n1': never fires, so only the output may follow",
        ),
        (
            lambda n, e: (n | {"back": nir.Linear(np.ones((256, 256)))}, [*e, ("n1", "back"), ("back", "n1")]),
            "node 'back': recurrent from the map 'n1' to a vector",
        ),
        (lambda n, e: (n, [*e, ("n2", "n1")]), "node 'n2' (IF), 'n1' (IF): recurrent other than by weights"),
        (
            lambda n, e: (n | {"n2": nir.CubaLIF(*(np.full(3, x) for x in (1e-4, 2e-3, 1.0, 0.0, 1.0)))}, e),
            "node 'n2' (CubaLIF): wanted a timestep of at most tau_syn = 0.0001 s, found 0.001 s",
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
        (
            lambda n, e: (n | {"pool": nir.SumPool2d(*(np.array(x) for x in ([2, 2], [2, 2, 2], [0, 0])))}, e),
            "node 'pool': wanted stride as one number or two, found 3",
        ),
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


def gives(graph, name, values):
    """What a node of weights or a pool gives for the input [sample, y, x, channel]."""
    from hwsim.doors.float_run import give

    return give(graph[name], [values.astype(np.float64)])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [(1, 0, 1), (2, 3, 2), (1, "same", 1), (1, "same", 3), (3, "valid", 2)]
)
def test_a_convolution_of_lines_is_that_of_torch(tmp_path, stride, padding, dilation):
    torch = pytest.importorskip("torch")
    weight, bias = RNG.normal(0, 0.3, (6, 2, 4)), RNG.normal(0, 1, 6)
    x = (RNG.random((3, 4, 17)) < 0.4).astype(np.float64)
    wanted = torch.nn.functional.conv1d(
        *(torch.from_numpy(each) for each in (x, weight, bias)), stride, padding, dilation, groups=2
    ).numpy()
    nodes = {
        "input": nir.Input({"input": np.array([4, 17])}),
        "conv": nir.Conv1d(17, weight, stride, padding, dilation, 2, bias),
        "n": neurons(wanted.shape[1:]),
        "output": nir.Output({"output": np.array(wanted.shape[1:])}),
    }
    graph = read_nir(written(tmp_path, nodes, list(zip(list(nodes), list(nodes)[1:], strict=False))), Discrete(1e-3), 1)
    found = gives(graph, "conv", x.transpose(0, 2, 1)[:, :, None])
    np.testing.assert_allclose(found[:, :, 0].transpose(0, 2, 1), wanted, atol=1e-12)


def test_windows_that_are_not_square_are_those_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    weight, x = RNG.normal(0, 0.3, (3, 2, 3, 2)), (RNG.random((3, 2, 9, 8)) < 0.4).astype(np.float64)
    conv = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(weight), None, (2, 1), (1, 0), (1, 2))
    pooled = torch.nn.functional.avg_pool2d(conv, (3, 2), (1, 2), (1, 0))
    nodes = {
        "input": nir.Input({"input": np.array([2, 9, 8])}),
        "conv": nir.Conv2d((9, 8), weight, (2, 1), (1, 0), (1, 2), 1, np.zeros(3)),
        "n": neurons(conv.shape[1:]),
        "pool": nir.AvgPool2d(np.array([3, 2]), np.array([1, 2]), np.array([1, 0])),
        "flat": nir.Flatten({"input": np.array(pooled.shape[1:])}, 0, -1),
        "dense": nir.Linear(RNG.normal(0, 0.3, (3, pooled[0].numel()))),
        "n2": neurons((3,)),
        "output": nir.Output({"output": np.array([3])}),
    }
    graph = read_nir(written(tmp_path, nodes, list(zip(list(nodes), list(nodes)[1:], strict=False))), Discrete(1e-3), 1)
    found = gives(graph, "conv", x.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), conv.numpy(), atol=1e-12)
    np.testing.assert_allclose(gives(graph, "pool", found).transpose(0, 3, 1, 2), pooled.numpy(), atol=1e-12)
