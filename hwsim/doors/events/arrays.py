"""Arrays in .npy files and members of .npz files, without pickles, whole or row by row: sizes are compared first."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.files import open_file
from hwsim.memory import require
from hwsim.printable import brief, one_line, shortened

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
Opened = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, slots=True)
class StoredArray:
    """What the header of an array says, and how to come to its data."""

    name: str  # of file and member, for messages
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    opened: Opened

    def whole(self) -> NDArray[Any]:
        """All of it; raises UsageError where that takes more memory than may be used."""
        require(math.prod(self.shape) * self.dtype.itemsize, f"reading {self.name}")
        with self._data() as file:
            flat = np.frombuffer(_exactly(file, math.prod(self.shape) * self.dtype.itemsize, self.name), self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran_order else "C")

    def rows(self) -> Iterator[NDArray[Any]]:
        """One [...] after another along the first axis, as they lie in the file."""
        if self.fortran_order:
            yield from self.whole()
            return
        shape = self.shape[1:]
        n_bytes = math.prod(shape) * self.dtype.itemsize
        require(n_bytes, f"reading {self.name}")
        with self._data() as file:
            for _ in range(self.shape[0]):
                yield np.frombuffer(_exactly(file, n_bytes, self.name), self.dtype).reshape(shape)

    @contextmanager
    def _data(self) -> Iterator[IO[bytes]]:
        with told_about(self.name), self.opened() as file:
            _header(file, self.name)
            yield file


def stored_arrays(path: Path) -> dict[str, StoredArray]:
    """Arrays of an .npz by name; of an .npy its only one, named ''.

    Raises TraceError for what is no such file, holds pickles, or is shorter than its headers say.
    """
    name = shortened(path)
    with told_about(name):
        if path.suffix == ".npy":
            with open_file(path) as file:
                size = path.stat().st_size
                return {"": _stored(name, file, size, lambda: open_file(path))}
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            found = {}
            for info in archive.infolist():
                inner = info.filename.removesuffix(".npy")
                with archive.open(info) as member:
                    found[inner] = _stored(f"{name}, {brief(inner)}", member, info.file_size, _member(path, info))
            return found


@contextmanager
def told_about(name: str) -> Iterator[None]:
    """Raise TraceError, with a name, for whatever reading a file of somebody's may raise."""
    try:
        yield
    except OSError as error:
        raise TraceError(f"{name}: cannot be read: {error.strerror or one_line(str(error))[:100]}") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise TraceError(f"{name}: {one_line(str(error))[:120]}") from None


def _member(path: Path, info: zipfile.ZipInfo) -> Opened:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with open_file(path) as file, zipfile.ZipFile(file) as archive, archive.open(info) as member:
            yield member

    return opened


def _stored(name: str, file: IO[bytes], size: int, opened: Opened) -> StoredArray:
    shape, fortran_order, dtype = _header(file, name)
    found, wanted = size - file.tell(), math.prod(shape) * dtype.itemsize
    if found != wanted:
        raise TraceError(f"{name}: wanted {wanted} bytes of {dtype} {brief(shape)}, found {found}")
    return StoredArray(name, dtype, shape, fortran_order, opened)


def _header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise TraceError(f"{name}: wanted an npy header of version 1.0 or 2.0, found {version[0]}.{version[1]}")
    with contextlib.suppress(SyntaxError, TypeError):
        shape, fortran_order, dtype = _HEADERS[version](file)
        if dtype.hasobject:
            raise TraceError(f"{name}: wanted numbers, found Python objects, which are not read")
        if all(0 <= size < 1 << 62 for size in shape):
            return shape, fortran_order, dtype
    raise TraceError(f"{name}: wanted an npy header, found another text")


def _exactly(file: IO[bytes], n_bytes: int, name: str) -> bytes:
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise TraceError(f"{name}: wanted {n_bytes} more bytes, found {len(data)}: cut short")
    return data
