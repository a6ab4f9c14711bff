"""Reading of .npz members without pickles and without trust: sizes are compared before anything is allocated."""

from __future__ import annotations

import ast
import hashlib
import math
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.files import open_file
from hwsim.memory import require
from hwsim.printable import brief
from hwsim.traces.file.archive import Archive
from hwsim.traces.file.content import content_of, is_mapped

MAX_INFLATED_BYTES = 2 << 30
"""Deflated members may claim this much in all; larger traces are stored, which costs no memory."""
_LONGEST_HEADER = 4096
_LARGEST_SIZE, _MOST_AXES = 2**63 - 1, 32
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ITEM_BYTES = {"<u8": 8, "<i8": 8, "<i4": 4, "<f4": 4, "<i2": 2, "<u2": 2, "|u1": 1, "|i1": 1}


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of an npy file declares, and where its data begin."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class Container:
    """The members of a .npz file; arrays of stored members are read-only views of its bytes."""

    def __init__(self, path: Path, mapped: bool = False) -> None:
        """Open `path`; TraceError if it is no zip file of plain, distinct, bounded members."""
        try:
            with open_file(path) as file:
                infos = Archive(file).infolist()
                self._bytes = content_of(path, file, mapped)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError, struct.error) as error:
            raise TraceError(f"wanted a .npz (zip) file: {error}") from None
        except OSError as error:
            raise TraceError(f"cannot be read: {error.strerror or error}") from None
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._add(info)
        inflated = sum(info.file_size for info in infos if info.compress_type == zipfile.ZIP_DEFLATED)
        if inflated > MAX_INFLATED_BYTES:
            raise TraceError(
                f"wanted at most {MAX_INFLATED_BYTES} deflated bytes, found {inflated}; store them instead"
            )
        require(inflated + (0 if is_mapped(self._bytes) else len(self._bytes)), "reading this trace")

    def _add(self, info: zipfile.ZipInfo) -> None:
        name = info.filename.removesuffix(".npy")
        if name == info.filename or name in self._members:
            raise TraceError(f"member {brief(info.filename)}: wanted distinct names ending in .npy")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise TraceError(f"member {brief(info.filename)}: wanted stored or deflated data, found another method")
        self._members[name] = info

    @property
    def names(self) -> frozenset[str]:
        """Names of the arrays."""
        return frozenset(self._members)

    def size(self, name: str) -> int:
        """Bytes of a member, npy header included."""
        return self._members[name].file_size

    def check_crc(self, name: str) -> None:
        """Raise TraceError unless the member's bytes have the CRC-32 of the zip directory."""
        if name in self._members:
            info = self._members[name]
            _check_crc(info, self._content(info))

    def file_sha256(self) -> str:
        """SHA-256 of the whole file."""
        return hashlib.sha256(self._bytes).hexdigest()

    def array(self, name: str, dtypes: tuple[str, ...], shape: tuple[int, ...] | None) -> NDArray[Any]:
        """The named array, read-only, if its header has one of `dtypes` and `shape` (None: one axis of any length).

        Header and member size are compared with what is wanted before data are read.  Raises TraceError for others.
        """

        def wanted() -> str:
            return f"array '{name}': wanted {' or '.join(map(_dtype_name, dtypes))} {shape or '(n,)'}"

        if name not in self._members:
            raise TraceError(f"{wanted()}, found nothing")
        content = self._content(self._members[name])
        header = _read_header(name, content)
        fits = header.shape == shape if shape is not None else len(header.shape) == 1
        if header.dtype not in dtypes or not fits:
            raise TraceError(f"{wanted()}, found {_dtype_name(header.dtype)} {brief(header.shape)}")
        count = math.prod(header.shape)
        n_bytes = count * _ITEM_BYTES[header.dtype]
        if not count or len(content) != header.offset + n_bytes:
            raise TraceError(f"{wanted()} in {n_bytes} bytes, found {len(content) - header.offset}")
        flat = np.frombuffer(content, dtype=header.dtype, count=count, offset=header.offset)
        # The members of another writer may lie unaligned, which compiled kernels do not take.
        array = flat.reshape(header.shape) if flat.flags.aligned else flat.reshape(header.shape).copy()
        array.flags.writeable = False
        return array

    def _content(self, info: zipfile.ZipInfo) -> memoryview:
        """The member's bytes: a view of the file's, or inflated, never past the declared size."""
        start, name = info.header_offset, brief(info.filename)
        header = bytes(self._bytes[start : start + _LOCAL_HEADER.size]) if start >= 0 else b""
        if len(header) != _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise TraceError(f"member {name}: wanted a local header at byte {start}, found none")
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start += _LOCAL_HEADER.size
        if self._bytes[start : start + name_length] != info.filename.encode():
            raise TraceError(f"member {name}: wanted the same name in both headers, found two")
        start += name_length + extra_length
        packed = self._bytes[start : start + info.compress_size]
        if len(packed) != info.compress_size:
            raise TraceError(f"member {name}: wanted {info.compress_size} bytes, found {len(packed)}: truncated")
        if info.compress_type == zipfile.ZIP_DEFLATED:
            return _inflate(info, packed)
        if info.file_size != info.compress_size:
            raise TraceError(f"member {name}: wanted {info.file_size} bytes, found {info.compress_size}")
        return packed


def _inflate(info: zipfile.ZipInfo, packed: memoryview) -> memoryview:
    name = brief(info.filename)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(packed, max_length=info.file_size + 1)
    except zlib.error as error:
        raise TraceError(f"member {name}: wanted deflated data, found {error}") from None
    if len(content) != info.file_size:
        raise TraceError(f"member {name}: wanted {info.file_size} bytes after inflating, found another number")
    _check_crc(info, memoryview(content))
    return memoryview(content)


def _check_crc(info: zipfile.ZipInfo, content: memoryview) -> None:
    if (found := zlib.crc32(content)) != info.CRC:
        raise TraceError(f"member {brief(info.filename)}: wanted CRC-32 {info.CRC:08x}, found {found:08x}")


def _read_header(name: str, content: memoryview) -> Header:
    """Parse the header of an npy file (version 1.0 or 2.0), literals only."""
    prefix = bytes(content[:12])
    if len(prefix) < 12 or prefix[:6] != b"\x93NUMPY" or prefix[6:8] not in (b"\x01\x00", b"\x02\x00"):
        raise TraceError(f"array '{name}': wanted an npy header of version 1.0 or 2.0, found another beginning")
    start, length = (10, struct.unpack("<H", prefix[8:10])[0])
    if prefix[6] == 2:
        start, length = (12, struct.unpack("<I", prefix[8:12])[0])
    text = bytes(content[start : start + length])
    if length > _LONGEST_HEADER or len(text) != length:
        raise TraceError(f"array '{name}': wanted an npy header of at most {_LONGEST_HEADER} bytes, found {length}")
    try:
        with warnings.catch_warnings(action="ignore"):
            fields = ast.literal_eval(text.decode("latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise TraceError(
            f"array '{name}': wanted an npy header with descr, fortran_order and shape, found {brief(text)}"
        )
    dtype, order, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise TraceError(f"array '{name}': wanted a dtype among {', '.join(_ITEM_BYTES)}, found {brief(dtype)}")
    sizes = shape if isinstance(shape, tuple) and len(shape) <= _MOST_AXES else (-1,)
    if not all(type(size) is int and 0 <= size <= _LARGEST_SIZE for size in sizes) or order is not False:
        raise TraceError(f"array '{name}': wanted sizes in C order, found {brief(shape)}, fortran_order {brief(order)}")
    return Header(dtype, shape, start + length)


def _dtype_name(dtype: str) -> str:
    return str(np.dtype(dtype))
