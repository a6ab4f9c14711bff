"""A trace that is being read or written when the program is told to end, at any line of either."""

from __future__ import annotations

import gc
import sys
import zipfile
from pathlib import Path

import pytest

from hwsim import files
from hwsim.traces import io
from hwsim.traces.file import archive, container

SOUND = min((Path(__file__).parents[2] / "cases" / "sound").glob("*.npz"), key=lambda path: path.stat().st_size)
LINES_OF = {module.__file__ for module in (zipfile, io, archive, container, files)}
OLD = b"what was there before"


class Told(BaseException):
    """To end."""


def end_at(number):
    """A tracer that raises at the line that is the `number`th to be reached for the first time."""
    seen = set()

    def on_line(frame, event, _argument):
        if event == "line":
            seen.add((frame.f_code, frame.f_lineno))
            if len(seen) > number:
                sys.settrace(None)
                raise Told
        return on_line

    return lambda frame, _event, _argument: on_line if frame.f_code.co_filename in LINES_OF else None


def read(_):
    io.read_trace(SOUND)


def written():
    trace = io.read_trace(SOUND)
    return lambda target: io.write_trace(target, trace, compress=True)


@pytest.mark.parametrize("act", [read, written()], ids=["read", "written"])
def test_whatever_line_it_is_told_at_it_ends_at_once_without_another_word(tmp_path, monkeypatch, act):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    target, number = tmp_path / "t.npz", 0
    before = sys.gettrace()
    while True:
        target.write_bytes(OLD)
        sys.settrace(end_at(number))
        try:
            act(target)
            gc.collect(0)
            ended = [unraisable.exc_type for unraisable in said]  # nothing can be raised while an object goes
            said.clear()
        except Told:
            ended = [Told]
        finally:
            sys.settrace(before)
        if not ended:
            break
        gc.collect(0)
        files._remove_partials()
        assert (ended, said) == ([Told], []), number
        assert target.read_bytes() == OLD or zipfile.ZipFile(target).testzip() is None
        assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]
        number += 1
    assert number > 100
