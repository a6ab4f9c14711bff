"""`hwsim trace from-events`: recordings of every kind against a count in plain Python, and networks run on them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from contract.families import TRACES
from numba import config

import hwsim
from hwsim import make
from hwsim.cli import main
from hwsim.doors.events.inputs import Form, Recordings
from hwsim.doors.events.sources import Kind
from hwsim.doors.events.stored import read_inputs, write_inputs
from hwsim.errors import TraceError, UsageError
from hwsim.traces import Input, Linear, Network, Neuron, StoredWeights, read_trace, write_trace
from hwsim.traces.codings import verify

RNG = np.random.default_rng(0)


def run(*words):
    return CliRunner().invoke(main, ["trace", "from-events", *map(str, words)])


def ran(*words):
    done = run(*words)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def refused(*words):
    """The one line on stderr of a command that ends with 2."""
    done = run(*words)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def labels_file(folder, **labels):
    file = folder / "labels.csv"
    rows = [f"{name},{each}" for name, found in labels.items() for each in found]
    file.write_text("\n".join(["file,label", *rows]) + "\n")
    return file


def some_events(n, span=9000, size=6):
    return sorted(zip(RNG.integers(0, span, n).tolist(), *RNG.integers(0, size, (2, n)).tolist(), strict=True))


def loaded(path):
    with np.load(path) as arrays:
        return arrays["values"], arrays["labels"]


@pytest.mark.parametrize("polarities", [1, 2])
@pytest.mark.parametrize("bins", [("--bin-us", 2000), ("--bin-events", 11)])
def test_events_of_a_camera_are_counted(tmp_path, bins, polarities):
    recordings = [some_events(50) for _ in range(3)]
    signs = [RNG.integers(0, 2, 50) for _ in recordings]
    for number, (events, p) in enumerate(zip(recordings, signs, strict=True)):
        t, x, y = np.array(events).T
        table = np.zeros(50, [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "<i1")])
        table["t"], table["x"], table["y"], table["p"] = t, x, y, p * 2 - 1 if number else p
        if number < 2:
            np.save(tmp_path / f"{number}.npy", table)
        else:
            np.savez(tmp_path / "2.npz", events=table)
    files = [tmp_path / name for name in ("0.npy", "1.npy", "2.npz")]
    labels = labels_file(tmp_path, **{"0.npy": [4], "2.npz": [1], "1.npy": [7]})
    said = ran(
        *files, "--labels", labels, "--out", tmp_path / "o.npz", "--timesteps", 4, *bins, "--polarities", polarities
    )
    wanted, late = np.zeros((3, 4, 6, 6, polarities), int), 0
    for sample, (events, p) in enumerate(zip(recordings, signs, strict=True)):
        for number, ((t, x, y), sign) in enumerate(zip(events, p, strict=True)):
            step = t // 2000 if bins[0] == "--bin-us" else number // 11
            if step < 4:
                wanted[sample, step, y, x, sign if polarities == 2 else 0] += 1
            else:
                late += 1
    values, right = loaded(tmp_path / "o.npz")
    np.testing.assert_array_equal(values, wanted)
    assert right.tolist() == [4, 7, 1]
    assert late and f"; {late} events came after the last timestep and are left out" in said
    given = hwsim.from_events(
        files, labels, timesteps=4, polarities=polarities, **{bins[0][2:].replace("-", "_"): bins[1]}
    )
    np.testing.assert_array_equal(given.values, values)
    assert (given.labels.tolist(), given.late) == (right.tolist(), late)


def shd(path, n=4):
    """A file laid out as those of compneuro.net: ragged float16 seconds and uint16 units, and who spoke."""
    h5py = pytest.importorskip("h5py")
    sizes = [0, *RNG.integers(300, 900, n - 1)]  # spikes of each
    times = [np.sort(RNG.random(size) * 1.17).astype(np.float16) for size in sizes]  # the longest word takes 1.17 s
    units = [RNG.integers(0, 700, size).astype(np.uint16) for size in sizes]
    languages = [f"{language} {digit}".encode() for language in ("english", "german") for digit in range(10)]
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, np.float16), ("units", units, np.uint16)):
            kind = h5py.vlen_dtype(dtype)
            made = file.create_dataset(f"spikes/{name}", (n,), dtype=kind, chunks=(1,), maxshape=(None,))
            for place, row in enumerate(rows):
                made[place] = row
        file["labels"] = (np.arange(n) * 5 % 20).astype(np.uint16)
        file["extra/speaker"] = np.arange(n).astype(np.uint16) % 12
        file["extra/keys"] = np.array(languages)
        file["extra/meta_info/gender"] = np.array([b"male", b"female"] * 6)
        file["extra/meta_info/age"] = np.arange(21, 33)
        file["extra/meta_info/body_height"] = np.linspace(160, 190, 12)
    return times, units


def test_spoken_digits_of_shd_have_700_units_and_their_own_labels(tmp_path):
    times, units = shd(tmp_path / "shd.h5")
    ran(tmp_path / "shd.h5", "--out", tmp_path / "o.npz", "--timesteps", 8, "--bin-us", 100_000, "--samples", 3)
    wanted = np.zeros((3, 8, 1, 1, 700), int)
    for sample in range(3):
        for t, unit in zip(times[sample], units[sample], strict=True):
            if (step := round(float(t) * 1e6) // 100_000) < 8:  # in half precision 1e6 is beyond all numbers
                wanted[sample, step, 0, 0, unit] += 1
    values, right = loaded(tmp_path / "o.npz")
    np.testing.assert_array_equal(values, wanted)
    assert right.tolist() == [0, 5, 10]
    assert values[0].sum() == 0  # a recording without a spike
    assert values[1:].sum(axis=(1, 2, 3, 4)).min() > 100
    one_line = refused(tmp_path / "shd.h5", "--out", tmp_path / "o.npz", "--timesteps", 8, "--bin-us", 9, "--size", 600)
    assert "shd.h5: spikes: wanted units below 600, found" in one_line
    (tmp_path / "shd.h5.gz").write_bytes(b"")  # as it is downloaded
    assert "found .gz; unpack it first" in refused(
        tmp_path / "shd.h5.gz", "--out", tmp_path / "o.npz", "--timesteps", 8, "--bin-us", 9
    )


def test_a_spike_file_of_sana_fe_has_timesteps_from_one(tmp_path):
    lines = ["neuron,timestep", "in.3,1", "in.0,2", "hidden.9,2", "in.3,5", "in.4,2"]
    (tmp_path / "spikes.csv").write_text("\n".join(lines) + "\n")
    labels = labels_file(tmp_path, **{"spikes.csv": [2]})
    words = [tmp_path / "spikes.csv", "--labels", labels, "--out", tmp_path / "o.npz", "--timesteps", 4]
    assert "1 events came after" in ran(*words, "--group", "in")
    wanted = np.zeros((1, 4, 1, 1, 5), int)
    for step, unit in ((0, 3), (1, 0), (1, 4)):
        wanted[0, step, 0, 0, unit] = 1
    np.testing.assert_array_equal(loaded(tmp_path / "o.npz")[0], wanted)
    assert "spikes.csv: wanted a group of hidden, in, found None: choose one" in refused(*words)
    assert "wanted a group of hidden, in, found 'out'" in refused(*words, "--group", "out")
    (tmp_path / "spikes.csv").write_text("0.1,1\n0.2,0\n")
    assert "spikes.csv:2: wanted timesteps from 1, found 0" in refused(*words)
    ran(*words, "--first-timestep", 0)
    assert loaded(tmp_path / "o.npz")[0].sum() == 2
    (tmp_path / "spikes.csv").write_text("neuron,timestep\n0-1,1\n")
    assert "spikes.csv:2: wanted a line group.number,timestep, found '0-1,1'" in refused(*words)


def test_data_of_nir_are_taken_by_node(tmp_path):
    nir = pytest.importorskip("nir")
    spikes = RNG.random((3, 5, 18)) < 0.3
    gridded = nir.TimeGriddedData(spikes, 1e-3)
    nodes = {
        "input": nir.NIRNodeData({"spikes": gridded.to_event(90, 2e-4)}),
        "lif": nir.NIRNodeData({"spikes": gridded}),
    }
    nir.write_data(tmp_path / "data.h5", nir.NIRGraphData(nodes))
    labels = labels_file(tmp_path, **{"data.h5": [2, 0, 1]})
    words = [tmp_path / "data.h5", "--labels", labels, "--out", tmp_path / "o.npz"]
    ran(*words, "--group", "lif")
    np.testing.assert_array_equal(loaded(tmp_path / "o.npz")[0][:, :, 0, 0], spikes)
    ran(*words, "--group", "input", "--timesteps", 5, "--bin-us", 1000)
    np.testing.assert_array_equal(loaded(tmp_path / "o.npz")[0][:, :, 0, 0], spikes)
    ran(*words, "--group", "lif", "--timesteps", 4)
    assert loaded(tmp_path / "o.npz")[1].tolist() == [2, 0, 1]
    assert "wanted a group of input, lif, found None" in refused(*words)
    assert "recordings: wanted 6 timesteps or more, found 5" in refused(*words, "--group", "lif", "--timesteps", 6)
    given = hwsim.from_events(tmp_path / "data.h5", labels, group="lif", size=(3, 2, 3))
    maps = spikes.reshape(3, 5, 3, 3, 2)  # NIR's units count channels first
    np.testing.assert_array_equal(given.values, maps.transpose(0, 1, 3, 4, 2))


def test_counts_are_taken_as_they_are_or_cut(tmp_path):
    counts = RNG.integers(0, 9, (5, 3, 4, 2))
    vector = RNG.integers(0, 3, (5, 4)).astype(np.float32)
    np.save(tmp_path / "a.npy", counts)
    np.save(tmp_path / "b.npy", vector)
    labels = labels_file(tmp_path, **{"a.npy": [0], "b.npy": [1]})
    ran(tmp_path / "a.npy", "--labels", labels, "--out", tmp_path / "o.npz", "--timesteps", 4, "--clip", 5)
    np.testing.assert_array_equal(loaded(tmp_path / "o.npz")[0], counts[None, :4].clip(max=5))
    ran(tmp_path / "b.npy", "--labels", labels, "--out", tmp_path / "o.npz", "--raster")
    np.testing.assert_array_equal(loaded(tmp_path / "o.npz")[0][:, :, 0, 0], vector[None])
    ran(tmp_path / "o.npz", "--out", tmp_path / "again.npz")
    np.testing.assert_array_equal(loaded(tmp_path / "again.npz")[0], loaded(tmp_path / "o.npz")[0])
    np.save(tmp_path / "a.npy", counts * 100)
    assert "a.npy: events: wanted at most 255" in refused(
        tmp_path / "a.npy", "--labels", labels, "--out", tmp_path / "x.npz"
    )
    assert not (tmp_path / "x.npz").exists()
    np.save(tmp_path / "a.npy", counts / 2)
    assert "wanted whole numbers" in refused(tmp_path / "a.npy", "--labels", labels, "--out", tmp_path / "x.npz")


def network(bits=1):
    weights = StoredWeights(RNG.integers(-7, 8, (1, 1, 72, 5), np.int8), 4, np.full(5, 0.5, np.float32))
    hidden = Linear("fc", ("flat",), (1, 1, 5), weights, None, Neuron(200, 8, np.full(5, 6), "soft", 0, 16))
    last = StoredWeights(RNG.integers(-7, 8, (1, 1, 5, 3), np.int8), 4, np.full(3, 0.25, np.float32))
    from hwsim.traces import Flatten

    layers = (
        Input("input", (), (6, 6, 2), bits, over_time=True),
        Flatten("flat", ("input",), (1, 1, 72)),
        hidden,
        Linear("out", ("fc",), (1, 1, 3), last, None, None),
    )
    return Network(layers)


def recorded(folder, n, t=5):
    files = []
    for number in range(n):
        events = np.array(some_events(40, span=t * 1000))
        np.save(folder / f"r{number}.npy", np.column_stack([events, RNG.integers(0, 2, 40)]))
        files.append(folder / f"r{number}.npy")
    return files, labels_file(folder, **{file.name: [number % 3] for number, file in enumerate(files)})


def test_the_network_of_a_trace_runs_on_other_recordings(tmp_path):
    files, labels = recorded(tmp_path, 6)
    words = ["--labels", labels, "--timesteps", 5, "--bin-us", 1000, "--clip", 1]
    ran(*files, *words, "--out", tmp_path / "inputs.npz", "--size", "6x6")
    inputs = read_inputs(tmp_path / "inputs.npz")
    first = make.events(network(), inputs.values[:2], inputs.labels[:2], name="first")
    write_trace(tmp_path / "first.npz", first)
    said = ran(*files, *words, "--out", tmp_path / "t.npz", "--network", tmp_path / "first.npz", "--recorded", 4)
    trace = read_trace(tmp_path / "t.npz")
    assert verify(trace).ok
    assert (trace.coding, trace.n_samples, trace.timesteps, len(trace.inputs.labels)) == ("events", 4, 5, 6)
    np.testing.assert_array_equal(trace.inputs.values, inputs.values)
    np.testing.assert_array_equal(trace.spikes["fc"].words[:2], first.spikes["fc"].words)
    assert trace.logits["test"].labels.tolist() == [0, 1, 2, 0, 1, 2]
    right = (trace.logits["test"].values.sum(axis=1).argmax(axis=1) == inputs.labels).mean()
    assert f"right {100 * right:.2f} %" in said
    assert trace.provenance.name == "first, on other recordings"
    again = hwsim.run_on(read_trace(tmp_path / "first.npz"), inputs, recorded=4)
    np.testing.assert_array_equal(again.spikes["fc"].words, trace.spikes["fc"].words)
    for design in ("imc", "digital"):
        assert hwsim.simulate(design, trace, accuracy_samples=0).energy.value > 0


def test_what_a_network_cannot_take_is_refused(tmp_path):
    files, labels = recorded(tmp_path, 2)
    many = np.zeros((4, 4), int)
    np.save(files[0], many)  # one place four times
    inputs = hwsim.from_events(files, labels, timesteps=5, bin_us=1000, size=(6, 6))
    write_trace(tmp_path / "n.npz", make.events(network(3), inputs.values, inputs.labels))
    words = [*files, "--labels", labels, "--timesteps", 5, "--bin-us", 1000, "--out", tmp_path / "t.npz", "--network"]
    write_trace(tmp_path / "one.npz", make.events(network(), inputs.values.clip(max=1), inputs.labels))
    assert "inputs: wanted 1-bit integers, found 4" in refused(*words, tmp_path / "one.npz")
    ran(*words, tmp_path / "n.npz")
    assert "wanted a trace of coding events, found direct" in refused(*words, TRACES / "mnist_dietsnn.npz")
    assert "found ttfs" in refused(*words, TRACES / "mnist_ttfs.npz")
    assert "which would be overwritten" in refused(*files, "--labels", labels, "--timesteps", 2, "--out", files[1])


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
def test_the_shipped_network_on_events_is_what_its_readme_says():
    trace = read_trace(TRACES / "events_digits.npz")
    assert verify(trace).ok
    assert (trace.coding, trace.timesteps, trace.n_samples, len(trace.inputs.labels)) == ("events", 20, 32, 128)
    readme = (TRACES / "README.md").read_text()
    right = trace.logits["test"].accuracy()
    for said in (f"{100 * right[19]:.2f} % of 5,000 test recordings", f"{100 * right[9]:.2f} % after 10"):
        assert said in readme
    for layer in ("conv1", "conv2", "conv3"):
        assert f"{layer} {trace.spike_rate(layer):.4f}" in readme
    assert trace.provenance.command in readme and "simulated" in trace.provenance.dataset


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "timesteps: wanted how many"),
        (["--timesteps", "4"], "bins: wanted a duration or a number of events"),
        (["--timesteps", "4", "--bin-us", "9", "--bin-events", "9"], "bins: wanted a duration or a number"),
        (["--timesteps", "0", "--bin-us", "9"], "--timesteps: wanted 1 or more, found 0"),
        (["--timesteps", "4", "--bin-us", "9", "--size", "4"], "events: wanted 1 or 2 channels"),
        (["--timesteps", "4", "--bin-us", "9", "--size", "4x4"], "r0.npy: events: wanted places within 4 x 4"),
        (["--timesteps", "4", "--bin-us", "9", "--size", "4xx"], "wanted WIDTHxHEIGHT or a number of units"),
        (["--timesteps", "4", "--bin-us", "9", "--recorded", "1"], "--recorded: is of traces"),
        (["--timesteps", "4", "--bin-us", "9", "--memory", "9KB", "--size", "900x900"], "memory: binning events needs"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, words, message):
    files, labels = recorded(tmp_path, 2)
    assert message in refused(*files, "--labels", labels, "--out", tmp_path / "o.npz", *words)
    assert not (tmp_path / "o.npz").exists()


def test_inputs_that_are_taken_for_a_trace_are_named(tmp_path):
    np.savez(tmp_path / "in.npz", values=np.zeros((1, 2, 3, 3, 1), np.uint8), labels=np.zeros(1, int))
    with pytest.raises(TraceError, match=r"is no trace: .*: inputs, which hwsim trace from-nir and hwsim.capture take"):
        read_trace(tmp_path / "in.npz")


def test_labels_that_do_not_fit_are_refused(tmp_path):
    files, labels = recorded(tmp_path, 2)
    asked = {"timesteps": 5, "bin_us": 1000}
    with pytest.raises(UsageError, match=r"^labels: wanted a file with columns file and label"):
        hwsim.from_events(files, **asked)
    for text, message in (
        ("file,label\nr0.npy,0\n", r"labels\.csv: has no label of r1\.npy"),
        ("file,label\nr0.npy,0\nr1.npy,1\nr1.npy,1\n", r"labels\.csv: wanted 1 labels of r1\.npy, found 2"),
        ("file,label\nr0.npy,cat\n", r"labels\.csv: wanted columns file and label, labels as integers"),
        ("name\nr0.npy\n", r"labels\.csv: wanted columns file and label"),
        ("file,label\nr0.npy,-1\nr1.npy,0\n", r"labels\.csv: wanted labels from 0, found -1"),
    ):
        labels.write_text(text)
        with pytest.raises(TraceError, match=message):
            hwsim.from_events(files, labels, **asked)


def hostile(kind, folder):
    path = folder / ("x" + kind[1])
    match kind[0]:
        case "no zip":
            path.write_bytes(b"PK\x03\x04 nothing")
        case "huge":
            header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1099511627776, 4), }"
            path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        case "pickle":
            np.save(path, np.array([{}, {}], object), allow_pickle=True)
        case "no HDF5":
            path.write_bytes(b"nothing")
        case "polarity":
            np.save(path, np.full((3, 4), 2))
        case "lengths":
            np.savez(path, t=np.zeros(3, int), x=np.zeros(2, int), y=np.zeros(3, int), p=np.zeros(3, int))
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (("no zip", ".npz"), "x.npz: File is not a zip file"),
        (("huge", ".npy"), "x.npy: wanted 35184372088832 bytes of int64"),
        (("pickle", ".npy"), "x.npy: wanted numbers, found Python objects"),
        (("no HDF5", ".h5"), "x.h5: "),
        (("polarity", ".npy"), "x.npy, p: wanted polarities 0 and 1, or -1 and 1, found 2"),
        (("lengths", ".npz"), "x.npz: wanted t, x, y and p of one length, found 3, 2, 3, 3"),
        (("nothing", ".bin"), "x.bin: cannot be read: No such file"),
        (("nothing", ".aedat"), "x.aedat: wanted recordings as .bin, .npy, .npz, .csv"),
    ],
)
def test_files_that_are_none_end_in_one_line(tmp_path, kind, message):
    if kind[1] == ".h5":
        pytest.importorskip("h5py")
    path = hostile(kind, tmp_path)
    labels = labels_file(tmp_path, **{path.name: [0]})
    words = ["--labels", labels, "--timesteps", 4, "--bin-us", 10, "--out", tmp_path / "o.npz"]
    assert message in refused(path, *words)


def test_memory_does_not_grow_with_recordings(tmp_path):
    """Peak memory while files are read and written, at two numbers of recordings, against what all would take."""
    files, labels = recorded(tmp_path, 40)
    peaks = []
    for n in (5, 40):
        read = Recordings(files[:n], labels, Form(5, 1000, size=(64, 64)), Kind())
        tracemalloc.start()
        write_inputs(tmp_path / "o.npz", read, (n, 5, 64, 64, 2), read.labels)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert loaded(tmp_path / "o.npz")[0].sum() == 40 * 40
    assert peaks[1] < 1.2 * peaks[0]
    assert 2 * peaks[1] < 40 * 5 * 64 * 64 * 2
