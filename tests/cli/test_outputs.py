"""What is written is looked at before work begins, and appears whole, together, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cli.commands import CASES, program, refused, run

from hwsim import api, files
from hwsim.arch import shipped_folder
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace

TRACE = CASES / "sound" / "recipe.npz"
LEARNS = CASES / "sound" / "plastic.npz"
SYNTH = ("--timesteps", 2, "--samples", 2, "--rate", 0.3)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def never(monkeypatch):
    for name in ("simulate", "load_trace"):
        monkeypatch.setattr(api, name, lambda *_, **__: pytest.fail("work began"))


@pytest.mark.parametrize("option", ["--json", "--csv", "--exit-curve", "--save-trace"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/x", "No such file or directory"),
        ("folder", "is a"),
        ("pipe", "is a pipe"),
        ("loop", "Too many levels of symbolic links"),
        ("a\nb", "cannot be printed"),
        ("x" * 256, "at most 255 bytes"),
        ("é" * 128, "at most 255 bytes"),
        ("..", "is a"),
    ],
)
def test_places_that_cannot_be_written_are_refused_before_work(tmp_path, monkeypatch, option, name, said):
    never(monkeypatch)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    before = left(tmp_path)
    assert said in refused(run("simulate", "imc", TRACE, option, tmp_path / name, "--quiet")).replace("directory.", "")
    assert left(tmp_path) == before


@pytest.mark.parametrize("place", ["/dev/full", "/dev/null", "/dev/zero", "/proc/x.json"])
def test_devices_are_no_outputs(monkeypatch, place):
    never(monkeypatch)
    assert "cannot be written" in refused(run("simulate", "imc", TRACE, "--json", place, "--quiet"))


@pytest.mark.parametrize("option", ["--json", "--csv", "--exit-curve", "--save-trace"])
def test_an_empty_name_is_refused(monkeypatch, option):
    never(monkeypatch)
    assert "found an empty one" in refused(run("simulate", "imc", TRACE, option, "", "--quiet"))


def test_an_empty_name_is_no_place_for_a_drawn_trace():
    assert "found an empty one" in refused(run("trace", "synth", "mlp:4-3-2", "", *SYNTH))


def test_no_file_of_the_architecture_is_overwritten(tmp_path, monkeypatch):
    """Parents and shipped designs are inputs too."""
    never(monkeypatch)
    base, child = tmp_path / "base.yaml", tmp_path / "child.yaml"
    base.write_text((shipped_folder() / "imc.yaml").read_text())
    child.write_text("extends: base.yaml\n")
    grandchild = tmp_path / "grandchild.yaml"
    grandchild.write_text("extends: child.yaml\n")
    before = {path: path.read_bytes() for path in (base, child, grandchild)}
    for output in before:
        assert "would be overwritten" in refused(run("simulate", grandchild, TRACE, "--json", output))
    assert {path: path.read_bytes() for path in before} == before
    shipped = shipped_folder() / "imc.yaml"
    for name in ("imc", shipped):
        assert "would be overwritten" in refused(run("simulate", name, TRACE, "--csv", shipped))
    link = tmp_path / "link"
    link.symlink_to(base)
    assert "would be overwritten" in refused(run("simulate", base, TRACE, "--csv", link))


def test_of_several_outputs_none_is_written_if_one_cannot_be(tmp_path):
    refused(run("simulate", "imc", TRACE, "--json", tmp_path / "a", "--csv", tmp_path / "no" / "b", "--quiet"))
    assert left(tmp_path) == []


def test_an_output_that_fails_late_takes_the_others_with_it(tmp_path, monkeypatch):
    """The disk is full only when the second file is written."""
    (tmp_path / "a").write_text("old")
    open_new, opened = Path.open, []

    def open_once(path, *arguments, **named):
        if path.suffix == ".partial":
            opened.append(path)
            if len(opened) == 2:
                raise OSError(28, "No space left on device")
        return open_new(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_once)
    with pytest.raises(UsageError, match=r"b: cannot be written: No space left"):
        files.write_all({tmp_path / "a": "new", tmp_path / "b": "new"})
    assert left(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("length", [200, 255])
def test_names_of_any_allowed_length_work(tmp_path, length):
    name = "x" * length
    assert run("trace", "synth", "mlp:4-3-2", tmp_path / name, *SYNTH).exit_code == 0
    assert run("simulate", "imc", tmp_path / name, "--json", tmp_path / ("y" * length), "--quiet").exit_code == 0
    assert len(left(tmp_path)) == 2


def test_what_a_killed_process_left_does_not_block_the_next(tmp_path):
    """Temporary names are new each time."""
    target, trace = tmp_path / "t.npz", read_trace(TRACE)
    (tmp_path / f".t.npz.{os.getpid()}.partial").write_bytes(b"left behind")
    write_trace(target, trace)
    assert target.is_file()


def test_threads_do_not_collide(tmp_path):
    target, trace, errors = tmp_path / "t.npz", read_trace(TRACE), []

    def write():
        try:
            for _ in range(30):
                write_trace(target, trace)
        except TraceError as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert left(tmp_path) == ["t.npz"]


def test_new_files_have_the_rights_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_provenance_of_a_saved_trace_can_be_read_back(tmp_path):
    """The command goes into the notes, and a folder's name may hold anything."""
    folder = tmp_path / "a\nb"
    folder.mkdir()
    design = folder / "own.yaml"
    design.write_text("extends: stdp\n")
    saved = tmp_path / "learned.npz"
    result = run("simulate", design, LEARNS, "--phase", "train", "--save-trace", saved, "--quiet")
    assert result.exit_code == 0, result.output
    assert r"a\nb" in read_trace(saved).provenance.notes


def test_a_manifest_that_no_reader_takes_is_not_written(tmp_path):
    from dataclasses import replace

    trace = read_trace(TRACE)
    long = replace(trace, provenance=replace(trace.provenance, notes="x" * (5 << 20)))
    with pytest.raises(TraceError, match="manifest: wanted at most"):
        write_trace(tmp_path / "t.npz", long)
    assert left(tmp_path) == []


def test_a_place_for_a_trace_is_looked_at_first(tmp_path, monkeypatch):
    from hwsim.traces.direct import synth

    monkeypatch.setattr(synth, "draw", lambda *_: pytest.fail("work began"))
    assert "No such file" in refused(run("trace", "synth", "mlp:4-3-2", tmp_path / "no" / "t.npz", *SYNTH))


def test_standard_streams_are_written_as_they_are(tmp_path):
    process = program("simulate", "imc", TRACE, "--csv", "/dev/stdout", "--quiet")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"design,settings,trace,run,latency_ns,area_mm2,begin_ns,")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_in_one_line_and_leaves_no_temporary_file(tmp_path, number, status):
    """While a large trace is written."""
    target = tmp_path / "t.npz"
    sizes = ("--timesteps", 8, "--samples", 4000, "--rate", 0.1, "--compress")
    process = program("trace", "synth", "mlp:4000-4000-10", target, *sizes)
    deadline = time.monotonic() + 60
    while not left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.decode().splitlines()[-1]) == (status, "hwsim: terminated")
    assert left(tmp_path) == []


DEAF = """
import os, sys, time
import click
from hwsim.cli.program import Program

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(1000):
            pass

@click.command()
def wait():
    Deaf()
    time.sleep(20)
    print("went on")

Program(commands={"wait": wait}).main(["wait"])
"""


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_that_comes_while_an_object_goes_is_not_lost(number, status, word):
    """Where Python says 'Exception ignored' and goes on."""
    ended = subprocess.run([sys.executable, "-c", DEAF, str(int(number))], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (status, "", f"hwsim: {word}")


WRAPPING = """
import os, sys, click
from hwsim.cli.program import Program

@click.command()
def serialise():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(10**6):
            pass
    except BaseException as error:
        raise ValueError(f"cannot be serialised: {error}") from error
    print("went on")

Program(commands={"serialise": serialise}).main(["serialise"])
"""


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_that_a_library_turns_into_an_error_is_not_one(number, status, word):
    """As pydantic does where it is called back in the middle of writing JSON."""
    command = [sys.executable, "-c", WRAPPING, str(int(number))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (status, "", f"hwsim: {word}")


def test_json_and_csv_appear_together(tmp_path):
    as_json, as_csv = tmp_path / "r.json", tmp_path / "r.csv"
    assert run("simulate", "imc", TRACE, "--json", as_json, "--csv", as_csv, "--quiet").exit_code == 0
    assert json.loads(Path(as_json).read_text())["runs"]
    assert left(tmp_path) == ["r.csv", "r.json"]
