"""Spikes of numbered units: SHD's HDF5, NIR's data in HDF5, and the spike files of SANA-FE."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.arrays import told_about
from hwsim.errors import TraceError, UsageError
from hwsim.files import open_file
from hwsim.printable import brief, shortened

SHD_UNITS = 700
_MOST_CSV_BYTES = 1 << 28
_LONGEST_S = 1e9


@dataclass(frozen=True, slots=True)
class Spikes:
    """Spikes in the order of time, of units that have numbers and no place: microseconds, or timesteps from 0."""

    t: NDArray[np.int64]
    unit: NDArray[np.int64]
    in_timesteps: bool = False

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True, slots=True)
class UnitFile:
    """The recordings of a file: spikes, or counts uint8 [timestep, unit] where the file has timesteps itself."""

    n: int
    units: int | None  # None where the file does not say
    timesteps: int | None
    labels: NDArray[np.int64] | None
    read: Callable[[], Iterator[Spikes | NDArray[Any]]]


def open_hdf5(path: Path, group: str | None) -> UnitFile:
    """SHD and SSC (`spikes/times` in seconds, `spikes/units`, `labels`), or data of NIR, of the node named `group`.

    Raises UsageError without the library h5py, TraceError for a file that is neither.
    """
    with _hdf5(path) as file:
        if file.attrs.get("__type__") == "NIRGraphData":
            return _nir_data(path, file, group)
        missing = [name for name in ("spikes/times", "spikes/units", "labels") if name not in file]
        if missing:
            raise TraceError(f"{shortened(path)}: wanted SHD's spikes/times or data of NIR, found no {missing[0]}")
        times, units, labels = file["spikes/times"], file["spikes/units"], file["labels"]
        n = len(labels)
        if len(times) != n or len(units) != n or labels.dtype.kind not in "iu" or not n:
            raise TraceError(
                f"{shortened(path)}: wanted times, units and whole labels of one number, 1 or more, "
                f"found {len(times)}, {len(units)}, {n} of {labels.dtype}"
            )
        return UnitFile(n, SHD_UNITS, None, labels[()].astype(np.int64), lambda: _shd(path))


def _shd(path: Path) -> Iterator[Spikes]:
    with _hdf5(path) as file:
        times, units = file["spikes/times"], file["spikes/units"]
        for sample in range(len(times)):
            yield in_order(f"{shortened(path)}, sample {sample}", times[sample], units[sample])


def in_order(name: str, seconds: NDArray[Any], units: NDArray[Any]) -> Spikes:
    """Spikes of times in seconds, which become whole microseconds, and whole units.

    Raises TraceError for times that are none, and for units below zero.
    """
    t, unit = np.asarray(seconds, np.float64), np.asarray(units)
    if t.ndim != 1 or t.shape != unit.shape or unit.dtype.kind not in "iu" or (unit < 0).any():
        raise TraceError(f"{name}: wanted as many times as units from 0, found {t.shape} and {unit.dtype} {unit.shape}")
    if not ((t >= 0) & (t < _LONGEST_S)).all():
        raise TraceError(f"{name}: wanted times from 0 to {_LONGEST_S:g} s, found {t.min():g} to {t.max():g}")
    order = np.argsort(t, kind="stable")
    return Spikes(np.rint(t[order] * 1e6).astype(np.int64), unit[order].astype(np.int64))


def _nir_data(path: Path, file: Any, group: str | None) -> UnitFile:
    """TimeGriddedData [sample, timestep, unit] or EventData, in the observable `spikes` or the only one of a node."""
    name, nodes = shortened(path), dict(file.get("nodes", {}))
    node = next(iter(nodes)) if group is None and len(nodes) == 1 else group
    if node not in nodes:
        raise TraceError(f"{name}: wanted a group of {', '.join(nodes)[:80] or 'none'}, found {brief(node)}")
    if nodes[node].attrs.get("__type__") != "NIRNodeData":
        raise TraceError(f"{name}: node '{node}': wanted data of a node, found a graph within")
    seen = dict(nodes[node]["observables"])
    chosen = next(iter(seen)) if len(seen) == 1 else "spikes"
    if chosen not in seen:
        found = ", ".join(seen)[:80] or "none"
        raise TraceError(f"{name}: node '{node}': wanted an observable 'spikes', found {found}")
    where, kind = f"nodes/{node}/observables/{chosen}", seen[chosen].attrs.get("__type__")
    data = seen[chosen]
    if kind == "TimeGriddedData":
        n, timesteps, units = data["data"].shape
        return UnitFile(n, units, timesteps, None, lambda: _gridded(path, where))
    if kind == "EventData":
        return UnitFile(len(data["idx"]), int(data.attrs["n_neurons"]), None, None, lambda: _event_data(path, where))
    raise TraceError(f"{name}: node '{node}': wanted TimeGriddedData or EventData, found {brief(kind)}")


def _gridded(path: Path, where: str) -> Iterator[NDArray[Any]]:
    with _hdf5(path) as file:
        yield from (file[where]["data"][sample] for sample in range(len(file[where]["data"])))


def _event_data(path: Path, where: str) -> Iterator[Spikes]:
    """An index of -1 stands for no event."""
    with _hdf5(path) as file:
        for sample in range(len(file[where]["idx"])):
            index, times = file[where]["idx"][sample], file[where]["time"][sample]
            there = index != -1
            yield in_order(f"{shortened(path)}, sample {sample}", times[there], index[there])


@contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    try:
        import h5py
    except ImportError:
        raise UsageError("HDF5 files are read by the library h5py: pip install 'hwsim[hdf5]'") from None
    with told_about(shortened(path)):
        open_file(path).close()  # no pipe, no device
        with h5py.File(path, "r") as file:
            yield file


def open_spike_csv(path: Path, group: str | None, first_timestep: int) -> UnitFile:
    """The spike file of SANA-FE: a line `neuron,timestep`, then lines of `group.number,timestep`; one recording.

    Raises TraceError for another form, and for several groups of which none is chosen.
    """
    name = shortened(path)
    with told_about(name), open_file(path) as file:
        lines = file.read(_MOST_CSV_BYTES + 1)
    if len(lines) > _MOST_CSV_BYTES:
        raise TraceError(f"{name}: wanted at most {_MOST_CSV_BYTES} bytes, found more")
    found: dict[str, list[tuple[int, int]]] = {}
    for number, row in enumerate(csv.reader(lines.decode("utf-8", "replace").splitlines()), 1):
        if number == 1 and [each.strip() for each in row] == ["neuron", "timestep"]:
            continue
        if row:
            of, spike = _line(row, f"{name}:{number}", first_timestep)
            found.setdefault(of, []).append(spike)
    if group is None and len(found) == 1:
        (group,) = found
    if group is None or group not in found:
        raise TraceError(
            f"{name}: wanted a group of {', '.join(sorted(found))[:80] or 'spikes'}, found {brief(group)}: choose one"
        )
    t, unit = np.array(sorted(found[group]), np.int64).T
    return UnitFile(1, None, None, None, lambda: iter([Spikes(t, unit, in_timesteps=True)]))


def _line(row: list[str], where: str, first: int) -> tuple[str, tuple[int, int]]:
    """The group, and timestep from 0 and number, of one line."""
    group, dot, number = row[0].strip().rpartition(".")
    texts = [number, *(each.strip() for each in row[1:])]
    if not dot or len(texts) != 2 or not all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts):
        raise TraceError(f"{where}: wanted a line group.number,timestep, found {brief(','.join(row))}")
    unit, timestep = map(int, texts)
    if timestep < first:
        raise TraceError(f"{where}: wanted timesteps from {first}, found {timestep}: say which is the first")
    return group, (timestep - first, unit)


def largest(spikes: Spikes) -> int:
    """The highest number of a unit that fired, -1 for none."""
    return int(spikes.unit.max(initial=-1))
