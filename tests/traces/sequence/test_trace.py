"""Files of sequence traces: written and read back, cut, verified, and refused where anything is wrong."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from traces.sequence.networks import MIXED, network_of, trace_of

from hwsim.cli import main
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.codings import verify
from hwsim.traces.sequence.trace import SequenceSpikes
from hwsim.traces.slicing import first


def equal(one, other):
    """Whether two values are alike, arrays by dtype and content."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            equal(getattr(one, field), getattr(other, field)) for field in one.__dataclass_fields__
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound file with two layers: (path, {member: bytes}, manifest)."""
    path = tmp_path_factory.mktemp("sound") / "sound.npz"
    write_trace(path, trace_of(network_of((5, 70))))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with np.load(path) as arrays:
        manifest = json.loads(bytes(arrays["manifest"]))
    return path, members, manifest


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("changes", [{}, {"activations": MIXED, "over": "all", "membrane_carry": True}])
def test_a_trace_reads_back_as_it_was_and_writes_the_same_bytes(tmp_path, compress, changes):
    trace = trace_of(network_of((5, 70), **changes))
    path, again = tmp_path / "a.npz", tmp_path / "b.npz"
    write_trace(path, trace, compress)
    back = read_trace(path)
    assert equal(replace(back, sha256=""), trace)
    write_trace(again, back, compress)
    assert again.read_bytes() == path.read_bytes()


def test_verification_finds_one_changed_spike_and_logit():
    trace = trace_of(network_of((5, 70)))
    outcome = verify(trace)
    assert outcome.ok
    assert set(outcome.arrays) == {*(f"{name}/spikes" for name in trace.spikes), "logits/recorded", "logits/test"}
    words = trace.spikes["lstm2/cell"].words.copy()
    words[2, 1, 0, 1, 1] ^= np.uint64(1 << 3)
    values = trace.logits["test"].values.copy()
    values[5, 2, 1] += 1
    broken = replace(
        trace,
        spikes=dict(trace.spikes) | {"lstm2/cell": SequenceSpikes(words, 70)},
        logits=dict(trace.logits) | {"test": replace(trace.logits["test"], values=values)},
    )
    outcome = verify(broken)
    assert {name for name, mismatch in outcome.arrays.items() if mismatch.differing} == {
        "lstm2/cell/spikes",
        "logits/test",
    }
    assert outcome.arrays["lstm2/cell/spikes"].first == (2, 1, 0, 1, 67)
    assert outcome.arrays["lstm2/cell/spikes"].compared == 4 * 4 * 3 * 2 * 70
    assert outcome.arrays["logits/test"].first == (5, 2, 1)


def test_logits_of_another_split_are_not_compared():
    trace = trace_of(network_of())
    other = replace(trace.logits["test"], split="train", values=trace.logits["test"].values + 1)
    assert verify(replace(trace, logits=dict(trace.logits) | {"test": other})).ok


def test_cutting_keeps_what_is_left_sound(tmp_path):
    trace = trace_of(network_of((5, 4)))
    short = first(trace, samples=2, timesteps=2)
    assert (short.n_samples, short.timesteps) == (2, 2)
    assert short.logits["test"].values.shape == (6, 2, 3)
    assert verify(short).ok
    write_trace(tmp_path / "short.npz", short)
    assert first(trace) is trace


def test_timesteps_are_not_cut_where_they_run_on():
    for flags in ({"membrane_carry": True}, {"state_per_step": False}):
        trace = trace_of(network_of(**flags))
        assert first(trace, samples=2, timesteps=3).n_samples == 2
        with pytest.raises(UsageError, match=r"^timesteps: membranes or states of this network run on"):
            first(trace, timesteps=2)


def test_more_than_there_is_cannot_be_cut():
    for wanted in ({"samples": 5}, {"timesteps": 4}, {"samples": 0}):
        with pytest.raises(UsageError):
            first(trace_of(network_of()), **wanted)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def refused(path, members, digests=False):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(TraceError) as caught:
        read_trace(path, digests)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()
    return str(caught.value)


def members_with(sound, **arrays):
    """The sound file's members, some arrays of other content; names with __ for /."""
    return sound[1] | {f"{name.replace('__', '/')}.npy": npy(array) for name, array in arrays.items()}


def stored(sound, name):
    return np.load(io.BytesIO(sound[1][f"{name}.npy"]))


def test_truncated_files(sound, tmp_path):
    content, path = sound[0].read_bytes(), tmp_path / "t.npz"
    for length in np.linspace(0, len(content) - 1, 60).astype(int).tolist():
        path.write_bytes(content[:length])
        with pytest.raises(TraceError) as caught:
            read_trace(path)
        assert str(caught.value).startswith(f"{path}: ")


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


@pytest.mark.parametrize("wrong", [None, [], {"x": 1}, "\x1b[31m", 10**40, -1, True, 0.5])
def test_manifests_with_one_value_of_another_kind(sound, tmp_path, wrong):
    *_, manifest = sound
    for place in [place for place in places(manifest) if place and place[0] not in ("sha256", "provenance")]:
        broken = copy.deepcopy(manifest)
        parent = broken
        for key in place[:-1]:
            parent = parent[key]
        if type(parent[place[-1]]) is type(wrong):
            continue
        if isinstance(parent[place[-1]], float) and isinstance(wrong, int):
            continue
        parent[place[-1]] = wrong
        text = np.frombuffer(json.dumps(broken).encode(), np.uint8)
        refused(tmp_path / "t.npz", members_with(sound, manifest=text))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("lstm1/input_weights", lambda a: a.astype(np.int16), "array 'lstm1/input_weights'"),
        ("lstm1/input_weights", lambda a: np.full_like(a, 8), "(4 bits)"),
        ("lstm2/hidden_weights", lambda a: a[:, :, :69], "array 'lstm2/hidden_weights'"),
        ("lstm1/biases", lambda a: a[:4], "array 'lstm1/biases'"),
        ("lstm1/v_thresholds", lambda a: a - 10_000, "v_threshold from 0"),
        ("lstm2/hidden/spikes", lambda a: a | np.uint64(1 << 63), "zero bits past the last of 70 units"),
        ("lstm1/cell/spikes", lambda a: a[:, :, :2], "array 'lstm1/cell/spikes'"),
        ("lstm1/candidate/spikes", lambda a: np.flip(a, axis=3).copy(), "signs only of units that fire"),
        ("readout/weights", lambda a: a.astype(object), "array 'readout/weights'"),
        ("readout/bias", lambda a: np.full_like(a, 2**31 - 1), "logits within 32 bits"),
        ("inputs/values", lambda a: np.full_like(a, 100), "integers from -32 to 31"),
        ("inputs/labels", lambda a: a + 3, "array 'inputs/labels'"),
        ("inputs/sample_ids", lambda a: a[::-1].copy(), "recorded samples first"),
        ("logits/recorded/values", lambda a: a.astype(np.float32), "array 'logits/recorded/values'"),
    ],
)
def test_arrays_that_break_a_rule(sound, tmp_path, name, change, message):
    broken = sound[1] | {f"{name}.npy": npy(change(stored(sound, name)))}
    assert message in refused(tmp_path / "t.npz", broken)


def test_a_changed_array_does_not_have_its_digest(sound, tmp_path):
    values = stored(sound, "readout/weights").copy()
    values[0, 0] ^= 1
    assert "SHA-256" in refused(tmp_path / "t.npz", sound[1] | {"readout/weights.npy": npy(values)}, digests=True)


def test_missing_and_surplus_arrays(sound, tmp_path):
    less = {name: content for name, content in sound[1].items() if name != "lstm1/hidden/spikes.npy"}
    assert "lstm1/hidden/spikes" in refused(tmp_path / "t.npz", less)
    assert "'x'" in refused(tmp_path / "t.npz", members_with(sound, x=np.zeros(1)))


def test_a_trace_that_breaks_a_rule_is_not_written(tmp_path):
    trace = trace_of(network_of())
    spikes = trace.spikes["lstm1/hidden"]
    broken = replace(trace, spikes=dict(trace.spikes) | {"lstm1/hidden": replace(spikes, words=~spikes.words)})
    with pytest.raises(TraceError, match="zero bits past"):
        write_trace(tmp_path / "t.npz", broken)
    assert not list(tmp_path.iterdir())


def test_the_command_line_shows_and_verifies(tmp_path):
    write_trace(tmp_path / "t.npz", trace_of(network_of((5, 70))))
    shown = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz")])
    assert shown.exit_code == 0
    for part in ("4 elements", "sequence coding", "lstm2", "signed spike", "wavefront"):
        assert part in shown.output
    verified = CliRunner().invoke(main, ["trace", "verify", str(tmp_path / "t.npz")])
    assert verified.exit_code == 0
    assert "equal, bit for bit" in verified.output
