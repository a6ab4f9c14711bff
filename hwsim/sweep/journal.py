"""Rows as they finish, a line of JSON each, in a file that a kill at any moment leaves fit to go on with.

The first line says what the rows depend on, and a journal goes on only with the same.  A line counts when its end is
there: what a kill left of a last one is cut off.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwsim.errors import UsageError
from hwsim.files import fault_of, open_file
from hwsim.printable import shortened
from hwsim.sweep.lock import lock
from hwsim.sweep.row import Row
from hwsim.sweep.space import Space

FORMAT = "hwsim sweep"
VERSION = 1
_SECONDS_BETWEEN_SYNCS = 1.0
"""What a kill of the program leaves is in the hands of the system at once; this bounds what a loss of power takes."""


class Rows:
    """Rows by point, in memory alone."""

    def __init__(self, rows: dict[int, Row] | None = None) -> None:
        self.rows: dict[int, Row] = {} if rows is None else rows

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows; those of points that are known are left out."""
        new = {row["point"]: row for row in rows if row["point"] not in self.rows}
        if new:
            self._keep(new.values())
            self.rows |= new

    def _keep(self, rows: Iterable[Row]) -> None:
        """Put rows where they last."""


class Journal(Rows):
    """An open journal: rows that are known, and those that are added.  What was added no kill takes away."""

    def __init__(self, path: Path, handle: int, rows: dict[int, Row]) -> None:
        super().__init__(rows)
        self._path, self._handle, self._synced = path, handle, 0.0

    def _keep(self, rows: Iterable[Row]) -> None:
        self._write("".join(f"{json.dumps(row)}\n" for row in rows).encode())

    def _write(self, content: bytes) -> None:
        end = os.fstat(self._handle).st_size
        try:
            written = 0
            while written < len(content):
                written += os.write(self._handle, content[written:])
            if time.monotonic() - self._synced > _SECONDS_BETWEEN_SYNCS:
                os.fsync(self._handle)
                self._synced = time.monotonic()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, end)
            raise UsageError(f"{shortened(self._path)}: cannot be written: {error.strerror or error}") from None


@contextmanager
def journal(path: Path, space: Space) -> Iterator[Journal]:
    """A new journal of a space, or one that goes on; nobody else writes it meanwhile.

    Raises UsageError for a file that is no journal or one of another space, design, trace or version, and where
    somebody else has it.
    """
    if (fault := fault_of(path)) is not None:
        raise UsageError(f"{shortened(path)}: {fault}")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        holder = lock(handle)
        if holder is not None:
            who = f"process {holder}" if holder else "another process"
            raise UsageError(f"{shortened(path)}: is being written by {who}; a journal has one writer at a time")
        header = _header(space)
        whole, rows = _read(path, handle, header, len(space))
        if whole < os.fstat(handle).st_size:
            os.ftruncate(handle, whole)
        opened = Journal(path, handle, rows)
        if not whole:
            opened._write(header)
            _sync_folder(path)
        try:
            yield opened
        finally:
            os.fsync(handle)
    finally:
        os.close(handle)


def _header(space: Space) -> bytes:
    return (json.dumps({FORMAT: VERSION, "sha256": space.sha256, **space.identity}) + "\n").encode()


def _read(path: Path, handle: int, header: bytes, n_points: int) -> tuple[int, dict[int, Row]]:
    """How many bytes of a file are whole lines, and the rows in them."""
    os.lseek(handle, 0, os.SEEK_SET)
    content = b"".join(iter(lambda: os.read(handle, 1 << 24), b""))
    whole = content.rfind(b"\n") + 1
    if not whole and header.startswith(content):
        return 0, {}
    first, *lines = content[:whole].splitlines() or [content[:200]]
    remedy = "; give another name with --out"
    _check_header(path, _parsed(path, 1, first, remedy), json.loads(header))
    rows: dict[int, Row] = {}
    for number, line in enumerate(lines, start=2):
        row = _parsed(path, number, line, remedy)
        if type(row.get("point")) is not int or not 0 <= row["point"] < n_points:
            raise UsageError(f"{shortened(path)}:{number}: is no row of this sweep")
        rows.setdefault(row["point"], row)
    return whole, rows


def _parsed(path: Path, number: int, line: bytes, remedy: str = "") -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{shortened(path)}:{number}: is no line of a journal{remedy}")
    return found


def _check_header(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    name = shortened(path)
    if FORMAT not in found:
        raise UsageError(f"{name}: is not the journal of a sweep; give another name with --out")
    if found == wanted:
        return
    what = {"hwsim": "another version of hwsim", "designs": "another design", "traces": "another trace"}
    what |= {"axes": "other axes", "asked": f"other options ({_changed(found.get('asked'), wanted['asked'])})"}
    different = [words for key, words in what.items() if found.get(key) != wanted[key]]
    raise UsageError(
        f"{name}: was begun with {' and '.join(different) or 'another form of rows'}; "
        "give another name with --out, or what it was begun with"
    )


def _changed(then: Any, now: dict[str, Any]) -> str:
    """What options were and are, of those that differ."""
    before = then if isinstance(then, dict) else {}
    changed = [name for name in now if before.get(name) != now[name]]
    return "; ".join(f"{name} {json.dumps(before.get(name))} then, {json.dumps(now[name])} now" for name in changed)


def _sync_folder(path: Path) -> None:
    """Make the name of a new file last, where the system can."""
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(path: str | Path) -> list[Row]:
    """Rows of a journal by point, each a mapping of columns, as data frames take them: `pandas.DataFrame(load(path))`.

    A last line that a kill left incomplete is left out.  Raises UsageError for a file that is no journal.
    """
    path = Path(path)
    try:
        with open_file(path) as file:
            content = file.read()
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be read: {error.strerror or error}") from None
    first, *lines = content[: content.rfind(b"\n") + 1].splitlines() or [content[:200]]
    if FORMAT not in _parsed(path, 1, first):
        raise UsageError(f"{shortened(path)}: is not the journal of a sweep")
    rows = {row["point"]: row for row in (_parsed(path, n, line) for n, line in enumerate(lines, start=2))}
    return [rows[number] for number in sorted(rows)]
