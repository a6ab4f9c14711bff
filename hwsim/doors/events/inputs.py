"""Recordings as inputs over time of a network: every one as counts of the same shape, one at a time."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.arrays import told_about
from hwsim.doors.events.binning import Bins, binned, binned_spikes, clipped
from hwsim.doors.events.readers import Events
from hwsim.doors.events.sources import Content, Kind, Source, open_source
from hwsim.doors.events.units import Spikes, largest
from hwsim.doors.graph import Shape
from hwsim.errors import TraceError, UsageError
from hwsim.files import open_file
from hwsim.memory import require
from hwsim.printable import shortened
from hwsim.progress import followed

_MOST_LABELS = 1 << 26


@dataclass(frozen=True, slots=True)
class Form:
    """The form that recordings are brought to."""

    timesteps: int | None = None
    bin_us: int | None = None
    bin_events: int | None = None
    size: Sequence[int] | None = None  # (height, width) of a camera, (units,) or (height, width, channels)
    polarities: int = 2  # 1 adds both up
    clip: int | None = None
    samples: int | None = None  # the first ones of all files together

    def __post_init__(self) -> None:
        for name, value in (("timesteps", self.timesteps), ("samples", self.samples)):
            if value is not None and value < 1:
                raise UsageError(f"{name}: wanted 1 or more, found {value}")
        if self.polarities not in (1, 2):
            raise UsageError(f"polarities: wanted 1 or 2, found {self.polarities}")
        if self.size is not None and (len(self.size) not in (1, 2, 3) or min(self.size) < 1):
            raise UsageError("size: wanted units, or height and width, perhaps with channels, of 1 or more")


class Recordings:
    """Recordings of files, with their labels, as they are read one at a time."""

    def __init__(self, paths: Sequence[Path], labels: Path | None, form: Form, kind: Kind) -> None:
        """Open all files.

        Raises TraceError or UsageError, with the file, for what cannot be read, has no label or does not fit together.
        """
        if not paths:
            raise UsageError("recordings: wanted one file or more")
        self.form = form
        self.sources = [open_source(path, kind) for path in paths]
        self.labels = _labels(self.sources, labels)[: form.samples]
        self.timesteps = self._timesteps()
        self.shape = self._shape()
        self.late = 0  # events after the last timestep, of the recordings read so far

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Counts [timestep, y, x, channel] of one recording after another."""
        self.late = 0
        for source, content in followed(self._contents(), "reading", len(self)):
            with _named(source):
                counts = self._counts(content, source.channels_first)
            yield counts

    def whole(self) -> NDArray[np.uint8]:
        """All of them, [sample, timestep, y, x, channel]."""
        shape = (len(self), self.timesteps, *self.shape)
        require(math.prod(shape), "the counts of all recordings")
        values = np.empty(shape, np.uint8)
        for place, counts in enumerate(self):
            values[place] = counts
        return values

    def _contents(self) -> Iterator[tuple[Source, Content]]:
        left = len(self)
        for source in self.sources:
            for content in source.read():
                if not left:
                    return
                left -= 1
                yield source, content

    def _timesteps(self) -> int:
        own = {source.timesteps for source in self.sources}
        asked = self.form.timesteps
        if None in own and asked is None:
            raise UsageError("timesteps: wanted how many, for recordings that have none of their own")
        found = sorted(each for each in own if each is not None)
        if asked is None and len(found) > 1:
            raise TraceError(f"recordings: wanted the same number of timesteps in all, found {found[:4]}: choose one")
        if found and asked is not None and asked > found[0]:
            raise TraceError(f"recordings: wanted {asked} timesteps or more, found {found[0]}")
        return asked if asked is not None else found[0]

    def _shape(self) -> Shape:
        """Height, width and channels: as they were asked for, as files say them, or as large as what is found."""
        size = self.form.size
        if size is None:
            said = [source.size for source in self.sources if source.size is not None]
            if len(set(said)) > 1:
                raise TraceError(f"recordings: wanted one size in all, found {sorted(set(said))[:3]}")
            size = said[0] if len(said) == len(self.sources) else self._largest()
        if len(size) == 3:
            return size[0], size[1], size[2]
        return (1, 1, size[0]) if len(size) == 1 else (size[0], size[1], self.form.polarities)

    def _largest(self) -> tuple[int, ...]:
        """The least size that holds all events, or all units; reads everything once."""
        found: set[int] = set()
        sizes = [1, 1]
        for source, content in self._contents():
            if isinstance(content, Events):
                now = [int(content.y.max(initial=-1)) + 1, int(content.x.max(initial=-1)) + 1]
            elif isinstance(content, Spikes):
                now = [largest(content) + 1]
            else:
                raise TraceError(f"{shortened(source.path)}: wanted one kind of recordings, found counts among others")
            found.add(len(now))
            sizes = [max(a, b) for a, b in zip(sizes, now, strict=False)]
        if len(found) != 1:
            raise TraceError("recordings: wanted one kind in all, found events of cameras and spikes of units")
        return tuple(sizes[: found.pop()])

    def _counts(self, content: Content, channels_first: bool) -> NDArray[np.uint8]:
        if isinstance(content, np.ndarray):
            return self._placed(self._whole_numbers(content), channels_first)
        form, (height, width, channels) = self.form, self.shape
        if isinstance(content, Spikes) and content.in_timesteps:
            bins = Bins(self.timesteps, bin_us=1, clip=form.clip)
        else:
            bins = Bins(self.timesteps, form.bin_us, form.bin_events, form.clip)
        self.late += len(content) - bins.holds(content.t_us if isinstance(content, Events) else content.t)
        if isinstance(content, Events):
            return binned(content, bins, self.shape)
        return self._placed(binned_spikes(content, bins, height * width * channels), channels_first)

    def _whole_numbers(self, values: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Counts of the timesteps that are wanted, which must be counts."""
        if values.dtype.kind not in "iub" and not (values == np.rint(values)).all():
            raise TraceError(f"values: wanted whole numbers, found {values.dtype} with others")
        if values.size and values.min() < 0:
            raise TraceError(f"values: wanted them from 0 up, found {values.min():g}")
        self.late += int(values[self.timesteps :].sum(dtype=np.int64))
        return clipped(values[: self.timesteps].astype(np.int64), self.form.clip)

    def _placed(self, counts: NDArray[np.uint8], channels_first: bool) -> NDArray[np.uint8]:
        """[timestep, ...] as [timestep, y, x, channel]."""
        if math.prod(counts.shape[1:]) != math.prod(self.shape):
            raise TraceError(f"values: wanted counts of shape {self.shape}, found {counts.shape[1:]}")
        if not channels_first:
            return counts.reshape(len(counts), *self.shape)
        height, width, channels = self.shape
        return np.ascontiguousarray(counts.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Name the file in an error about what it holds."""
    try:
        yield
    except TraceError as error:
        name, message = shortened(source.path), str(error)
        raise TraceError(message if message.startswith(name) else f"{name}: {message}") from None


def _labels(sources: Sequence[Source], file: Path | None) -> NDArray[np.int64]:
    """The label of every recording: of the file of labels by name and order, or of the recordings' own files."""
    own = [source.labels for source in sources]
    if file is None:
        if any(labels is None for labels in own):
            raise UsageError(
                "labels: wanted a file with columns file and label, for recordings without labels "
                "(any will do, but for the accuracy)"
            )
        return np.concatenate([labels for labels in own if labels is not None])
    if any(labels is not None for labels in own):
        with_own = next(source for source in sources if source.labels is not None)
        raise UsageError(f"labels: {shortened(with_own.path)} has labels of its own: leave out {shortened(file)}")
    with told_about(shortened(file)), open_file(file) as opened:
        text = opened.read(_MOST_LABELS).decode("utf-8", "replace")
    found: dict[str, list[int]] = {}
    try:
        for row in csv.DictReader(text.splitlines()):
            found.setdefault(Path(row["file"]).name, []).append(int(row["label"]))
    except (KeyError, TypeError, ValueError):
        raise TraceError(f"{shortened(file)}: wanted columns file and label, labels as integers") from None
    for source in sources:
        labels = found.get(source.path.name, [])
        if not labels:
            raise TraceError(f"{shortened(file)}: has no label of {shortened(source.path.name)}")
        if len(labels) != source.n:
            wanted = f"{source.n} labels of {shortened(source.path.name)}"
            raise TraceError(f"{shortened(file)}: wanted {wanted}, found {len(labels)}")
    right = np.array([label for source in sources for label in found[source.path.name]], np.int64)
    if (right < 0).any():
        raise TraceError(f"{shortened(file)}: wanted labels from 0, found {right.min()}")
    return right


def paths_of(recordings: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """One path or several, as paths."""
    one = isinstance(recordings, str | os.PathLike)
    return [Path(recordings)] if one else [Path(each) for each in recordings]  # type: ignore[arg-type,union-attr]
