"""Arrays that grow along their first axis: in memory, or in files that are mapped while they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.printable import shortened


class Spool:
    """Arrays by name, to which rows are added; without a folder they lie in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._rows: dict[str, int] = {}

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Add rows [row, ...] to an array, of its type and shape."""
        self._rows[name] = self._rows.get(name, 0) + len(rows)
        if self._folder is None:
            self._parts.setdefault(name, []).append(rows)
            return
        if name not in self._files:
            self._files[name] = (self._folder / str(len(self._files))).open("w+b")
            self._parts[name] = [rows[:0]]
        self._files[name].write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)

    def array(self, name: str) -> NDArray[Any]:
        """All rows of an array, [row, ...]."""
        parts = self._parts[name]
        if self._folder is None:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        file, (like,) = self._files[name], parts
        file.flush()
        shape = (self._rows[name], *like.shape[1:])
        return np.asarray(np.memmap(file, like.dtype, "r", shape=shape)) if shape[0] else np.empty(shape, like.dtype)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


@contextmanager
def spooled(out: Path | None) -> Iterator[Spool]:
    """Arrays in files of a folder beside a file that is to be written, which is removed afterwards; or in memory.

    Raises UsageError where no folder can be made there, or when the disk is full.
    """
    if out is None:
        yield Spool()
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".hwsim-", suffix=".partial", dir=out.parent) as folder:
            spool = Spool(Path(folder))
            try:
                yield spool
            finally:
                spool.close()
    except OSError as error:
        raise UsageError(f"{shortened(out)}: cannot be written: {error.strerror or error}") from None
