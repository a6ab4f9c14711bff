"""A journal after a kill at any byte, beside a second writer, and of another sweep."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sweeps.cases import alone, of_the_point, space

from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.sweep.journal import journal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="module")
def where(folder):
    return space(folder, "adc.bits=6:8", "clock.network.gated_fraction=0.5,0.7")


@pytest.fixture(scope="module")
def whole(folder, where):
    out = folder / "whole.jsonl"
    rows = sweep.sweep(where, out, alone())
    assert [row["point"] for row in rows] == list(range(7))
    return out.read_bytes()


def test_rows_read_back(folder, where, whole):
    rows = sweep.load(folder / "whole.jsonl")
    assert [row["point"] for row in rows] == list(range(7))
    assert rows[3]["adc.bits"] == 7
    assert rows[3]["settings"] == "adc.bits=7 clock.network.gated_fraction=0.5"
    assert json.loads(whole.splitlines()[0])["sha256"] == where.sha256


def test_whatever_a_kill_leaves_of_the_file_it_ends_with_every_point_once(folder, where, whole):
    wanted = of_the_point(sweep.load(folder / "whole.jsonl"))
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    cuts = {0, 1, 40, ends[0] - 1, *ends, *(end - 1 for end in ends), *(end + 1 for end in ends[:-1]), ends[2] + 77}
    for cut in sorted(cuts):
        out = folder / "cut.jsonl"
        out.write_bytes(whole[:cut])
        kept = whole[:cut].rfind(b"\n") + 1
        assert of_the_point(sweep.sweep(where, out, alone())) == wanted, cut
        assert out.read_bytes()[:kept] == whole[:kept]
        lines = [json.loads(line)["point"] for line in out.read_bytes().splitlines()[1:]]
        assert sorted(lines) == list(range(7)), cut


def test_a_torn_last_line_is_no_row(folder, whole):
    torn = folder / "torn.jsonl"
    torn.write_bytes(whole[:-5])
    assert [row["point"] for row in sweep.load(torn)] != list(range(7))
    assert len(sweep.load(torn)) == 6


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"axes": ("adc.bits=6:8",)}, "other axes"),
        ({"designs": ("imc_sram",)}, "another design"),
        ({"overrides": ("skip=none",)}, "another design"),
        ({"seeds": (2,)}, "another trace"),
        ({"samples": 2}, r"other options \(samples null then, 2 now\)"),
    ],
)
def test_a_journal_of_something_else_is_refused_and_left_alone(folder, whole, other, said):
    axes = other.pop("axes", ("adc.bits=6:8", "clock.network.gated_fraction=0.5,0.7"))
    out = folder / "other.jsonl"
    out.write_bytes(whole)
    with pytest.raises(UsageError, match=rf"other\.jsonl: was begun with {said}; give another name"):
        sweep.sweep(space(folder, *axes, **other), out, alone())
    assert out.read_bytes() == whole


def test_a_journal_of_another_version_is_refused(folder, where, whole):
    out = folder / "version.jsonl"
    out.write_bytes(whole.replace(b'"hwsim": "', b'"hwsim": "0.0.', 1))
    with pytest.raises(UsageError, match="was begun with another version of hwsim"):
        sweep.sweep(where, out, alone())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"notes of mine\n", r":1: is no line of a journal; give another name with --out"),
        (b"notes of mine", r":1: is no line of a journal"),
        (b"{}\n", ": is not the journal of a sweep"),
        (b"\x00\xff\n", ":1: is no line of a journal"),
    ],
)
def test_a_file_that_is_no_journal_is_left_alone(folder, where, content, said):
    out = folder / "mine.txt"
    out.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        sweep.sweep(where, out, alone())
    with pytest.raises(UsageError, match=said.partition(";")[0]):
        sweep.load(out)
    assert out.read_bytes() == content


def test_a_line_in_the_middle_that_is_none_is_named(folder, where, whole):
    out = folder / "middle.jsonl"
    lines = whole.splitlines(keepends=True)
    out.write_bytes(b"".join([*lines[:3], b"x" + lines[3], *lines[4:]]))
    with pytest.raises(UsageError, match=r"middle\.jsonl:4: is no line of a journal"):
        sweep.sweep(where, out, alone())
    out.write_bytes(b"".join([*lines[:3], b'{"point": 99}\n']))
    with pytest.raises(UsageError, match=r"middle\.jsonl:4: is no row of this sweep"):
        sweep.sweep(where, out, alone())


def test_two_writers_exclude_each_other_and_the_second_is_told_who(folder, where):
    out = folder / "shared.jsonl"
    try_it = f"""
import sys
from pathlib import Path
from hwsim import sweep
from hwsim.errors import UsageError
axes = ["adc.bits=6:8", "clock.network.gated_fraction=0.5,0.7"]
where = sweep.space_of(["imc"], [{str(where.traces[0].path)!r}], axes)
try:
    sweep.sweep(where, {str(out)!r}, sweep.Where(1))
except UsageError as error:
    print(error)
"""
    with journal(out, where):
        second = subprocess.run([sys.executable, "-c", try_it], capture_output=True, text=True, check=True)
        assert f"is being written by process {os.getpid()}; a journal has one writer at a time" in second.stdout
    assert subprocess.run([sys.executable, "-c", try_it], capture_output=True, text=True, check=True).stdout == ""
    assert len(sweep.load(out)) == 7


def test_a_full_disk_ends_in_one_line_and_a_whole_journal(folder, where, monkeypatch):
    out, written = folder / "full.jsonl", []
    real = os.write

    def write(handle, content):
        written.append(content)
        if len(written) == 4:
            return real(handle, content[:20])
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        return real(handle, content)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(UsageError, match=r"full\.jsonl: cannot be written: No space left on device"):
        sweep.sweep(where, out, alone())
    monkeypatch.undo()
    assert out.read_bytes().endswith(b"\n")
    assert len(sweep.sweep(where, out, alone())) == 7


def test_the_output_is_none_of_the_inputs(where):
    trace = where.traces[0].path
    before = trace.read_bytes()
    with pytest.raises(UsageError, match="which would be overwritten"):
        sweep.sweep(where, trace, alone())
    assert trace.read_bytes() == before
