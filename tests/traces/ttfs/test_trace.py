"""Trace files of first spikes and of rates: there and back, verified, cut, and refused where they break a rule."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from traces.ttfs import cases

from hwsim.errors import TraceError, UsageError
from hwsim.traces.codings import verify
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.rate import encoder, input_counts, input_spikes
from hwsim.traces.info import look_into
from hwsim.traces.io import read_trace, write_trace
from hwsim.traces.slicing import first
from hwsim.view.terminal.trace_table import print_trace

TRACES = {
    "perceptron": lambda: cases.recorded(cases.perceptron(bits=4), 5, recorded_samples=2),
    "convolutions": lambda: cases.recorded(cases.convolutions(start=3), 2),
    "rate": cases.rated,
}


@pytest.fixture(params=TRACES)
def trace(request):
    return TRACES[request.param]()


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return all(
            same(getattr(one, name), getattr(other, name))
            for name, field in one.__dataclass_fields__.items()
            if name != "sha256" and field.compare
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("compress", [False, True])
def test_there_and_back(trace, tmp_path, compress):
    write_trace(tmp_path / "t.npz", trace, compress)
    again = read_trace(tmp_path / "t.npz")
    assert same(again, trace)
    assert verify(again).ok
    assert len(again.sha256) == 64


def test_verification_finds_a_changed_time():
    trace = TRACES["perceptron"]()
    times = trace.times["fc1"].copy()
    times[1, 0, 0, 4] = 3 if times[1, 0, 0, 4] != 3 else -1
    result = verify(replace(trace, times=dict(trace.times) | {"fc1": times}))
    assert not result.ok
    assert result.arrays["fc1/times"].first == (1, 0, 0, 4)
    assert result.arrays["fc1/times"].differing == 1


def test_verification_finds_a_changed_decision():
    trace = TRACES["perceptron"]()
    wrong = replace(trace.decisions["test"], classes=(trace.decisions["test"].classes + 1) % 4)
    result = verify(replace(trace, decisions=dict(trace.decisions) | {"test": wrong}))
    assert result.arrays["decisions/test"].differing == 5
    assert not result.arrays["decisions/recorded"].differing


def test_verification_finds_a_changed_rate_spike():
    trace = cases.rated()
    words = trace.spikes["hidden"].words.copy()
    words[1, 2, 0, 0] ^= np.uint64(8)
    changed = dict(trace.spikes) | {"hidden": replace(trace.spikes["hidden"], words=words)}
    assert verify(replace(trace, spikes=changed)).arrays["hidden/spikes"].first == (1, 2, 0, 0, 3)


def test_a_shorter_trace_keeps_the_first_samples():
    trace = cases.recorded(cases.perceptron(), 6, recorded_samples=4)
    short = first(trace, samples=2)
    assert short.n_samples == 2
    np.testing.assert_array_equal(short.times["fc2"], trace.times["fc2"][:2])
    assert short.decisions["recorded"].labels.size == 2
    assert short.decisions["test"].labels.size == 6
    assert verify(short).ok
    assert first(trace, timesteps=1) is trace
    with pytest.raises(UsageError, match=r"^timesteps: a first-spike trace is one timestep of windows, got 2"):
        first(trace, timesteps=2)


def test_a_shorter_rate_trace_is_still_one():
    short = first(cases.rated(), samples=1, timesteps=3)
    assert (short.n_samples, short.timesteps) == (1, 3)
    assert verify(short).ok


@pytest.mark.parametrize("value", [0, 1, 40, 127, 128, 254, 255])
@pytest.mark.parametrize("timesteps", [1, 5, 32])
def test_rates_are_even_and_round_to_the_value(value, timesteps):
    raster = [int(input_spikes(np.array([value], np.uint8), 8, t)[0]) for t in range(timesteps)]
    assert sum(raster) == int(timesteps * value / 255 + 0.5)
    gaps = np.diff(np.flatnonzero(raster))
    assert not gaps.size or gaps.max() - gaps.min() <= 1
    trace = cases.rated(samples=1, timesteps=timesteps)
    trace.inputs.values[0, 0, 0, 0] = value
    assert input_counts(trace)[0, 0, 0, 0] == sum(raster)


def test_a_rate_coded_input_is_spikes_where_the_direct_one_is_levels():
    trace = cases.rated()
    direct = execute(trace.network, trace.inputs.values, trace.timesteps)
    coded = execute(trace.network, trace.inputs.values, trace.timesteps, encode=encoder(trace.network))
    assert (direct.logits != coded.logits).any()


@pytest.mark.parametrize("kind", TRACES)
def test_the_table_shows_what_there_is(kind, tmp_path):
    console = Console(width=140, record=True, file=io.StringIO())
    write_trace(tmp_path / "t.npz", TRACES[kind]())
    print_trace(look_into(tmp_path / "t.npz"), console)
    shown = console.export_text()
    assert ("rate coding" if kind == "rate" else "ttfs coding") in shown
    if kind == "perceptron":
        assert "T_w = 8" in shown
        assert "fire" in shown


def rewritten(tmp_path, change, arrays=None):
    """A sound file with its manifest changed by a function and some arrays replaced, digests mended."""
    write_trace(tmp_path / "t.npz", cases.recorded(cases.perceptron(), 3))
    with zipfile.ZipFile(tmp_path / "t.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(np.load(io.BytesIO(members["manifest.npy"])).tobytes())
    change(manifest)
    for name, array in (arrays or {}).items():
        members[f"{name}.npy"] = as_npy(array)
    members["manifest.npy"] = as_npy(np.frombuffer(json.dumps(manifest).encode(), np.uint8))
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return tmp_path / "bad.npz"


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def put(*path):
    """A change of the manifest: the value at the end of `path` is set, or removed if it is `...`."""
    *keys, last, value = path

    def change(manifest):
        for key in keys:
            manifest = manifest[key]
        if value is ...:
            del manifest[last]
        else:
            manifest[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("window", 0), "manifest.window: wanted an integer from 2 to 1024, found 0"),
        (put("window", 4), "manifest.neurons.fc1.start: wanted an integer from 1 to 4, found 8"),
        (put("psp", "long"), "manifest.psp: wanted one of windowed, lasting, found 'long'"),
        (put("samples", 4), "array 'fc1/times': wanted"),
        (put("neurons", "fc1", "ramp", 1.5), "manifest.neurons.fc1.ramp: wanted an integer"),
        (put("neurons", "fc1", "slope_bits", 40), "manifest.neurons.fc1.slope_bits: wanted an integer from 2 to 31"),
        (put("neurons", "fc1", ...), "manifest.neurons: wanted key 'fc1', found ['fc2']"),
        (put("neurons", "fc3", {}), "manifest.neurons: unknown key 'fc3'"),
        (put("decisions", {}), "decisions: wanted a set 'recorded' of the 3 samples with times"),
        (put("decisions", "recorded", "samples", 10**30), "manifest.decisions.recorded.samples: wanted an integer"),
        (put("timesteps", 3), "manifest: unknown key 'timesteps'"),
        (put("layers", 1, "neuron", {}), "manifest.layers[1].neuron: wanted key 'leak'"),
        (put("layers", 2, "name", "fc1"), "array 'fc1/weight_scale': wanted float32 (4,), found float32 (9,)"),
        (put("inputs", None), "manifest.inputs: wanted an object, found None"),
        (put("coding", "rate"), "manifest: wanted key 'timesteps'"),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused(tmp_path, change, message):
    with pytest.raises(TraceError) as caught:
        read_trace(rewritten(tmp_path, change))
    text = str(caught.value).split("bad.npz: ", 1)[1]
    assert text.startswith(message)
    assert text.isprintable()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("fc1/times", np.full((3, 1, 1, 9), 8, np.int16), "array 'fc1/times': wanted ticks from 0 to 7, or -1"),
        ("fc1/times", np.full((3, 1, 1, 9), -2, np.int16), "array 'fc1/times': wanted ticks from 0 to 7, or -1"),
        ("fc1/times", np.zeros((3, 1, 1, 9), np.int32), "array 'fc1/times': wanted"),
        ("fc1/times", np.zeros((3, 9), np.int16), "array 'fc1/times': wanted"),
        ("decisions/recorded/classes", np.full(3, 4, np.int16), "array 'decisions/recorded/classes': wanted classes"),
        ("inputs/labels", np.array([3, 2, 1]), "array 'inputs/labels': wanted the recorded samples first"),
        ("fc1/bias", np.full(9, 1 << 30, np.int32), "layer 'fc1': wanted biases from"),
    ],
)
def test_an_array_that_breaks_a_rule_is_refused(tmp_path, name, array, message):
    path = rewritten(tmp_path, lambda manifest: None, {name: array})
    with pytest.raises(TraceError) as caught:
        read_trace(path, digests=False)
    assert str(caught.value).split("bad.npz: ", 1)[1].startswith(message)


def test_a_truncated_file_is_refused(tmp_path):
    write_trace(tmp_path / "t.npz", cases.recorded(cases.perceptron(), 3))
    data = (tmp_path / "t.npz").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.npz").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(TraceError):
            read_trace(tmp_path / "cut.npz")


def test_a_trace_that_breaks_a_rule_is_not_written(tmp_path):
    trace = cases.recorded(cases.perceptron(), 3)
    bad = replace(trace, times=dict(trace.times) | {"fc1": trace.times["fc1"] + np.int16(9)})
    with pytest.raises(TraceError, match="wanted ticks from 0 to 7"):
        write_trace(tmp_path / "t.npz", bad)
    assert not list(tmp_path.iterdir())
