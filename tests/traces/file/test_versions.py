"""Which version a file needs is the first that a reader says, whatever else is in the file."""

from __future__ import annotations

import json
import zipfile

import pytest
from click.testing import CliRunner
from traces.file.plain_exporter import Exporter, npy
from traces.file.test_exporter import CASES

from hwsim.cli import main
from hwsim.errors import TraceError
from hwsim.traces import manifest, read_trace


def exported(case, path, **changes):
    """A case of the plain exporter, in its own version unless told otherwise."""
    layers, coding, timesteps, version = CASES[case]
    Exporter(0, layers, coding, timesteps, changes.get("version", version)).export(path)
    return path


@pytest.mark.parametrize("case", [case for case in CASES if "version 1" not in case])
def test_a_version_that_has_not_all_is_refused(case, tmp_path):
    version = CASES[case][3]
    file = exported(case, tmp_path / "low.npz", version=version - 1)
    with pytest.raises(TraceError, match=f"version: wanted {version}, .*, found {version - 1}$"):
        read_trace(file)


@pytest.mark.parametrize("reader", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_an_older_reader_names_the_version_that_a_file_needs(case, reader, tmp_path, monkeypatch):
    file, version = exported(case, tmp_path / "t.npz"), CASES[case][3]
    monkeypatch.setattr(manifest, "VERSION", reader)
    if version <= reader:
        assert read_trace(file).timesteps == CASES[case][2]
        return
    needed = f"wanted at most {reader}: a reader of version {version} is needed for this file, found {version}$"
    with pytest.raises(TraceError, match=f"manifest.version: {needed}"):
        read_trace(file)


@pytest.mark.parametrize("command", [["trace", "info"], ["trace", "verify"], ["simulate", "imc"]])
def test_a_file_of_the_future_is_refused_for_its_version_alone(command, tmp_path):
    """Of a coding, kinds of layers, keys, dtypes and arrays that nobody knows yet."""
    future = {
        "format": "hwsim-trace",
        "version": 9,
        "coding": "phases",
        "layers": [{"kind": "attention", "heads": 4}],
        "weather": {"sunny": True},
    }
    text = json.dumps(future).encode()
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("manifest.npy", npy("|u1", [len(text)], list(text))[0])
        archive.writestr("phases.npy", b"\x93NUMPY\x03\x00 of a header that is unknown, too")
    done = CliRunner().invoke(main, [*command, str(tmp_path / "t.npz")])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith("manifest.version: wanted at most 4: a reader of version 9 is needed for this file, found 9")
