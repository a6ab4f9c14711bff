"""Files of events: arrays (t, x, y, p), and N-MNIST's packed records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.files import open_file
from hwsim.printable import shortened

MOST_BYTES = 1 << 30
_RECORD_BYTES = 5
_NAMES = ("t", "x", "y", "p")


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
    """Events of a file: `.bin` as N-MNIST has them, `.npy` [event, 4] or `.npz` with t (microseconds), x, y and p.

    Raises TraceError for what cannot be read or is none of these.
    """
    name = shortened(path)
    try:
        if path.suffix == ".bin":
            with open_file(path) as file:
                return _ordered(*_nmnist(file.read(MOST_BYTES), name))
        if path.suffix == ".npy":
            with open_file(path) as file:
                table = np.lib.format.read_array(file, allow_pickle=False)
            return _ordered(*_columns(table, name))
        if path.suffix == ".npz":
            with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
                missing = [each for each in _NAMES if each not in arrays.files]
                if missing:
                    raise TraceError(f"{name}: wanted arrays t, x, y and p, found {', '.join(arrays.files)[:80]}")
                return _ordered(*(_integers(arrays[each], f"{name}, {each}") for each in _NAMES))
    except OSError as error:
        raise TraceError(f"{name}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise TraceError(f"{name}: {' '.join(str(error).split())[:120]}") from None
    raise TraceError(f"{name}: wanted events as .bin (N-MNIST), .npy or .npz, found {path.suffix or 'no ending'}")


def _nmnist(data: bytes, name: str) -> tuple[NDArray[np.int64], ...]:
    """40 bits an event: x, y, then the polarity in the top bit of 24 and 23 bits of microseconds."""
    if len(data) % _RECORD_BYTES or not data:
        raise TraceError(f"{name}: wanted records of {_RECORD_BYTES} bytes, 1 or more, found {len(data)} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD_BYTES).astype(np.int64)
    times = (records[:, 2] & 0x7F) << 16 | records[:, 3] << 8 | records[:, 4]
    return times, records[:, 0], records[:, 1], records[:, 2] >> 7


def _columns(table: NDArray[Any], name: str) -> tuple[NDArray[np.int64], ...]:
    if table.dtype.names:
        missing = [each for each in _NAMES if each not in table.dtype.names]
        if missing:
            raise TraceError(f"{name}: wanted fields t, x, y and p, found {', '.join(table.dtype.names)[:80]}")
        return tuple(_integers(table[each], f"{name}, {each}") for each in _NAMES)
    if table.ndim != 2 or table.shape[1] != len(_NAMES):
        raise TraceError(f"{name}: wanted columns t, x, y, p, found an array of shape {table.shape}")
    return tuple(_integers(column, name) for column in table.T)


def _integers(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    if values.ndim != 1 or values.dtype.kind not in "iub" or (values.size and int(values.min()) < 0):
        raise TraceError(f"{name}: wanted integers from 0 in one axis, found {values.dtype} {values.shape}")
    return values.astype(np.int64)


def _ordered(t: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], p: NDArray[np.int64]) -> Events:
    if len({len(each) for each in (t, x, y, p)}) != 1:
        raise TraceError(f"events: wanted t, x, y and p of one length, found {len(t)}, {len(x)}, {len(y)}, {len(p)}")
    order = np.argsort(t, kind="stable")
    return Events(t[order], x[order], y[order], np.minimum(p[order], 1))
