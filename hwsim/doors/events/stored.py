"""Inputs over time with their labels, as a value, and as an .npz file that is written one recording at a time."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.inputs import Form, Recordings
from hwsim.doors.events.sources import Kind
from hwsim.errors import TraceError, UsageError
from hwsim.files import check_outputs, written_whole
from hwsim.printable import shortened, so_many


@dataclass(frozen=True, slots=True)
class EventInputs:
    """Counts of every timestep, uint8 [sample, timestep, y, x, channel], and labels int64 [sample].

    `make.events(network, inputs.values, inputs.labels)` runs a network on them, `hwsim.capture(model, inputs)` a model.
    """

    values: NDArray[np.uint8]
    labels: NDArray[np.int64]
    late: int = 0  # events after the last timestep, which are in no count

    def __repr__(self) -> str:
        """How many recordings of what shape."""
        samples, timesteps, height, width, channels = self.values.shape
        size = f"{height} x {width}, {so_many(channels, 'channel')}"
        return f"<EventInputs: {so_many(samples, 'recording')}, T = {timesteps}, {size}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz of `values` and `labels`.

        Raises UsageError for a place that cannot be written, TraceError for values of another type or form.
        """
        where = Path(path)
        check_outputs([where])
        if self.values.dtype != np.uint8 or self.values.ndim != 5:
            wanted = "uint8 (samples, timesteps, height, width, channels)"
            raise TraceError(f"values: wanted {wanted}, found {self.values.dtype} {self.values.shape}")
        write_inputs(where, self.values, self.values.shape, self.labels)


def read_inputs(path: str | os.PathLike[str]) -> EventInputs:
    """Inputs that `EventInputs.save` or `hwsim trace from-events` wrote; raises TraceError for another file."""
    read = Recordings([Path(path)], None, Form(), Kind())
    return EventInputs(read.whole(), read.labels)


def write_inputs(
    path: Path, counts: Iterable[NDArray[np.uint8]], shape: tuple[int, ...], labels: NDArray[np.int64]
) -> None:
    """Write counts [timestep, y, x, channel] of one recording after another, deflated; of all they have `shape`.

    Raises UsageError for a place that cannot be written.
    """
    try:
        with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _write_member(archive, "labels", labels, labels.shape, [labels])
            _write_member(archive, "values", np.empty(0, np.uint8), shape, counts)
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be written: {error.strerror or error}") from None


def _write_member(
    archive: zipfile.ZipFile, name: str, like: NDArray[Any], shape: tuple[int, ...], rows: Iterable[NDArray[Any]]
) -> None:
    info = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date: the same inputs give the same bytes
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as member:
        descr = np.lib.format.dtype_to_descr(like.dtype)
        np.lib.format.write_array_header_1_0(member, {"descr": descr, "fortran_order": False, "shape": shape})
        _write_rows(member, rows)


def _write_rows(member: IO[bytes], rows: Iterable[NDArray[Any]]) -> None:
    for row in rows:
        member.write(np.ascontiguousarray(row).reshape(-1).view(np.uint8).data)


def channels_first(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[sample, timestep, y, x, channel] as torch has it: [sample, timestep, channel, y, x], or [.., n] of vectors."""
    if values.shape[2:4] == (1, 1):
        return values[:, :, 0, 0]
    return np.ascontiguousarray(np.moveaxis(values, -1, 2))
