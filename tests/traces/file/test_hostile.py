"""Every file that is not a sound trace ends in one line of TraceError that names the file, and in nothing else."""

from __future__ import annotations

import copy
import io
import json
import zipfile

import numpy as np
import pytest
from traces.direct.networks import small_network, trace_of

from hwsim.errors import TraceError
from hwsim.traces import read_trace, write_trace


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound trace file and its members: (bytes, {member: bytes}, manifest)."""
    path = tmp_path_factory.mktemp("sound") / "sound.npz"
    write_trace(path, trace_of(small_network()))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with np.load(path) as arrays:
        manifest = json.loads(bytes(arrays["manifest"]))
    return path.read_bytes(), members, manifest


def refused(path, digests=True):
    """The message of the TraceError that reading `path` ends in."""
    with pytest.raises(TraceError) as caught:
        read_trace(path, digests)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    return message.removeprefix(f"{path}: ")


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def packed_manifest(manifest):
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return npy(np.frombuffer(text, dtype=np.uint8))


def repack(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_repacking_alone_does_no_harm(sound, tmp_path):
    """Otherwise the tests below would prove nothing."""
    _, members, manifest = sound
    whole = {**members, "manifest.npy": packed_manifest(manifest)}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        read_trace(repack(tmp_path / "t.npz", whole, method))


def test_truncated_files(sound, tmp_path):
    content, path = sound[0], tmp_path / "t.npz"
    for length in {*np.linspace(0, len(content) - 1, 150).astype(int).tolist(), *range(1, 40), len(content) - 1}:
        path.write_bytes(content[:length])
        refused(path)


def test_flipped_bytes(sound, tmp_path):
    """A flip in a byte without meaning (a date, alignment padding) may leave the same trace; any other is refused."""
    content, path, again = sound[0], tmp_path / "t.npz", tmp_path / "again.npz"
    rng = np.random.default_rng(5)
    n_refused = 0
    for place in rng.choice(len(content), 300, replace=False).tolist():
        broken = bytearray(content)
        broken[place] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        try:
            trace = read_trace(path)
        except TraceError as error:
            assert str(error).startswith(f"{path}: ")
            assert str(error).isprintable()
            n_refused += 1
        else:
            write_trace(again, trace)
            assert again.read_bytes() == content
    assert n_refused > 180


def places(value, path=()):
    """Every place in a JSON value, the whole included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def wrong_for(value):
    """Values that no rule allows where `value` stands."""
    if isinstance(value, bool):
        return [0, "true", None, []]
    if isinstance(value, int):
        return [str(value), value + 0.5, True, None, [], 10**40, -(10**40)]
    if isinstance(value, float):
        return [str(value), None, [], float("nan"), float("inf"), True]
    if isinstance(value, str):
        return [7, None, [], "a\nb", "\x1b[31m", "\ud800"]
    if isinstance(value, list):
        return [7, None, {}, [*value, {}], [[]], [None] * 5000]
    if isinstance(value, dict):
        return [7, [], {**value, "\n": 1}, {**value, "unknown": 1}]
    return [7, "x", [], {}]


def changed(manifest, path, value):
    """The manifest with another value at a place."""
    if not path:
        return value
    result = copy.deepcopy(manifest)
    parent = result
    for key in path[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return result


def test_manifests_with_one_value_wrong_or_missing(sound, tmp_path):
    _, members, manifest = sound
    cases = []
    for path in places(manifest):
        value = manifest
        for key in path:
            value = value[key]
        missing = [...] if path and isinstance(path[-1], str) else []
        cases += [(path, wrong) for wrong in [*wrong_for(value), *missing]]
    for index in np.random.default_rng(3).choice(len(cases), 450, replace=False):
        broken = {**members, "manifest.npy": packed_manifest(changed(manifest, *cases[index]))}
        refused(repack(tmp_path / "t.npz", broken))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 5, "manifest.version: wanted at most 4: a reader of version 5 is needed for this file, found 5"),
        (("timesteps",), 4, "array 'conv1/spikes': wanted uint64 (3, 4, 36, 1), found uint64 (3, 3, 36, 1)"),
        (("samples",), 2, "array 'conv1/spikes': wanted uint64 (2, 3, 36, 1), found uint64 (3, 3, 36, 1)"),
        (("coding",), "direkt", "manifest.coding: wanted one of direct, "),
        (
            ("layers", 2, "inputs"),
            ["conv9"],
            "layer 'pool2': wanted inputs among the earlier layers, found 'conv9'; did you mean 'conv1'?",
        ),
        (("layers", 1, "inputs"), [], "layer 'conv1': wanted 1 input, found 0"),
        (("layers", 1, "inputs"), ["fc8"], "layer 'conv1': wanted inputs among the earlier layers, found 'fc8'"),
        (
            ("layers", 2, "shape"),
            [3, 2, 20],
            "layer 'pool2': wanted shape (3, 3, 20) from inputs (6, 6, 20), found (3, 2, 20)",
        ),
        (
            ("layers", 1, "padding"),
            3,
            "layer 'conv1': wanted padding from 0 to 2 rows and 2 columns, found (3, 3, 3, 3)",
        ),
        (("layers", 1, "padding"), [1, 1], "manifest.layers[1].padding: wanted one integer or 4, found [1, 1]"),
        (("layers", 1, "kernel"), [3, 0], "manifest.layers[1].kernel.1: wanted an integer from 1 to 1048576, found 0"),
        (("layers", 1, "dilation"), [1, 2], "layer 'conv1': wanted shape (6, 4, 20) from inputs (6, 6, 1), found"),
        (("layers", 2, "dilation"), 2, "layer 'pool2': wanted a pool without dilation, found (2, 2)"),
        (("layers", 2, "spread"), [1, 2], "layer 'pool2': wanted a pool without spread, found (1, 2)"),
        (
            ("layers", 1, "spread"),
            2,
            "layer 'conv1': wanted shape (11, 11, 20) from inputs (6, 6, 1), found (6, 6, 20)",
        ),
        (("layers", 1, "spread"), 1 << 20, "layer 'conv1': wanted at most 1073741824 values with spread"),
        (("layers", 1, "groups"), 2, "manifest.layers[1].groups: wanted an integer from 1 to 1, found 2"),
        (
            ("layers", 1, "kind"),
            "conv",
            "manifest.layers[1].kind: wanted one of input, conv2d, linear, pool, flatten, concat, upsample, add, "
            "readout, found 'conv'",
        ),
        (
            ("layers", 1, "kind"),
            "conv1d",
            "manifest.layers[1].kind: wanted one of input, conv2d, linear, pool, flatten, concat, upsample, add, "
            "readout, found 'conv1d': a convolution here is two-dimensional: one with a kernel of [k, 1]",
        ),
        (("layers", 1, "name"), "../x", "name '../x': wanted 1 to 64 letters, digits"),
        (("layers", 1, "weights", "bits"), 5, "array 'conv1/weights': wanted int8 (3, 3, 1, 20), found uint8 (90,)"),
        (("layers", 1, "weights", "bits"), 3, "layer 'conv1': wanted weights from -4 to 3 (3 bits), found others"),
        (("layers", 1, "neuron"), None, "layer 'conv3': wanted activations, found the currents of 'pool2'"),
        (("layers", 1, "neuron", "leak"), 17, "layer 'conv1': wanted 0 <= leak <= 2**leak_bits"),
        (
            ("layers", 1, "neuron", "membrane_bits"),
            4,
            "layer 'conv1': wanted v_threshold from 0 to 7 (4 membrane bits)",
        ),
        (("layers", 1, "neuron", "v_reset"), 3, "layer 'conv1': wanted v_reset 0, or with a hard reset"),
        (("layers", 5, "gains"), [1], "layer 'add5': wanted inputs and a gain for each, found 2, 1"),
        (("layers", 5, "gains"), [1, 0], "layer 'add5': wanted gains from -1048576 to 1048576, not 0, found (1, 0)"),
        (("layers", 8, "neuron"), {}, "manifest.layers[8].neuron: wanted key 'leak'"),
        (("inputs", "samples"), 2, "manifest.inputs.samples: wanted an integer from 3 to"),
        (("inputs",), None, "array 'inputs/labels': wanted only arrays that the manifest speaks of"),
        (("logits", "recorded"), ..., "logits: wanted a set 'recorded' of the 3 samples with spikes"),
        (("logits", "test", "scale"), 0, "manifest.logits.test.scale: wanted a positive number, found 0.0"),
        (
            ("provenance", "accuracy"),
            [91.5],
            "manifest.provenance.accuracy: wanted fractions from 0 to 1, found (91.5,)",
        ),
        (("sha256", "conv1/bias"), "0" * 64, "array 'conv1/bias': wanted SHA-256 000"),
        (("sha256", "conv1/bias"), ..., "manifest.sha256: wanted key 'conv1/bias'"),
    ],
)
def test_what_the_message_says(sound, tmp_path, path, value, message):
    _, members, manifest = sound
    broken = {**members, "manifest.npy": packed_manifest(changed(manifest, path, value))}
    assert refused(repack(tmp_path / "t.npz", broken)).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[" * 100_000, "manifest: wanted JSON, found objects nested too deep"),
        (b'{"a":' * 100_000, "manifest: wanted JSON, found objects nested too deep"),
        (b'{"format": "hwsim-trace", "format": "x"}', "manifest: wanted UTF-8 JSON, found the key 'format' twice"),
        (b'{"version": NaN}', "manifest: wanted UTF-8 JSON, found the number NaN"),
        (b'{"version": ' + b"9" * 5000 + b"}", "manifest: wanted UTF-8 JSON, found Exceeds the limit"),
        (b'{"version": "\xff"}', "manifest: wanted UTF-8 JSON, found 'utf-8' codec can't decode"),
        (b"{", "manifest: wanted UTF-8 JSON, found Expecting property name"),
        (b"[1, 2]", "manifest: wanted an object, found [1, 2]"),
        (b" " * (5 << 20), "manifest: wanted at most 4194304 bytes, found 5243008"),
    ],
)
def test_manifests_that_are_no_sound_json(sound, tmp_path, text, message):
    broken = {**sound[1], "manifest.npy": packed_manifest(text)}
    assert refused(repack(tmp_path / "t.npz", broken)).startswith(message)


def header(text, content=b"", version=b"\x01\x00"):
    """An npy file with any header."""
    body = text.encode() + b"\n"
    return b"\x93NUMPY" + version + len(body).to_bytes(2 if version == b"\x01\x00" else 4, "little") + body + content


WORDS = 3 * 3 * 36
GOOD = "{'descr': '<u8', 'fortran_order': False, 'shape': (3, 3, 36, 1), }"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.zeros((3, 3, 36, 1), dtype=np.int64)), "wanted uint64 (3, 3, 36, 1), found int64 (3, 3, 36, 1)"),
        (npy(np.zeros((3, 3, 36), dtype=np.uint64)), "wanted uint64 (3, 3, 36, 1), found uint64 (3, 3, 36)"),
        (
            npy(np.zeros((3, 3, 36, 1), dtype=">u8")),
            "wanted a dtype among <u8, <i8, <i4, <f4, <i2, <u2, |u1, |i1, found '>u8'",
        ),
        (npy(np.asfortranarray(np.zeros((3, 3, 36, 1), dtype=np.uint64))[..., :1]), "wanted sizes in C order"),
        (npy(np.array([{}] * 3)), "wanted a dtype among <u8, <i8, <i4, <f4, <i2, <u2, |u1, |i1, found '|O'"),
        (npy(np.zeros(3, dtype=[("a", "<u8")])), "wanted a dtype among"),
        (npy(np.full((3, 3, 36, 1), 1 << 20, dtype=np.uint64)), "wanted zero bits past the last of 20 channels"),
        (header(GOOD, bytes(8 * WORDS - 1)), "wanted uint64 (3, 3, 36, 1) in 2592 bytes, found 2591"),
        (header(GOOD, bytes(8 * WORDS + 1)), "wanted uint64 (3, 3, 36, 1) in 2592 bytes, found 2593"),
        (
            header(GOOD.replace("(3, 3, 36, 1)", "(99999999999, 99999999999)")),
            "wanted uint64 (3, 3, 36, 1), found uint64 (9",
        ),
        (header(GOOD.replace("(3", "(-3"), bytes(8 * WORDS)), "wanted sizes in C order, found (-3, 3, 36, 1)"),
        (header(GOOD.replace("(3", "(True"), bytes(8 * WORDS)), "wanted sizes in C order, found (True, 3, 36, 1)"),
        (header(GOOD.replace("(3", "(3.0"), bytes(8 * WORDS)), "wanted sizes in C order, found (3.0, 3, 36, 1)"),
        (header(GOOD.replace("False", "True"), bytes(8 * WORDS)), "wanted sizes in C order"),
        (header(GOOD.replace("'shape'", "'size'")), "wanted an npy header with descr, fortran_order and shape"),
        (header("__import__('os').abort()"), "wanted an npy header with descr, fortran_order and shape"),
        (header("(" * 3000), "wanted an npy header with descr, fortran_order and shape"),
        (header("{'a\\q': 1}"), "wanted an npy header with descr, fortran_order and shape"),
        (header(" " * 5000), "wanted an npy header of at most 4096 bytes, found 5001"),
        (header(GOOD, version=b"\x03\x00"), "wanted an npy header of version 1.0 or 2.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "wanted an npy header of at most 4096 bytes, found 4294967295"),
        (b"", "wanted an npy header of version 1.0 or 2.0, found another beginning"),
    ],
)
def test_arrays_that_are_not_what_the_manifest_says(sound, tmp_path, content, message):
    broken = {**sound[1], "conv1/spikes.npy": content}
    path = repack(tmp_path / "t.npz", broken)
    # The same with digests off, where only structure and values can give it away.
    assert refused(path, digests=False).startswith(f"array 'conv1/spikes': {message}")
    refused(path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "conv1/weight_scale",
            np.full(20, np.nan, dtype=np.float32),
            "layer 'conv1': wanted finite positive weight scales",
        ),
        ("conv1/weight_scale", np.zeros(20, dtype=np.float32), "layer 'conv1': wanted finite positive weight scales"),
        ("conv1/v_threshold", np.full(20, -1, dtype=np.int64), "layer 'conv1': wanted v_threshold from 0 to 32767"),
        ("fc8/bias", np.full(10, 2**31 - 1, dtype=np.int32), "layer 'fc8': wanted sums within 32 bits"),
        ("inputs/labels", np.full(5, 10, dtype=np.int64), "array 'inputs/labels': wanted classes from 0 to 9"),
        ("inputs/labels", np.full(5, -1, dtype=np.int64), "array 'inputs/labels': wanted classes from 0 to 9"),
        ("inputs/sample_ids", np.zeros(5, dtype=np.int64), "array 'inputs/sample_ids': wanted distinct indices from 0"),
        (
            "inputs/sample_ids",
            np.arange(5, dtype=np.int64) + 900,
            "array 'inputs/sample_ids': wanted the recorded samples first",
        ),
    ],
)
def test_arrays_with_values_that_no_rule_allows(sound, tmp_path, name, array, message):
    broken = {**sound[1], f"{name}.npy": npy(array)}
    assert refused(repack(tmp_path / "t.npz", broken), digests=False).startswith(message)


@pytest.mark.parametrize(
    "name", ["manifest", "conv1/spikes", "conv1/weights", "fc8/bias", "inputs/values", "logits/test/labels"]
)
def test_a_member_missing_doubled_or_too_many(sound, tmp_path, name):
    _, members, _ = sound
    path = tmp_path / "t.npz"
    without = refused(repack(path, {k: v for k, v in members.items() if k != f"{name}.npy"}))
    assert ("is no trace: " if name == "manifest" else f"array '{name}': wanted ") in without
    extra = {**members, f"{name}x.npy": members[f"{name}.npy"]}
    assert refused(repack(path, extra)) == f"array '{name}x': wanted only arrays that the manifest speaks of"
    assert "wanted distinct names ending in .npy" in refused(repack(path, {**members, name: b""}))
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for member in (*members, f"{name}.npy"):
            archive.writestr(member, members[member])
    assert refused(path) == f"member '{name}.npy': wanted distinct names ending in .npy"


def test_files_that_are_no_zip(tmp_path):
    path = tmp_path / "t.npz"
    assert refused(path) == "cannot be read: No such file or directory"
    path.mkdir()
    assert refused(path) == "cannot be read: is a folder, not a file"
    other = tmp_path / "line\nbreak.npz"
    other.write_bytes(b"no zip")
    with pytest.raises(TraceError) as caught:
        read_trace(other)
    assert "\n" not in str(caught.value)
    for content in (b"", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), npy(np.zeros(3)), b"\x80\x04\x95" + bytes(50)):
        other = tmp_path / "other.npz"
        other.write_bytes(content)
        refused(other)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_other_than_deflate(sound, tmp_path, method):
    message = refused(repack(tmp_path / "t.npz", sound[1], method))
    assert message.endswith("wanted stored or deflated data, found another method")


def test_encrypted_members(sound, tmp_path):
    path = repack(tmp_path / "t.npz", sound[1])
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)
    assert refused(path).endswith("wanted stored or deflated data, found another method")


def test_bombs_are_refused_before_they_are_inflated(sound, tmp_path):
    """Members that claim 3 GiB, truthfully or not; nothing of that size may be allocated."""
    path = tmp_path / "t.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sound[1].items():
            archive.writestr(name, content)
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    for _ in sound[1]:
        content[directory + 24 : directory + 28] = (3 << 30).to_bytes(4, "little")
        directory = (
            content.index(b"PK\x01\x02", directory + 1) if b"PK\x01\x02" in content[directory + 1 :] else directory
        )
    path.write_bytes(content)
    assert "deflated bytes, found" in refused(path)


@pytest.mark.parametrize("claimed", [100, 400_000_000])
def test_a_deflated_member_must_have_the_size_it_claims(sound, tmp_path, claimed):
    path = repack(tmp_path / "t.npz", sound[1], zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    name = b"conv1/spikes.npy"
    directory = content.rindex(name) - 46
    assert content[directory : directory + 4] == b"PK\x01\x02"
    content[directory + 24 : directory + 28] = claimed.to_bytes(4, "little")
    path.write_bytes(content)
    assert refused(path) == f"member 'conv1/spikes.npy': wanted {claimed} bytes after inflating, found another number"


def test_both_headers_of_a_member_must_agree_on_its_name(sound, tmp_path):
    path = repack(tmp_path / "t.npz", sound[1])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"conv1/spikes.npy", b"conv9/spikes.npy", 1))
    assert refused(path) == "member 'conv1/spikes.npy': wanted the same name in both headers, found two"


def test_a_long_chain_of_sums_is_refused_in_linear_time(sound, tmp_path):
    """Each layer reads the one before twice: naive recursion would take 2**60 steps, and the sums outgrow 32 bits."""
    _, members, manifest = sound
    layers = [manifest["layers"][0]]
    for i in range(60):
        last = layers[-1]["name"]
        sums = {
            "name": f"sum{i}",
            "kind": "add",
            "inputs": [last, last],
            "shape": [6, 6, 1],
            "gains": [1, 1],
            "neuron": None,
        }
        layers.append(sums)
    layers.append({**manifest["layers"][6], "name": "flat", "inputs": ["sum59"], "shape": [1, 1, 36]})
    seeded = {"kind": "seeded", "bits": 4, "seed": 1}
    layers.append({**manifest["layers"][8], "name": "out", "inputs": ["flat"], "weights": seeded, "bias": False})
    broken = {**members, "manifest.npy": packed_manifest({**manifest, "layers": layers})}
    message = refused(repack(tmp_path / "t.npz", broken))
    assert message == "network: wanted a layer with neurons, found none"
