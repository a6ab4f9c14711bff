"""The bytes of a trace file as they were when it was read: in memory, or mapped where there are very many.

A map shows what others write to the file later.  So only large files are mapped, and whoever uses one asks before and
after whether it is still the same.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hwsim.errors import TraceError
from hwsim.kept import kept_with
from hwsim.printable import shortened
from hwsim.traces.file.cut_short import watch

MAX_READ_BYTES = 64 << 20
"""Larger files are mapped."""
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class _State:
    """What a change of a file changes."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _State:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


_in_use: weakref.WeakSet[_Map] = weakref.WeakSet()


class _Map(mmap.mmap):
    """A map that knows its file; arrays in it lead to it by their bases."""

    path: Path
    state: _State

    def changed(self) -> bool:
        """Whether the file is no longer what it was."""
        try:
            return _State.of(self.path.stat()) != self.state
        except OSError:
            return True


def content_of(path: Path, file: BinaryIO, mapped: bool = False) -> memoryview:
    """The bytes of an open file, read-only and aligned; large ones, or all that shall be, are mapped.

    Raises TraceError for a file that changes meanwhile, ValueError for an empty one that would be mapped.
    """
    state = _State.of(os.fstat(file.fileno()))
    if mapped or state.size > MAX_READ_BYTES:
        found = _Map(file.fileno(), 0, access=mmap.ACCESS_READ)
        found.path, found.state = path.absolute(), state
        watch(found)
        _in_use.add(found)
        content = memoryview(found)
    else:
        content = _read(file, state.size)
    if _State.of(os.fstat(file.fileno())) != state or len(content) != state.size:
        raise TraceError("the file changed while it was read")
    return content


def let_go() -> None:
    """Take what was read of maps out of this process's memory; what is asked of them again comes from the file."""
    if _in_use and hasattr(mmap, "MADV_DONTNEED"):
        for each in list(_in_use):
            each.madvise(mmap.MADV_DONTNEED)


def is_mapped(content: memoryview) -> bool:
    """Whether bytes are those of a map."""
    return isinstance(content.obj, _Map)


def _read(file: BinaryIO, size: int) -> memoryview:
    room = np.empty(size + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    view = room.data[start : start + size]
    file.seek(0)
    n_read = file.readinto(view) if size else 0  # type: ignore[attr-defined]
    return view[:n_read].toreadonly()


def check_unchanged(trace: object) -> None:
    """Raise TraceError if arrays of a trace lie in a mapped file that is no longer what it was when it was read."""
    if not _in_use:
        return
    mapped = kept_with(trace).once("map", lambda: next(_maps(trace), None))  # all its arrays lie in one file
    if mapped is not None and mapped.changed():
        raise TraceError(f"{shortened(mapped.path)}: the file changed since it was read; read it again")


def _maps(value: object) -> Iterator[_Map]:
    """The maps that arrays anywhere in a value lie in, one for each array."""
    if isinstance(value, np.ndarray):
        base: object = value
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, memoryview) and isinstance(base.obj, _Map):
            yield base.obj
    elif is_dataclass(value):
        for field in fields(value):
            yield from _maps(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _maps(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _maps(item)
