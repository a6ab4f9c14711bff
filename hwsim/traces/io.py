"""Trace files: written whole or not at all, read checked or not at all; what the rules are is said in `manifest`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.files import fault_of, open_file, written_whole
from hwsim.printable import shortened
from hwsim.traces.file.archive import Archive
from hwsim.traces.file.container import Container
from hwsim.traces.file.record import Record, parse_object
from hwsim.traces.manifest import build_trace, read_version, trace_arrays, trace_record, with_sha256
from hwsim.traces.trace import AnyTrace

MANIFEST = "manifest"
MAX_MANIFEST_BYTES = 4 << 20
ALIGNMENT = 64
_NPY_HEADER_BYTES = 128
_WRITTEN_AT_ONCE = 8 << 20
_LOCAL_HEADER_BYTES = 30
_PADDING_FIELD = 0xD935  # the zip extra field that Android's zipalign pads with, which readers skip


def read_trace(path: str | os.PathLike[str], digests: bool = True, mapped: bool = False) -> AnyTrace:
    """Read a trace file; arrays are read-only, and those of stored members are views of what was read.

    Files of over 256 MiB, or all with `mapped`, are mapped, not read: `api.simulate` and `verify` refuse them if they
    change meanwhile.

    Structure, shapes, dtypes, ranges and padding bits are always checked.  `digests=False` leaves out the two full
    reads of the file: the arrays' SHA-256 are not compared and `Trace.sha256` stays empty.  Raises TraceError.
    """
    try:
        return _read(Path(path), digests, mapped)
    except TraceError as error:
        raise TraceError(_one_line(f"{shortened(path)}: {error}")) from None


def _read(path: Path, digests: bool, mapped: bool) -> AnyTrace:
    container = Container(path, mapped)
    if MANIFEST in container.names and container.size(MANIFEST) > MAX_MANIFEST_BYTES:
        raise TraceError(f"manifest: wanted at most {MAX_MANIFEST_BYTES} bytes, found {container.size(MANIFEST)}")
    if MANIFEST not in container.names:
        found = ", ".join(sorted(container.names)[:4]) or "nothing"
        says = f"is no trace: a trace has an array '{MANIFEST}' (docs/formats/trace.md), found {found[:80]}"
        if found == "labels, values":
            says += ": inputs, which hwsim trace from-nir and hwsim.capture take with a network"
        raise TraceError(says)
    # No digest covers the manifest itself.
    container.check_crc(MANIFEST)
    record = parse_object(MANIFEST, container.array(MANIFEST, ("|u1",), None).tobytes())
    version = read_version(record)  # before anything that another version might say otherwise
    recorded = record.record("sha256")
    taken: set[str] = set()

    def take(name: str, dtypes: tuple[str, ...], shape: tuple[int, ...], /) -> NDArray[Any]:
        array = container.array(name, dtypes, shape)
        taken.add(name)
        digest = recorded.text(name)
        if digests and digest != _digest(array):
            raise TraceError(f"array '{name}': wanted SHA-256 {digest[:64]}, found {_digest(array)}")
        return array

    trace = build_trace(version, record, take)
    if surplus := container.names - taken - {MANIFEST}:
        raise TraceError(f"array '{min(surplus)[:80]}': wanted only arrays that the manifest speaks of")
    recorded.close()
    record.close()
    return with_sha256(trace, container.file_sha256()) if digests else trace


def member_bytes(path: Path) -> dict[str, int]:
    """Bytes of every array of a trace file that was read, npy header included, after inflating, in the file's order.

    Raises TraceError where it is no longer the file that was read.
    """
    try:
        with open_file(path) as file:
            return {info.filename.removesuffix(".npy"): info.file_size for info in Archive(file).infolist()}
    except (OSError, zipfile.BadZipFile):
        raise TraceError(f"{shortened(path)}: the file changed since it was read; read it again") from None


def write_trace(path: str | os.PathLike[str], trace: AnyTrace, compress: bool = False) -> None:
    """Write a trace file; the same trace gives the same bytes, and a file that cannot be read back is never written.

    Readers copy stored members nowhere; `compress=True` deflates them, for publishing.  The file appears under its
    name only when complete.  Raises TraceError for a trace that breaks a rule and for a place that cannot be written.
    """
    target = Path(path)
    try:
        if fault := fault_of(target):
            raise TraceError(fault)
        record, arrays = _checked(trace)
        record["sha256"] = {name: _digest(array) for name, array in arrays.items()}
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1).encode()
        if len(text) + _NPY_HEADER_BYTES > MAX_MANIFEST_BYTES:
            raise TraceError(f"manifest: wanted at most {MAX_MANIFEST_BYTES} bytes, found {len(text)}")
        _write_whole(target, {MANIFEST: np.frombuffer(text, dtype=np.uint8)} | arrays, compress)
    except TraceError as error:
        raise TraceError(_one_line(f"{shortened(target)}: {error}")) from None
    except OSError as error:
        raise TraceError(_one_line(f"{shortened(target)}: cannot be written: {error.strerror or error}")) from None


def check_trace(trace: AnyTrace) -> None:
    """Raise TraceError unless a trace keeps every rule of the format, as if it were read from a file."""
    _checked(trace)


def _checked(trace: AnyTrace) -> tuple[dict[str, object], dict[str, NDArray[Any]]]:
    """A trace as it is stored."""
    record, arrays = trace_record(trace), trace_arrays(trace)
    _check_readable(record, arrays)
    return record, arrays


def _check_readable(record: dict[str, object], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Build the trace from what would be written, so that reader and writer cannot differ in what they allow."""
    try:
        text = json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TraceError(f"manifest: wanted plain integers, finite numbers and text, found {error}") from None

    def take(name: str, dtypes: tuple[str, ...], shape: tuple[int, ...], /) -> NDArray[Any]:
        if name not in arrays:
            raise TraceError(f"array '{name}': wanted {dtypes[0]} {shape}, found nothing")
        array = arrays[name]
        if array.dtype.str not in dtypes or array.shape != shape:
            raise TraceError(f"array '{name}': wanted {np.dtype(dtypes[0])} {shape}, found {array.dtype} {array.shape}")
        left.discard(name)
        return array

    left = set(arrays)
    read = Record(MANIFEST, json.loads(text))
    build_trace(read_version(read), read, take)
    if left:
        raise TraceError(f"array '{min(left)}': wanted only arrays of the network's layers")


def _write_whole(target: Path, arrays: Mapping[str, NDArray[Any]], compress: bool) -> None:
    with written_whole(target) as file:
        archive = Archive(file, "w")
        for name, array in arrays.items():
            _write_member(archive, name, array, compress)
        archive.close()


def _write_member(archive: zipfile.ZipFile, name: str, array: NDArray[Any], compress: bool) -> None:
    """Add `<name>.npy` with a fixed date, its data at a multiple of 64 bytes so that a map of it is aligned."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    )
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    info.create_system, info.external_attr = 3, 0o644 << 16
    info.file_size = len(header.getvalue()) + array.nbytes
    assert archive.fp is not None
    zip64_bytes = 20 if info.file_size * 1.05 > zipfile.ZIP64_LIMIT else 0
    local_header_bytes = _LOCAL_HEADER_BYTES + len(info.filename) + zip64_bytes + 4
    padding = -(archive.fp.tell() + local_header_bytes + len(header.getvalue())) % ALIGNMENT
    info.extra = struct.pack("<HH", _PADDING_FIELD, padding) + bytes(padding)
    with archive.open(info, "w") as member:
        member.write(header.getvalue())
        content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        for start in range(0, len(content), _WRITTEN_AT_ONCE):  # deflated, each part takes memory of its own
            member.write(content[start : start + _WRITTEN_AT_ONCE].data)


def _digest(array: NDArray[Any]) -> str:
    """SHA-256 of the array's bytes in C order, little-endian, without the npy header."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
