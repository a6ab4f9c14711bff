"""Events to counts of every timestep, place and polarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.readers import Events
from hwsim.errors import TraceError, UsageError
from hwsim.memory import require


@dataclass(frozen=True, slots=True)
class Bins:
    """How events become timesteps: of a duration, or of so many events each."""

    timesteps: int
    bin_us: int | None = None
    bin_events: int | None = None

    def __post_init__(self) -> None:
        if (self.bin_us is None) == (self.bin_events is None):
            raise UsageError("bins: wanted a duration or a number of events a timestep, one of the two")
        if self.timesteps < 1 or (self.bin_us or self.bin_events or 0) < 1:
            raise UsageError("bins: wanted 1 or more timesteps of 1 or more microseconds or events")


def binned(events: Events, bins: Bins, size: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Counts uint8 [timestep, y, x, polarity] over (height, width, polarities); later events are left out.

    Time counts from zero, as in the file.  Raises TraceError for events beyond the size and for places with more than
    255 events a timestep.
    """
    height, width, polarities = size
    if len(events) and (int(events.y.max()) >= height or int(events.x.max()) >= width):
        found = f"x to {int(events.x.max())}, y to {int(events.y.max())}"
        raise TraceError(f"events: wanted places within {width} x {height}, found {found}")
    require(bins.timesteps * height * width * polarities * 9, "binning events")
    step = events.t_us // bins.bin_us if bins.bin_us else np.arange(len(events)) // (bins.bin_events or 1)
    kept = step < bins.timesteps
    channel = events.p[kept] if polarities > 1 else np.zeros(int(kept.sum()), np.int64)
    place = ((step[kept] * height + events.y[kept]) * width + events.x[kept]) * polarities + channel
    counts = np.bincount(place, minlength=bins.timesteps * height * width * polarities)
    if counts.max(initial=0) > 255:
        raise TraceError(
            f"events: wanted at most 255 a place and timestep, found {int(counts.max())}: take shorter bins"
        )
    return counts.astype(np.uint8).reshape(bins.timesteps, height, width, polarities)
