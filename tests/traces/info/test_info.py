"""What `hwsim trace info` says, beside figures counted one bit at a time; and that its first screen is one."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc.cases import random_trace
from click.testing import CliRunner
from traces.plastic import cases as plastic
from traces.sequence.networks import MIXED, network_of, trace_of
from traces.ttfs import cases as ttfs

from hwsim.cli import main
from hwsim.errors import TraceError
from hwsim.traces import Linear, Neuron, StoredWeights, neuron_of, read_trace, weights_of, write_trace
from hwsim.traces import info as info_module
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.direct.events import as_events
from hwsim.traces.direct.trace import Trace
from hwsim.traces.info import look_into
from hwsim.traces.network.layers import Input, Network
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes
from hwsim.view.terminal.plain_text import PlainConsole
from hwsim.view.terminal.trace_summary import print_trace_summary

TRACES = Path(__file__).resolve().parents[3] / "traces"
SOUND = Path(__file__).resolve().parents[2] / "cases" / "sound"


def info_of(trace, tmp_path):
    """What `--json` prints of a trace."""
    write_trace(tmp_path / "t.npz", trace)
    done = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz"), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def bits(words, channels):
    """Packed spikes [..., word] as lists of 0 and 1, channel by channel."""
    flat = words.reshape(-1, words.shape[-1])
    rows = [[int(row[c // 64]) >> (c % 64) & 1 for c in range(channels)] for row in flat]
    return np.array(rows).reshape(*words.shape[:-1], channels)


def check_activity(found, spikes):
    """Of spikes or counts [sample, step, ...] as plain integers."""
    samples, steps = spikes.shape[:2]
    columns = spikes.reshape(samples * steps, -1).T.tolist()
    assert found["neurons"] == len(columns)
    assert found["dead"] == sum(not any(column) for column in columns)
    assert found["saturated"] == sum(all(column) for column in columns)
    assert found["rate"] == sum(map(sum, columns)) / (samples * steps * len(columns))
    assert found["steps"] == steps
    by_step = [spikes[:, t].sum() / (samples * len(columns)) for t in range(steps)]
    assert found["by_step"] == pytest.approx(by_step, rel=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_drawn_networks_bit_by_bit(seed, tmp_path):
    trace = run_drawn("mixed", timesteps=5, samples=3, seed=seed)
    found = info_of(trace, tmp_path)
    assert [layer["name"] for layer in found["layers"]] == [layer.name for layer in trace.network]
    for layer, said in zip(trace.network, found["layers"], strict=True):
        assert tuple(said["shape"]) == layer.shape
        if layer.name in trace.spikes:
            check_activity(said["activity"], bits(trace.spikes[layer.name].words, layer.shape[2]))
        elif layer is trace.network.input and trace.coding == "events":
            check_activity(said["activity"], trace.inputs.values.astype(int))
        else:
            assert said["activity"] is None
        weights = getattr(layer, "weights", None)
        n_weights = 0 if weights is None else len(weights_of(layer).ravel().tolist())
        assert (said["weights"], said["weight_bits"]) == (n_weights, weights.bits if weights is not None else 0)
        assert said["zero_weights"] == (
            weights_of(layer).ravel().tolist().count(0) if isinstance(weights, StoredWeights) else None
        )
        neuron, outputs = neuron_of(layer), math.prod(layer.shape)
        states = 0 if neuron is None else 1 + (neuron.synapse is not None)
        assert said["state_bytes"] == math.ceil(outputs * states * getattr(neuron, "membrane_bits", 0) / 8)
    assert found["file"]["bytes"] == (tmp_path / "t.npz").stat().st_size
    assert found["file"]["sha256"] == read_trace(tmp_path / "t.npz").sha256
    assert found["sets"][0]["accuracy"] == []  # synthetic


def test_parameters_in_bytes(tmp_path):
    """Three weights of 3 bits are 2 bytes; biases have 4, thresholds and leaks 8 for each channel."""
    rng = np.random.default_rng(0)
    neuron = Neuron(np.array([3], np.int64), 2, np.array([5], np.int64), "soft", 0, 13)
    first = Linear("a", ("input",), (1, 1, 1), ttfs.stored(rng, (1, 1, 3, 1), 3), np.zeros(1, np.int32), neuron)
    last = Linear(
        "b", ("a",), (1, 1, 2), StoredWeights(np.zeros((1, 1, 1, 2), np.int8), 8, np.ones(2, "f4")), None, None
    )
    found = info_of(random_trace(Network((Input("input", (), (1, 1, 3), 8), first, last)), 2, 2), tmp_path)
    by_name = {layer["name"]: layer for layer in found["layers"]}
    assert [by_name[name]["parameter_bytes"] for name in ("input", "a", "b")] == [0, 2 + 4 + 8 + 8, 2]
    assert (by_name["b"]["zero_weights"], by_name["a"]["state_bytes"]) == (2, 2)
    assert found["network"] == {"parameter_bytes": 24, "state_bytes": 2}


def flat(value, n_in, n_out, width):
    """Weights that are all the same."""
    return StoredWeights(np.full((1, 1, n_in, n_out), value, np.int8), width, np.ones(n_out, "f4"))


def planted(timesteps=4, samples=2, name="input", first="a"):
    """Of five neurons one never fires, one always does, one is silent once, two fire once."""
    spikes = np.zeros((samples, timesteps, 1, 5), np.uint64)
    spikes[..., 1] = 1
    spikes[..., 2] = 1
    spikes[0, 1, 0, 2] = 0
    spikes[-1, 0, 0, 3] = spikes[0, -1, 0, 4] = 1
    words = (spikes << np.arange(5, dtype=np.uint64)).sum(-1, dtype=np.uint64)[..., None]
    neuron = Neuron(1, 0, np.full(5, 9, np.int64), "soft", 0, 12)
    layers = (
        Input(name, (), (1, 1, 2), 1, over_time=True),
        Linear(first, (name,), (1, 1, 5), flat(1, 2, 5, 4), None, neuron),
        Linear("out", (first,), (1, 1, 2), flat(1, 5, 2, 8), None, None),
    )
    labels, ids = np.zeros(samples, np.int64), np.arange(samples)
    values = np.zeros((samples, timesteps, 1, 1, 2), np.uint8)
    values[:, ::2, ..., 0] = 1
    logits = np.zeros((samples, timesteps, 2), np.int32)
    logits[:, 0] = [[1, 0]] * (samples - 1) + [[0, 1]]
    origin = Provenance("planted", "none", "test", "none", "none", "", 0, False, ())
    recorded = {"recorded": Logits(logits, 1.0, labels, ids, "test")}
    packed = {first: PackedSpikes(words, (1, 1, 5))}
    return as_events(Trace(Network(layers), timesteps, packed, Inputs(values, labels, ids), recorded, origin))


def test_dead_and_saturated_neurons_and_accuracy_with_its_error(tmp_path):
    found = info_of(planted(), tmp_path)
    layer = found["layers"][1]["activity"]
    assert (layer["dead"], layer["saturated"]) == (1, 1)
    assert layer["rate"] == (8 + 7 + 1 + 1) / (2 * 4 * 5)
    assert layer["by_step"] == pytest.approx([5 / 10, 3 / 10, 4 / 10, 5 / 10])
    assert (found["layers"][0]["activity"]["dead"], found["layers"][0]["activity"]["by_step"]) == (1, [0.5, 0, 0.5, 0])
    (judged,) = found["sets"]
    assert judged["accuracy"] == [0.5] * 4
    assert judged["standard_error"] == pytest.approx(math.sqrt(0.25 / 2 + 1 / 16) / 1.5)  # Wilson's, n = 2


def test_a_hundred_thousand_timesteps_are_binned(tmp_path):
    found = info_of(planted(100_000, 1), tmp_path)
    activity = found["layers"][1]["activity"]
    assert (activity["steps"], len(activity["by_step"])) == (100_000, 100)
    assert sum(activity["by_step"]) / 100 == pytest.approx(activity["rate"])
    assert activity["by_step"][1] == pytest.approx(2 / 5)


def test_bins_of_steps_that_do_not_divide(tmp_path):
    """Bin i of 100 begins at step i T // 100."""
    trace = planted(250, 2)
    spikes = bits(trace.spikes["a"].words, 5)
    by_step = spikes.sum((0, 2, 3)) / 10
    begins = [i * 250 // 100 for i in range(101)]
    wanted = [by_step[a:b].sum() / (b - a) for a, b in pairwise(begins)]
    assert info_of(trace, tmp_path)["layers"][1]["activity"]["by_step"] == pytest.approx(wanted)


def test_rate_coded_inputs_fire_as_the_page_says(tmp_path):
    trace = ttfs.rated()
    x, m = trace.inputs.values.astype(int), 255
    spikes = np.stack(
        [(2 * (t + 1) * x + m) // (2 * m) > (2 * t * x + m) // (2 * m) for t in range(trace.timesteps)], axis=1
    )
    found = info_of(trace, tmp_path)
    check_activity(found["layers"][0]["activity"], spikes.astype(int))
    check_activity(found["layers"][1]["activity"], bits(trace.spikes["conv"].words, 6))


def test_first_spikes(tmp_path):
    trace = ttfs.random_times(ttfs.recorded(ttfs.perceptron(), 6), rate=0.5)
    trace.times["fc1"][:, 0, 0, 2] = -1
    trace.times["fc1"][:, 0, 0, 3] = 0
    found = info_of(trace, tmp_path)
    layer = next(layer for layer in found["layers"] if layer["name"] == "fc1")
    times = trace.times["fc1"].reshape(6, -1).T.tolist()
    fired = [t for neuron in times for t in neuron if t >= 0]
    activity = layer["activity"]
    assert activity["rate"] == len(fired) / (6 * 9)
    assert activity["by_step"] == pytest.approx([fired.count(t) / 54 for t in range(8)])
    assert activity["dead"] == sum(set(neuron) == {-1} for neuron in times)
    assert activity["saturated"] == sum(set(neuron) == {0} for neuron in times)
    assert layer["state_bytes"] == math.ceil(9 * (20 + 26) / 8)
    right = (trace.decisions["recorded"].classes == trace.decisions["recorded"].labels).mean()
    assert found["sets"][0]["accuracy"] == [right]
    assert found["steps"] == "tick"


@pytest.mark.parametrize("activations", [None, MIXED])
def test_sequences(activations, tmp_path):
    network = network_of((5, 70)) if activations is None else network_of((5, 70), activations=activations)
    trace = trace_of(network)
    found = {layer["name"]: layer for layer in info_of(trace, tmp_path)["layers"]}
    for layer, name in network.recorded():
        words = trace.spikes[f"{layer.name}/{name}"].words[:, :, :, 0]
        spikes = bits(words, layer.n_hidden).reshape(len(words), -1, layer.n_hidden)
        check_activity(found[f"{layer.name}/{name}"]["activity"], spikes)
    values = np.concatenate(
        [network.layers[1].input_weights.ravel(), network.layers[1].hidden_weights.ravel()]
    ).tolist()
    assert (found["lstm2"]["weights"], found["lstm2"]["zero_weights"]) == (len(values), values.count(0))
    assert found["lstm2"]["parameter_bytes"] == len(values) // 2 + 5 * 70 * (4 + 8)
    assert found["readout"]["weights"] == 70 * 3


def test_learning_networks(tmp_path):
    trace = plastic.plastic_trace(plastic.formats())
    values = trace.parts["train"].values
    values[:, 4] = 0
    trace = plastic.unlearned(trace.network, {**trace.parts, "train": plastic.part_of(trace.network, "train", values)})
    found = info_of(trace, tmp_path)
    pixels, neurons = (layer["activity"] for layer in found["layers"])
    assert pixels["dead"] == sum(not any(column) for column in values.T.tolist()) > 0
    assert neurons["rate"] == pytest.approx(trace.responses.mean() / (40 * 7))
    assert (neurons["dead"], neurons["by_step"], found["layers"][1]["weight_bits"]) == (None, [], 8)
    assert found["sets"][1] == {"name": "test", "samples": 3, "split": "test", "accuracy": [], "standard_error": None}


FILES = [*sorted(TRACES.glob("*.npz")), *sorted(SOUND.glob("*.npz"))]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_first_screen_fits(file, width):
    check_screen(look_into(file), width)


def check_screen(info, width):
    text = StringIO()
    print_trace_summary(info, PlainConsole(width=width, file=text))
    lines = text.getvalue().splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= width
    n = info.trace.n_samples
    assert f"{n:,} {'sample' if n == 1 else 'samples'} with spikes" in lines[0]
    return lines


def test_a_first_screen_of_long_names_many_steps_and_many_layers(tmp_path):
    write_trace(tmp_path / "t.npz", planted(5000, 1, "i" * 64, "a" * 60 + "last"))
    lines = check_screen(look_into(tmp_path / "t.npz"), 80)
    (line,) = (line for line in lines if line.startswith("aaaa"))
    assert "a..a" in line and "last " in line and " 0.4000 " in line and "████" in line
    full = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz"), "--full"]).stdout
    assert "i" * 64 in full and "a" * 60 + "last" in full
    write_trace(tmp_path / "deep.npz", chain(80))
    lines = check_screen(look_into(tmp_path / "deep.npz"), 80)
    left_out = 81 - sum(line.startswith("layer-") for line in lines)
    assert len(lines) == 45
    assert any(f"{left_out} more layers: --full" in line for line in lines)
    done = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "deep.npz"), "--full"])
    assert done.exit_code == 0
    assert all(f"layer-{i} " in done.stdout for i in range(80))
    assert "layer-7/spikes" in done.stdout


def chain(depth):
    """So many layers, each with neurons but the last."""
    neuron = Neuron(1, 0, np.full(2, 9, np.int64), "soft", 0, 12)
    layers = [Input("input", (), (1, 1, 2), 8)]
    for i in range(depth):
        last = i == depth - 1
        layers.append(
            Linear(f"layer-{i}", (layers[-1].name,), (1, 1, 2), flat(1, 2, 2, 8), None, None if last else neuron)
        )
    return random_trace(Network(tuple(layers)), 2, 2)


def test_one_form_at_a_time_and_bad_files_in_one_line(tmp_path):
    file = str(tmp_path / "t.npz")
    write_trace(file, planted())
    refused = CliRunner().invoke(main, ["trace", "info", file, "--full", "--json"])
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    Path(file).write_bytes(b"no trace")
    for form in ("--json", "--full"):
        refused = CliRunner().invoke(main, ["trace", "info", file, form])
        assert (refused.exit_code, len(refused.stderr.splitlines()), refused.stdout) == (2, 1, "")


@pytest.mark.parametrize("content", [b"", b"another file", None])
def test_a_file_that_changes_while_it_is_looked_into(content, tmp_path, monkeypatch):
    file = tmp_path / "t.npz"
    write_trace(file, planted())

    def read_and_lose(path):
        trace = read_trace(path)
        path.unlink() if content is None else path.write_bytes(content)
        return trace

    monkeypatch.setattr(info_module, "read_trace", read_and_lose)
    with pytest.raises(TraceError, match=r"t.npz: the file changed since it was read; read it again$"):
        look_into(file)


def test_json_has_the_manifest_and_every_array(tmp_path):
    trace = replace(planted(), provenance=replace(planted().provenance, notes='€ " \\ ü'))
    found = info_of(trace, tmp_path)
    with np.load(tmp_path / "t.npz") as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    manifest = json.loads(stored["manifest"].tobytes())
    manifest.pop("sha256")
    assert found["manifest"] == manifest
    assert found["arrays"].keys() == stored.keys()
    assert all(found["arrays"][name] == array.nbytes + 128 for name, array in stored.items())
