"""A trace is what its file was when it was read, whatever becomes of that file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwsim import api
from hwsim.errors import TraceError
from hwsim.traces import read_trace
from hwsim.traces.codings import verify
from hwsim.traces.file import content

SOUND = Path(__file__).parents[2] / "cases" / "sound" / "recipe.npz"
OTHER = SOUND.with_name("direct.npz")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(SOUND.read_bytes())
    return path


def test_a_file_that_is_overwritten_leaves_the_trace_as_it_was(path):
    trace = read_trace(path)
    before = {name: packed.words.copy() for name, packed in trace.spikes.items()}
    path.write_bytes(OTHER.read_bytes())
    for name, words in before.items():
        assert np.array_equal(trace.spikes[name].words, words)
    assert verify(trace).ok


def test_a_file_that_shrinks_does_no_harm(path):
    """As a process of its own: reading past the end of a mapped file kills it."""
    code = (
        "import sys, os; from hwsim import api; trace = api.load_trace(sys.argv[1]); os.truncate(sys.argv[1], 0);"
        "print(api.simulate(api.load_architecture('imc'), trace).trace)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_trace(SOUND).sha256 in done.stdout


@pytest.mark.parametrize("change", ["content", "size", "replaced", "gone"])
def test_a_mapped_file_that_changes_is_refused(path, monkeypatch, change):
    monkeypatch.setattr(content, "MAX_READ_BYTES", 100)
    trace, design = read_trace(path), api.load_architecture("imc")
    assert api.simulate(design, trace) == api.simulate(design, read_trace(SOUND))
    match change:
        case "content":
            os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        case "size":
            with path.open("ab") as file:
                file.write(b"x")
        case "replaced":
            new = path.with_name("new")
            new.write_bytes(path.read_bytes())
            os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
            new.replace(path)
        case "gone":
            path.unlink()
    for use in (lambda: api.simulate(design, trace), lambda: verify(trace)):
        with pytest.raises(TraceError, match="the file changed since it was read"):
            use()


def test_a_mapped_file_that_changes_meanwhile_is_refused(path, monkeypatch):
    monkeypatch.setattr(content, "MAX_READ_BYTES", 100)
    trace, design, price = read_trace(path), api.load_architecture("imc"), api.price
    monkeypatch.setattr(api, "price", lambda *given: (os.utime(path), price(*given))[1])
    with pytest.raises(TraceError, match="the file changed since it was read"):
        api.simulate(design, trace)


def test_what_a_report_still_reads_of_a_mapped_file_is_refused_once_that_changed(path, monkeypatch):
    monkeypatch.setattr(content, "MAX_READ_BYTES", 100)
    report = api.simulate(api.load_architecture("imc"), read_trace(path))
    os.utime(path)
    assert report.runs[0].rows
    with pytest.raises(TraceError, match="the file changed since it was read"):
        assert report.spike_rates


def test_arrays_lie_in_memory_and_aligned(path):
    for packed in read_trace(path).spikes.values():
        assert packed.words.ctypes.data % 64 == 0
        assert not packed.words.flags.writeable


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(TraceError, match="cannot be read: is a"):
        read_trace(path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what of a map is in memory")
def test_what_was_read_of_a_mapped_file_is_let_go(path, monkeypatch):
    monkeypatch.setattr(content, "MAX_READ_BYTES", 100)
    trace = read_trace(path)
    before = {name: packed.words.copy() for name, packed in trace.spikes.items()}
    assert resident_kib(path) > 0
    content.let_go()
    assert resident_kib(path) == 0
    for name, words in before.items():
        assert np.array_equal(trace.spikes[name].words, words)
    assert resident_kib(path) > 0
    api.simulate(api.load_architecture("imc"), trace, accuracy_samples=0)
    assert resident_kib(path) == 0


def resident_kib(path):
    """How much of a file this process has in memory as a map."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    maps = [n for n, line in enumerate(lines) if line.endswith(f" {path}")]
    return sum(int(next(line for line in lines[n:] if line.startswith("Rss:")).split()[1]) for n in maps)
