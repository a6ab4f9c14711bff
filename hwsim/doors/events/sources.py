"""Files of recordings of all kinds, by what their names and contents say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.arrays import StoredArray, stored_arrays
from hwsim.doors.events.readers import NAMES, NMNIST_SIZE, Events, read_events
from hwsim.doors.events.units import Spikes, UnitFile, open_hdf5, open_spike_csv
from hwsim.errors import TraceError
from hwsim.printable import shortened

HDF5 = (".h5", ".hdf5", ".nir")
ENDINGS = (".bin", ".npy", ".npz", ".csv", *HDF5)
Content = Events | Spikes | NDArray[Any]
"""What one recording holds: events or spikes, or counts of timesteps [timestep, y, x, channel] or [timestep, unit]."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What files of recordings do not say of themselves."""

    raster: bool = False  # a .npy [timestep, 4] holds counts and not events
    group: str | None = None  # of spike files and of NIR's data: which neurons
    first_timestep: int = 1  # of spike files


@dataclass(frozen=True, slots=True)
class Source:
    """The recordings of one file, one after another; of what it does not say None."""

    path: Path
    n: int
    size: tuple[int, ...] | None  # (height, width) of a camera, or (units,), or (height, width, channels)
    timesteps: int | None
    labels: NDArray[np.int64] | None
    read: Callable[[], Iterator[Content]]
    channels_first: bool = False  # where numbered units are the places of maps


def open_source(path: Path, kind: Kind) -> Source:
    """What a file holds, without its recordings.

    Raises TraceError for what is no recording, UsageError for a library that is not there.
    """
    if path.suffix in HDF5:
        return _units(path, open_hdf5(path, kind.group), channels_first=True)
    if path.suffix == ".csv":
        return _units(path, open_spike_csv(path, kind.group, kind.first_timestep))
    if path.suffix not in ENDINGS:
        packed = "; unpack it first" if path.suffix in (".gz", ".zip") else ""
        raise TraceError(
            f"{shortened(path)}: wanted recordings as {', '.join(ENDINGS)}, found {path.suffix or 'no ending'}{packed}"
        )
    if path.suffix != ".bin":
        arrays = stored_arrays(path)
        if "values" in arrays:
            return _values(path, arrays)
        if path.suffix == ".npy" and _is_raster(arrays[""], kind.raster):
            return _raster(path, arrays[""])
    size = NMNIST_SIZE if path.suffix == ".bin" else None
    return Source(path, 1, size, None, None, lambda: iter([read_events(path)]))


def _units(path: Path, found: UnitFile, channels_first: bool = False) -> Source:
    size = None if found.units is None else (found.units,)
    return Source(path, found.n, size, found.timesteps, found.labels, found.read, channels_first)


def _is_raster(array: StoredArray, said: bool) -> bool:
    return not array.dtype.names and (said or len(array.shape) == 4 or array.shape[1:] != (len(NAMES),))


def _raster(path: Path, array: StoredArray) -> Source:
    if len(array.shape) not in (2, 3, 4):
        wanted = "counts [timestep, y, x, channel], [timestep, y, x] or [timestep, unit]"
        raise TraceError(f"{array.name}: wanted {wanted}, found {array.shape}")
    return Source(path, 1, _sizes(array.shape[1:]), array.shape[0], None, lambda: iter([array.whole()]))


def _values(path: Path, arrays: dict[str, StoredArray]) -> Source:
    """`values` [sample, timestep, ...] and `labels`, as `hwsim trace from-events` writes them."""
    if "labels" not in arrays:
        raise TraceError(f"{shortened(path)}: wanted arrays values and labels, found {', '.join(arrays)[:80]}")
    values, labels = arrays["values"], arrays["labels"].whole()
    if len(values.shape) not in (3, 4, 5):
        wanted = "[sample, timestep, y, x, channel], [sample, timestep, y, x] or [sample, timestep, unit]"
        raise TraceError(f"{values.name}: wanted values {wanted}, found {values.shape}")
    if labels.shape != values.shape[:1] or labels.dtype.kind not in "iu" or not len(labels):
        wanted = f"{values.shape[0]} labels, 1 or more"
        raise TraceError(f"{shortened(path)}: wanted {wanted}, found {labels.dtype} {labels.shape}")
    return Source(path, len(labels), _sizes(values.shape[2:]), values.shape[1], labels.astype(np.int64), values.rows)


def _sizes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(units,) or (height, width, channels), of maps without an axis of channels 1."""
    return (*shape, 1) if len(shape) == 2 else shape
