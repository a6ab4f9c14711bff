"""The format's page is enough to write a trace without hwsim: `plain_exporter` does, and hwsim verifies it."""

from __future__ import annotations

import ast
import zipfile
from pathlib import Path

import pytest
from traces.file import plain_codings, plain_exporter
from traces.file.plain_codings import FirstSpikes, Sequences
from traces.file.plain_exporter import Exporter

from hwsim.traces import read_trace
from hwsim.traces.codings import verify

STORED = "stored"


def neuron(leak=13, leak_bits=4, reset="soft", v_reset=0, fraction_bits=2, membrane_bits=14, **more):
    return {
        "leak": leak,
        "leak_bits": leak_bits,
        "reset": reset,
        "v_reset": v_reset,
        "fraction_bits": fraction_bits,
        "membrane_bits": membrane_bits,
        **more,
    }


def layer(name, kind, inputs, shape, bits=None, **more):
    weights = {} if bits is None else {"weights": {"kind": STORED, "bits": bits}, "bias": False, "neuron": None}
    return {"name": name, "kind": kind, "inputs": inputs, "shape": shape, **weights, **more}


def window(kernel, stride=1, padding=0, groups=1):
    return {"kernel": kernel, "stride": stride, "padding": padding, "groups": groups}


SLOW = {"leak": "per_channel", "leak_bits": 3, "delayed": True}
LATE = {"delayed_reset": True, "reset": "hard", "v_reset": -2}
VERSION_3 = [
    layer("input", "input", [], [6, 5, 3], bits=None) | {"bits": 2},
    layer("conv1", "conv2d", ["input"], [3, 5, 6], 3, **window([3, 2], [2, 1], [1, 0, 1, 0], 3))
    | {"bias": True, "neuron": neuron("per_channel", **LATE, reset_after_sum=True, synapse=SLOW, feedback=True)},
    layer("up", "upsample", ["conv1"], [6, 5, 6], factor=[2, 1]),
    layer("max", "pool", ["up"], [3, 3, 6], pool="max", kernel=[2, 3], stride=2, padding=[0, 0, 1, 1]),
    layer("sum", "pool", ["conv1"], [1, 1, 6], pool="avg", kernel=5, stride=1, padding=[1, 1, 0, 0]),
    layer("conv2", "conv2d", ["max"], [3, 3, 5], 9, **window(2, 1, [1, 1, 0, 1]), dilation=[2, 1])
    | {"neuron": neuron(delayed_reset=True, fires_at_threshold=True)},
    layer("wide", "conv2d", ["conv2"], [5, 5, 2], 4, **window(3, 1, 1), spread=2) | {"neuron": neuron()},
    layer("flat", "flatten", ["wide"], [1, 1, 50]),
    layer("cat", "concat", ["flat", "sum"], [1, 1, 56]),
    layer("in", "linear", ["cat"], [1, 1, 71], 5) | {"bias": True},
    layer("back", "linear", ["hidden"], [1, 1, 71], 1, delayed=True),
    layer("hidden", "add", ["in", "back"], [1, 1, 71], gains=[2, -1], bias=True, neuron=neuron(16, reset="none")),
    layer("twice", "add", ["hidden", "hidden"], [1, 1, 71], gains=[1, 2], neuron=None),
    layer("out", "linear", ["twice"], [1, 1, 9], 3)
    | {"neuron": neuron(reset="hard", v_reset=1, synapse={"leak": 5, "leak_bits": 3})},
    layer("classes", "readout", ["out"], [1, 1, 3], votes=3, of="spikes"),
]
WINDOWS = [
    layer("input", "input", [], [6, 5, 2], bits=None) | {"bits": 3},
    layer("tall", "conv2d", ["input"], [4, 4, 4], 4, **window([3, 2], [2, 1], [2, 2, 0, 1], 2))
    | {"dilation": [1, 2], "neuron": neuron()},
    layer("max", "pool", ["tall"], [3, 2, 4], pool="max", kernel=[2, 3], stride=[2, 3], padding=[1, 1, 1, 1]),
    layer("up", "conv2d", ["max"], [6, 4, 3], 6, **window([3, 2], 1, [1, 2, 1, 0]))
    | {"spread": [2, 3], "neuron": neuron(reset="hard")},
    layer("sum", "pool", ["up"], [2, 4, 3], pool="avg", kernel=[4, 1], stride=[3, 1], padding=[1, 2, 0, 0]),
    layer("line", "conv2d", ["sum"], [1, 4, 6], 5, **window([2, 1])) | {"neuron": neuron(16)},
    layer("flat", "flatten", ["line"], [1, 1, 24]),
    layer("out", "linear", ["flat"], [1, 1, 3], 4),
]
VERSION_4 = [
    layer("input", "input", [], [4, 4, 2], bits=None) | {"bits": 2},
    layer("conv1", "conv2d", ["input"], [4, 4, 66], 4, **window(3, 1, 1)) | {"neuron": neuron(signed=True)},
    layer("max", "pool", ["conv1"], [3, 3, 66], pool="max", kernel=2, stride=2, padding=1),
    layer("conv2", "conv2d", ["max"], [3, 3, 5], 3, **window(1))
    | {"neuron": neuron(**LATE, signed=True, feedback=True)},
    layer("conv3", "conv2d", ["conv2"], [3, 3, 5], 4, **window(3, 1, 1))
    | {"neuron": neuron(signed=True, fires_at_threshold=True, delayed_reset=True, synapse=SLOW)},
    layer("sum", "pool", ["conv3"], [1, 1, 5], pool="avg", kernel=3, stride=3),
    layer("out", "linear", ["sum"], [1, 1, 6], 5) | {"bias": True, "neuron": neuron(signed=True, reset="hard")},
    layer("classes", "readout", ["out"], [1, 1, 3], votes=2, of="spikes"),
]
VERSION_2 = [
    layer("input", "input", [], [4, 4, 1], bits=None) | {"bits": 8},
    layer("conv", "conv2d", ["input"], [2, 2, 3], 2, **window(3))
    | {"neuron": neuron("per_channel", reset="hard", delayed_reset=True)},
    layer("flat", "flatten", ["conv"], [1, 1, 12]),
    layer("out", "linear", ["flat"], [1, 1, 4], 6) | {"bias": True, "neuron": neuron(fires_at_threshold=True)},
    layer("classes", "readout", ["out"], [1, 1, 4], votes=1, of="membrane"),
]
VERSION_1 = [
    layer("input", "input", [], [3, 3, 2], bits=None) | {"bits": 4},
    layer("conv", "conv2d", ["input"], [2, 2, 70], 7, **window(2)) | {"neuron": neuron(reset="hard", v_reset=-3)},
    layer("pool", "pool", ["conv"], [1, 1, 70], pool="avg", kernel=2, stride=2),
    layer("out", "linear", ["pool"], [1, 1, 3], 4) | {"bias": True},
]
MEANS = [*VERSION_2[:-1], VERSION_2[-1] | {"of": "mean_membrane"}]
CASES = {
    "means, events": (MEANS, "events", 5, 4),
    "version 4, events": (VERSION_4, "events", 6, 4),
    "version 4, direct": (VERSION_4, "direct", 5, 4),
    "version 3, events": (VERSION_3, "events", 6, 3),
    "version 3, direct": (VERSION_3, "direct", 5, 3),
    "windows, events": (WINDOWS, "events", 5, 3),
    "windows, direct": (WINDOWS, "direct", 5, 3),
    "version 2, events": (VERSION_2, "events", 6, 2),
    "version 2, direct": (VERSION_2, "direct", 4, 2),
    "version 2, rate": (VERSION_2, "rate", 4, 2),
    "version 1, direct": (VERSION_1, "direct", 4, 1),
    "version 1, rate": (VERSION_1, "rate", 8, 1),
}


@pytest.mark.parametrize("exporter", [plain_exporter, plain_codings])
def test_the_exporters_know_neither_hwsim_nor_numpy(exporter):
    tree = ast.parse(Path(exporter.__file__).read_text())
    plain = [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
    names = {*plain, *(node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))}
    known = {"hashlib", "itertools", "json", "math", "random", "struct", "zipfile", "traces.file.plain_exporter"}
    assert names <= known


@pytest.mark.parametrize("case", CASES)
def test_what_it_writes_verifies(case, tmp_path):
    layers, coding, timesteps, version = CASES[case]
    fired = {entry["name"]: [] for entry in layers if entry.get("neuron")}
    for seed in range(3):
        file = tmp_path / f"{seed}.npz"
        method = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[seed % 2]
        runs = Exporter(seed, layers, coding, timesteps, version).export(file, method=method)
        found = verify(read_trace(file))
        assert found.ok, {name: each for name, each in found.arrays.items() if each.differing}
        both = {f"{entry['name']}/negative" for entry in layers if (entry.get("neuron") or {}).get("signed")}
        assert found.arrays.keys() == {f"{name}/spikes" for name in fired} | both | {"logits/recorded", "logits/test"}
        for name, bits in fired.items():
            bits += [bit for spikes, _ in runs for step in spikes[name] for bit in step]
    assert all(0 < sum(map(abs, bits)) < len(bits) for bits in fired.values()), "a layer that says nothing"
    signed = [entry["name"] for entry in layers if (entry.get("neuron") or {}).get("signed")]
    assert all({*fired[name]} == {-1, 0, 1} for name in signed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("psp", ["windowed", "lasting"])
@pytest.mark.parametrize("overlap", [0, 3])
def test_first_spikes_that_it_writes_verify(psp, overlap, seed, tmp_path):
    runs = FirstSpikes(seed, 8, psp, overlap).export(tmp_path / "plain.npz")
    found = verify(read_trace(tmp_path / "plain.npz"))
    assert found.ok, {name: each for name, each in found.arrays.items() if each.differing}
    times = [when for layers, _ in runs for layer in layers.values() for when in layer]
    assert len({*times}) > 3 and -1 in times


SPIKES = ("spike", "spike", "signed_spike", "spike", "signed_spike")
LEVELS = ("spike", "multi_bit", "signed_multi_bit", "spike", "spike")


@pytest.mark.parametrize("activations", [SPIKES, LEVELS])
@pytest.mark.parametrize(
    ("over", "carry", "per_step"), [("last", False, True), ("all", True, True), ("all", False, False)]
)
def test_sequences_that_it_writes_verify(activations, over, carry, per_step, tmp_path):
    runs = Sequences(5, (5, 66), activations, over, carry, per_step).export(tmp_path / "plain.npz")
    found = verify(read_trace(tmp_path / "plain.npz"))
    assert found.ok, {name: each for name, each in found.arrays.items() if each.differing}
    hidden = [v for spikes, _ in runs for values in spikes["lstm1", "hidden"].values() for v in values]
    assert 0 < sum(map(abs, hidden)) < len(hidden)
