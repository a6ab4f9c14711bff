"""Recordings of event sensors on a NIR network, as one trace."""

from __future__ import annotations

import csv
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.entry import Entered, enter
from hwsim.doors.events.binning import Bins, binned
from hwsim.doors.events.readers import read_events
from hwsim.doors.lattice import Precision
from hwsim.doors.nir_file import Discrete, Fires, Reset, read_nir
from hwsim.errors import TraceError, UsageError
from hwsim.files import open_file
from hwsim.printable import shortened
from hwsim.traces.direct.trace import Trace

_MOST_BITS = 8


def trace_from_nir(
    network: Path,
    inputs: Sequence[Path],
    labels: Path | None = None,
    *,
    timesteps: int | None = None,
    bin_us: int | None = None,
    bin_events: int | None = None,
    dt: float = 1e-3,
    reset: Reset = "hard",
    fires: Fires = "above",
    weight_bits: int = 8,
    recorded: int | None = None,
    allow_drift: float | None = None,
    name: str = "",
) -> Entered:
    """Read a network and its inputs, quantise and execute.

    Raises TraceError or UsageError, with the file or node, for what cannot be taken.
    """
    discrete = Discrete(dt, reset, fires)
    graph = read_nir(network, discrete, 1)
    size = graph.source.shape
    if len(inputs) == 1 and _is_raster(inputs[0]):
        values, right = _raster(inputs[0], size, timesteps)
    else:
        if timesteps is None:
            raise UsageError("timesteps: wanted how many, for recordings of events")
        if bin_us is None and bin_events is None:
            bin_us = max(1, round(dt * 1e6))
        bins = Bins(timesteps, bin_us, bin_events)
        values = np.stack([_named(path, bins, size) for path in inputs])
        right = _labels(labels, inputs)
    bits = max(1, int(values.max(initial=0)).bit_length())
    if bits > _MOST_BITS:
        raise TraceError(f"inputs: wanted at most 255, found {int(values.max())}")
    graph = read_nir(network, discrete, bits)
    about = {
        "name": name or network.stem,
        "dataset": "recordings" if labels is not None else "not said",
        "framework": f"NIR, {network.name}",
        "command": shlex.join(["hwsim", *sys.argv[1:]])[:2000] if Path(sys.argv[0]).stem == "hwsim" else "",
        "notes": f"timestep {dt:g} s, {reset} reset, fires {fires} its threshold, weights of {weight_bits} bits",
    }
    return enter(
        graph, values, right, values.shape[1], Precision(weight_bits), recorded, allowed_drift=allow_drift, about=about
    )


def from_nir(
    network: str | Path, inputs: str | Path | Sequence[str | Path], labels: str | Path | None = None, **options: Any
) -> Trace:
    """The trace of a NIR network on recordings, or on one .npz of `values` and `labels`; options as `trace_from_nir`.

    Warns of a drift of over 1 % of the spikes.  Raises as `trace_from_nir` does.
    """
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    where = None if labels is None else Path(labels)
    entered = trace_from_nir(Path(network), [Path(each) for each in paths], where, **options)
    if entered.warning:
        warnings.warn(entered.warning, stacklevel=2)
    return entered.trace


def _named(path: Path, bins: Bins, size: tuple[int, int, int]) -> NDArray[np.uint8]:
    try:
        return binned(read_events(path), bins, size)
    except TraceError as error:
        message = str(error)
        raise TraceError(message if message.startswith(shortened(path)) else f"{shortened(path)}: {message}") from None


def _is_raster(path: Path) -> bool:
    if path.suffix != ".npz":
        return False
    try:
        with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
            return "values" in arrays.files
    except (OSError, ValueError):
        return False


def _raster(
    path: Path, size: tuple[int, int, int], timesteps: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Arrays `values` [sample, timestep, ...] of counts, channels last or a vector, and `labels`."""
    name = shortened(path)
    with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        missing = [each for each in ("values", "labels") if each not in arrays.files]
        if missing:
            raise TraceError(f"{name}: wanted arrays values and labels, found {', '.join(arrays.files)[:80]}")
        values, labels = arrays["values"], arrays["labels"]
    whole = values.dtype.kind in "iub" or (values == np.rint(values)).all()
    if values.ndim < 3 or not whole or values.min(initial=0) < 0 or values.max(initial=0) > 255:
        raise TraceError(
            f"{name}: wanted values [sample, timestep, ...] from 0 to 255, found {values.dtype} {values.shape}"
        )
    values = values[:, :timesteps]
    if int(np.prod(values.shape[2:])) != size[0] * size[1] * size[2]:
        raise TraceError(f"{name}: wanted inputs of shape {size}, found {values.shape[2:]}")
    if labels.shape != (len(values),) or labels.dtype.kind not in "iu":
        raise TraceError(f"{name}: wanted {len(values)} labels, found {labels.dtype} {labels.shape}")
    return values.astype(np.uint8).reshape(*values.shape[:2], *size), labels.astype(np.int64)


def _labels(file: Path | None, inputs: Sequence[Path]) -> NDArray[np.int64]:
    """The label of each recording, by its file's name."""
    if file is None:
        raise UsageError("labels: wanted a file with columns file and label, for recordings of events")
    try:
        with open_file(file) as opened:
            rows = list(csv.DictReader(opened.read(1 << 24).decode("utf-8").splitlines()))
        found = {Path(row["file"]).name: int(row["label"]) for row in rows}
    except (KeyError, TypeError, ValueError, UnicodeDecodeError):
        raise TraceError(f"{shortened(file)}: wanted columns file and label, labels as integers") from None
    except OSError as error:
        raise TraceError(f"{shortened(file)}: cannot be read: {error.strerror or error}") from None
    missing = [path.name for path in inputs if path.name not in found]
    if missing:
        raise TraceError(f"{shortened(file)}: has no label of {missing[0]}")
    return np.array([found[path.name] for path in inputs], np.int64)
