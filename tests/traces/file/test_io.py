"""A trace file gives back what was written, is mapped where it is stored, and appears whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks, small_network, trace_of

import hwsim.traces.io as trace_io
from hwsim.errors import TraceError
from hwsim.traces import Conv2d, StoredWeights, read_trace, weights_of, write_trace
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.manifest import trace_arrays
from hwsim.traces.network.weights import pack_nibbles, unpack_nibbles


@pytest.fixture
def trace():
    return trace_of(small_network())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(recurrent=True), compress=st.booleans())
def test_any_trace_comes_back_as_it_was(tmp_path_factory, network, compress):
    trace = trace_of(network, samples=2, timesteps=2)
    folder = tmp_path_factory.mktemp("traces")
    write_trace(folder / "a.npz", trace, compress=compress)
    again = read_trace(folder / "a.npz")
    assert again.provenance == trace.provenance
    assert [(layer.name, layer.inputs, layer.shape) for layer in again.network] == [
        (layer.name, layer.inputs, layer.shape) for layer in network
    ]
    for name, array in trace_arrays(trace).items():
        assert np.array_equal(trace_arrays(again)[name], array), name
    write_trace(folder / "b.npz", again, compress=compress)
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


def test_every_field_of_every_layer_comes_back(tmp_path):
    sketch = Sketch((6, 6, 2), bits=5)
    neuron = sketch.neuron(4, reset="hard", leak=3, leak_bits=2, fraction_bits=7, membrane_bits=20)
    sketch.conv(4, kernel=2, stride=2, padding=1, groups=2, bits=7, bias=True, neuron=neuron)
    sketch.pool("max", 2, 1)
    sketch.conv(4, source=sketch.last.name)
    sketch.sum([sketch.layers[-2].name, sketch.last.name], [3, 2])
    sketch.flatten()
    sketch.linear(3, neuron=None, bias=True)
    write_trace(tmp_path / "t.npz", trace_of(sketch.network()))
    again = read_trace(tmp_path / "t.npz").network
    for before, after in zip(sketch.layers, again, strict=True):
        assert type(before) is type(after)
        for field in dataclasses.fields(before):
            assert_same(getattr(before, field.name), getattr(after, field.name))


def assert_same(before, after):
    """Equality that looks into dataclasses and arrays."""
    if dataclasses.is_dataclass(before):
        assert type(before) is type(after)
        for field in dataclasses.fields(before):
            assert_same(getattr(before, field.name), getattr(after, field.name))
    elif isinstance(before, np.ndarray):
        assert before.dtype == after.dtype
        assert np.array_equal(before, after)
    else:
        assert before == after


def test_stored_arrays_are_aligned_read_only_views_of_the_file(tmp_path, trace):
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    for packed in again.spikes.values():
        flags = packed.words.flags
        assert flags.aligned
        assert flags.c_contiguous
        assert not flags.writeable
        assert not flags.owndata
        assert packed.words.ctypes.data % 64 == 0


def test_compressed_and_stored_files_hold_the_same(tmp_path, trace):
    write_trace(tmp_path / "stored.npz", trace)
    write_trace(tmp_path / "small.npz", trace, compress=True)
    assert (tmp_path / "small.npz").stat().st_size < (tmp_path / "stored.npz").stat().st_size
    write_trace(tmp_path / "again.npz", read_trace(tmp_path / "small.npz"))
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "stored.npz").read_bytes()


def test_numpy_opens_the_file_without_pickles(tmp_path, trace):
    write_trace(tmp_path / "t.npz", trace)
    with np.load(tmp_path / "t.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["conv1/spikes"], trace.spikes["conv1"].words)
        assert bytes(arrays["manifest"]).startswith(b'{\n "format": "hwsim-trace"')


def test_a_file_that_numpy_wrote_unaligned_is_read_too(tmp_path, trace):
    """Another writer does not pad: arrays that lie unaligned are copied."""
    write_trace(tmp_path / "t.npz", trace)
    with np.load(tmp_path / "t.npz") as arrays:
        np.savez(tmp_path / "numpy.npz", **arrays)
    again = read_trace(tmp_path / "numpy.npz")
    assert all(packed.words.flags.aligned for packed in again.spikes.values())
    assert np.array_equal(again.spikes["fc7"].words, trace.spikes["fc7"].words)


def test_digests_are_of_the_file_and_may_be_left_out(tmp_path, trace):
    write_trace(tmp_path / "t.npz", trace)
    content = (tmp_path / "t.npz").read_bytes()
    assert read_trace(tmp_path / "t.npz").sha256 == hashlib.sha256(content).hexdigest()
    assert read_trace(tmp_path / "t.npz", digests=False).sha256 == ""


@pytest.mark.parametrize(
    ("bits", "dtype", "n_bytes"), [(2, "uint8", 90), (3, "uint8", 90), (4, "uint8", 90), (5, "int8", 180)]
)
def test_weights_of_at_most_four_bits_take_half_a_byte(bits, dtype, n_bytes):
    sketch = Sketch((6, 6, 1))
    sketch.conv(20, bits=bits)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    stored = trace_arrays(trace_of(sketch.network()))["conv1/weights"]
    assert (stored.dtype, stored.nbytes) == (dtype, n_bytes)


@settings(deadline=None)
@given(st.lists(st.integers(-8, 7), min_size=1, max_size=33))
def test_nibbles_are_low_first_and_sign_extended(values):
    packed = pack_nibbles(np.array(values, dtype=np.int8))
    naive = [(v & 15) for v in values] + [0] * (len(values) % 2)
    assert packed.tolist() == [low | high << 4 for low, high in zip(naive[::2], naive[1::2], strict=True)]
    assert unpack_nibbles(packed, (len(values),)).tolist() == values


def test_logits_take_two_bytes_where_they_fit(tmp_path, trace):
    assert trace_arrays(trace)["logits/test/values"].dtype == np.int16
    wide = dataclasses.replace(trace.logits["test"], values=trace.logits["test"].values + np.int32(40000))
    wider = dataclasses.replace(trace, logits={**trace.logits, "test": wide})
    assert trace_arrays(wider)["logits/test/values"].dtype == np.int32
    write_trace(tmp_path / "t.npz", wider)
    again = read_trace(tmp_path / "t.npz").logits
    assert again["recorded"].values.dtype == again["test"].values.dtype == np.int32
    assert np.array_equal(again["test"].values, wide.values)


def test_seeded_weights_are_not_stored(tmp_path):
    trace = synthesize("mlp:30-20-10", 2, 2, 0.2)
    write_trace(tmp_path / "t.npz", trace)
    assert not [name for name in zipfile.ZipFile(tmp_path / "t.npz").namelist() if "weights" in name]
    again = read_trace(tmp_path / "t.npz").network["fc1"]
    assert np.array_equal(weights_of(again), weights_of(trace.network["fc1"]))


def test_an_invalid_trace_is_not_written_and_leaves_the_old_file(tmp_path, trace):
    target = tmp_path / "t.npz"
    write_trace(target, trace)
    before = target.read_bytes()
    broken = dataclasses.replace(trace, timesteps=7)
    with pytest.raises(
        TraceError, match=r"t\.npz: array 'conv1/spikes': wanted uint64 \(3, 7, 36, 1\), found uint64 \(3, 3"
    ):
        write_trace(target, broken)
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: dataclasses.replace(n, leak=0.5), "leak: wanted an integer"),
        (lambda n: dataclasses.replace(n, leak=np.int64(3)), "wanted plain integers"),
        (lambda n: dataclasses.replace(n, v_threshold=n.v_threshold.astype(np.int32)), "wanted v_threshold int64"),
        (lambda n: dataclasses.replace(n, v_threshold=n.v_threshold - 10**6), "wanted v_threshold from 0 to 32767"),
    ],
)
def test_the_writer_allows_only_what_the_reader_takes(tmp_path, trace, change, message):
    conv = trace.network["conv1"]
    assert isinstance(conv, Conv2d)
    changed = dataclasses.replace(conv, neuron=change(conv.neuron))
    layers = tuple(changed if layer is conv else layer for layer in trace.network.layers)
    network = type(trace.network)(layers)
    with pytest.raises(TraceError, match=message):
        write_trace(tmp_path / "t.npz", dataclasses.replace(trace, network=network))
    assert list(tmp_path.iterdir()) == []


def test_weights_out_of_range_are_not_written(tmp_path, trace):
    conv = trace.network["conv1"]
    assert isinstance(conv.weights, StoredWeights)
    conv.weights.values[0, 0, 0, 0] = 9
    with pytest.raises(TraceError, match=r"layer 'conv1': wanted weights from -8 to 7 \(4 bits\)"):
        write_trace(tmp_path / "t.npz", trace)


def test_a_write_that_fails_half_way_leaves_no_trace(tmp_path, trace, monkeypatch):
    target = tmp_path / "t.npz"
    target.write_bytes(b"old")
    write_member = trace_io._write_member

    def fail_at_logits(archive, name, array, compress):
        if name.startswith("logits"):
            raise OSError(28, "No space left on device")
        write_member(archive, name, array, compress)

    monkeypatch.setattr(trace_io, "_write_member", fail_at_logits)
    with pytest.raises(TraceError, match=r"t\.npz: cannot be written: No space left on device$"):
        write_trace(target, trace)
    assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]
    assert target.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_is_named(tmp_path, trace):
    with pytest.raises(TraceError, match=r"nowhere/t\.npz: cannot be written: No such file or directory"):
        write_trace(tmp_path / "nowhere" / "t.npz", trace)
