"""Events to counts of every timestep, place and polarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.readers import Events
from hwsim.doors.events.units import Spikes, largest
from hwsim.errors import TraceError, UsageError
from hwsim.memory import require

MOST = 255


@dataclass(frozen=True, slots=True)
class Bins:
    """How events become timesteps: of a duration, or of so many events each; and what a count is cut to."""

    timesteps: int
    bin_us: int | None = None
    bin_events: int | None = None
    clip: int | None = None  # counts above it become it; without it they are refused above 255

    def __post_init__(self) -> None:
        if (self.bin_us is None) == (self.bin_events is None):
            raise UsageError("bins: wanted a duration or a number of events a timestep, one of the two")
        if self.timesteps < 1 or (self.bin_us or self.bin_events or 0) < 1:
            raise UsageError("bins: wanted 1 or more timesteps of 1 or more microseconds or events")
        if self.clip is not None and not 1 <= self.clip <= MOST:
            raise UsageError(f"clip: wanted 1 to {MOST}, found {self.clip}")

    def holds(self, t: NDArray[np.int64]) -> int:
        """How many of some events, in the order of time, come before the last timestep ends."""
        if self.bin_us:
            return int(np.searchsorted(t, self.timesteps * self.bin_us))
        return min(len(t), self.timesteps * (self.bin_events or 0))


def binned(events: Events, bins: Bins, size: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Counts uint8 [timestep, y, x, polarity] over (height, width, polarities); later events are left out.

    Time counts from zero, as in the file.  Raises TraceError for events beyond the size and for places with more than
    255 events a timestep.
    """
    height, width, polarities = size
    if polarities > 2:
        raise TraceError(f"events: wanted 1 or 2 channels, of both polarities or of each, found {polarities}")
    if len(events) and (int(events.y.max()) >= height or int(events.x.max()) >= width):
        found = f"x to {int(events.x.max())}, y to {int(events.y.max())}"
        raise TraceError(f"events: wanted places within {width} x {height}, found {found}")
    channel = events.p if polarities > 1 else np.zeros(len(events), np.int64)
    place = (events.y * width + events.x) * polarities + channel
    return _counted(events.t_us, place, bins, height * width * polarities).reshape(bins.timesteps, *size)


def binned_spikes(spikes: Spikes, bins: Bins, units: int) -> NDArray[np.uint8]:
    """Counts uint8 [timestep, unit], as `binned`; spikes that have timesteps keep these.

    Raises TraceError for units beyond `units`, and for more than 255 spikes of one a timestep.
    """
    if (found := largest(spikes)) >= units:
        raise TraceError(f"spikes: wanted units below {units}, found {found}")
    if spikes.in_timesteps:
        bins = Bins(bins.timesteps, bin_us=1, clip=bins.clip)
    return _counted(spikes.t, spikes.unit, bins, units)


def clipped(counts: NDArray[np.int64], clip: int | None) -> NDArray[np.uint8]:
    """Counts that fit into a byte: uint8, the shape of `counts`.

    Raises TraceError for those above 255 where nothing is said of what they are cut to.
    """
    if clip is not None:
        counts = counts.clip(max=clip)
    if counts.max(initial=0) > MOST:
        raise TraceError(
            f"events: wanted at most {MOST} a place and timestep, found {int(counts.max())}: take shorter bins"
        )
    return counts.astype(np.uint8)


def _counted(t: NDArray[np.int64], place: NDArray[np.int64], bins: Bins, places: int) -> NDArray[np.uint8]:
    """Counts uint8 [timestep, place] of events in the order of time."""
    require(bins.timesteps * places * 9, "binning events")
    n = bins.holds(t)
    step = t[:n] // bins.bin_us if bins.bin_us else np.arange(n) // (bins.bin_events or 1)
    counts = np.bincount(step * places + place[:n], minlength=bins.timesteps * places)
    return clipped(counts, bins.clip).reshape(bins.timesteps, places)
