"""Files of events of a camera: arrays (t, x, y, p), and N-MNIST's packed records; one recording a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.arrays import stored_arrays, told_about
from hwsim.errors import TraceError
from hwsim.files import open_file
from hwsim.printable import shortened

MOST_BYTES = 1 << 30
NMNIST_SIZE = (34, 34)
_RECORD_BYTES = 5
NAMES = ("t", "x", "y", "p")


@dataclass(frozen=True, slots=True)
class Events:
    """Events in the order of time: microseconds from the first, place and polarity (0 or 1)."""

    t_us: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    p: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t_us)


def read_events(path: Path) -> Events:
    """Events of a file: `.bin` as N-MNIST has them, `.npy` [event, 4] or with fields t (microseconds), x, y and p,
    `.npz` with arrays of these names or one array with such fields.

    Raises TraceError for what cannot be read or is none of these.
    """
    name = shortened(path)
    if path.suffix == ".bin":
        with told_about(name), open_file(path) as file:
            return _ordered(name, *_nmnist(file.read(MOST_BYTES), name))
    if path.suffix not in (".npy", ".npz"):
        raise TraceError(f"{name}: wanted events as .bin (N-MNIST), .npy or .npz, found {path.suffix or 'no ending'}")
    arrays = stored_arrays(path)
    if len(arrays) == 1:
        (stored,) = arrays.values()
        if path.suffix == ".npy" or stored.dtype.names:
            return _ordered(name, *_columns(stored.whole(), name))
    if any(each not in arrays for each in NAMES):
        raise TraceError(f"{name}: wanted arrays t, x, y and p, found {', '.join(arrays)[:80] or 'none'}")
    return _ordered(name, *_named({each: arrays[each].whole() for each in NAMES}, name))


def _nmnist(data: bytes, name: str) -> tuple[NDArray[np.int64], ...]:
    """40 bits an event: x, y, then the polarity in the top bit of 24 and 23 bits of microseconds."""
    if len(data) % _RECORD_BYTES or not data:
        raise TraceError(f"{name}: wanted records of {_RECORD_BYTES} bytes, 1 or more, found {len(data)} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD_BYTES).astype(np.int64)
    times = (records[:, 2] & 0x7F) << 16 | records[:, 3] << 8 | records[:, 4]
    return times, records[:, 0], records[:, 1], records[:, 2] >> 7


def _columns(table: NDArray[Any], name: str) -> tuple[NDArray[np.int64], ...]:
    if table.dtype.names:
        if any(each not in table.dtype.names for each in NAMES):
            raise TraceError(f"{name}: wanted fields t, x, y and p, found {', '.join(table.dtype.names)[:80]}")
        return _named({each: table[each] for each in NAMES}, name)
    if table.ndim != 2 or table.shape[1] != len(NAMES):
        raise TraceError(f"{name}: wanted columns t, x, y, p, found an array of shape {table.shape}")
    return _named(dict(zip(NAMES, table.T, strict=True)), name)


def _named(columns: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[np.int64], ...]:
    p = columns["p"]
    if p.dtype.kind == "i" and p.size and int(p.min()) == -1 and not (p == 0).any():
        columns = {**columns, "p": p > 0}  # of those who write -1 for 0
    found = tuple(_integers(columns[each], f"{name}, {each}") for each in NAMES)
    if found[-1].max(initial=0) > 1:
        raise TraceError(f"{name}, p: wanted polarities 0 and 1, or -1 and 1, found {int(found[-1].max())}")
    return found


def _integers(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    if values.ndim != 1 or values.dtype.kind not in "iub" or (values.size and int(values.min()) < 0):
        raise TraceError(f"{name}: wanted integers from 0 in one axis, found {values.dtype} {values.shape}")
    if values.size and int(values.max()) >= 1 << 62:
        raise TraceError(f"{name}: wanted integers below 2^62, found {int(values.max())}")
    return values.astype(np.int64)


def _ordered(
    name: str, t: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], p: NDArray[np.int64]
) -> Events:
    if len({len(each) for each in (t, x, y, p)}) != 1:
        raise TraceError(f"{name}: wanted t, x, y and p of one length, found {len(t)}, {len(x)}, {len(y)}, {len(p)}")
    order = np.argsort(t, kind="stable")
    return Events(t[order], x[order], y[order], p[order])
