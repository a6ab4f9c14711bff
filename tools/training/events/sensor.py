"""Images in saccades before a simulated event sensor: what pixels see, and when they fire.  No sensor was used.

A pixel sees the log of the intensity before it.  It fires when that has changed by its threshold since the last time it
fired, with the sign of the change, and then remembers the present value; for the refractory time after that it rests.
Thresholds differ from pixel to pixel, and noise makes pixels fire for no reason.  The model is the usual one of such
sensors (Lichtsteiner, Posch and Delbruck 2008), the movement like that of N-MNIST (Orchard et al. 2015): three straight
saccades along the sides of a triangle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.events.binning import Bins, binned
from hwsim.doors.events.readers import Events
from training.common.data import Images

REACH = 3
"""Pixels that an image moves from the middle at most, each way; the sensor is larger by as many on each side."""
CORNERS = ((-REACH, -REACH), (REACH, 0), (-REACH, REACH), (-REACH, -REACH))
"""Where saccades begin and end: (down, right) of the middle."""
_AT_ONCE = 250
_OF_PIXELS = 0x5EED

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sensor:
    """A simulated sensor and how long it looks."""

    duration_us: int
    threshold: float = 0.4  # change of log intensity that makes a pixel fire, both ways
    mismatch: float = 0.03  # deviation of thresholds from pixel to pixel, as a share
    refractory_us: int = 2000
    noise_hz: float = 1.0  # of each pixel
    floor: float = 0.1  # intensity of black, where white adds 1
    step_us: int = 1000  # of the simulation

    def recordings(self, images: Images, seed: int) -> Iterator[Events]:
        """What the sensor gives for each image, uint8 [sample, height, width, 1], in order.

        Thresholds depend on the seed alone, noise also on the sample's id: a recording is the same in any set.
        """
        height, width = (size + 2 * REACH for size in images.x.shape[1:3])
        spread = np.random.default_rng([seed, _OF_PIXELS]).normal(1, self.mismatch, (height, width))
        thresholds = (self.threshold * spread.clip(0.1)).astype(np.float32)
        for start in range(0, len(images), _AT_ONCE):
            part = images.take(np.arange(start, min(start + _AT_ONCE, len(images))))
            yield from self._together(part, thresholds, seed)

    def _together(self, images: Images, thresholds: Floats, seed: int) -> Iterator[Events]:
        """Recordings of a few images, whose pixels all take a step at once."""
        bright = images.x[..., 0].astype(np.float32) / np.float32(255)
        padded = np.pad(bright, ((0, 0), *[(2 * REACH + 1, 2 * REACH + 1)] * 2))
        n_steps = self.duration_us // self.step_us
        remembered = self._seen(padded, 0)
        rests_until = np.zeros(remembered.shape, np.int32)
        noise = [self._noise(remembered.shape[1:], n_steps, seed, int(i)) for i in images.ids]
        found: list[list[tuple[NDArray[np.int64], ...]]] = [[] for _ in noise]
        for step in range(1, n_steps):
            seen = self._seen(padded, step)
            change = seen - remembered
            polarity = change > 0
            due = np.abs(change) >= thresholds
            for sample, (steps, y, x, p) in enumerate(noise):
                now = steps == step
                due[sample, y[now], x[now]], polarity[sample, y[now], x[now]] = True, p[now]
            due &= rests_until <= step * self.step_us
            np.copyto(remembered, seen, where=due)
            rests_until[due] = step * self.step_us + self.refractory_us
            samples, y, x = due.nonzero()
            ends = np.searchsorted(samples, np.arange(len(noise) + 1))
            for sample, (begin, end) in enumerate(pairwise(ends)):
                at = (y[begin:end], x[begin:end])
                found[sample].append((np.full(end - begin, step * self.step_us), *at, polarity[sample][at].astype(int)))
        for parts in found:
            t, y, x, p = (np.concatenate(column) for column in zip(*parts, strict=True))
            yield Events(t, x, y, p)

    def _seen(self, padded: Floats, step: int) -> Floats:
        """Log intensity [sample, y, x] before the pixels at a step; between pixels of the image it is interpolated."""
        sides = len(CORNERS) - 1
        along = step * self.step_us / self.duration_us * sides
        (y0, x0), (y1, x1) = CORNERS[int(along)], CORNERS[int(along) + 1]
        share = along - int(along)
        seen = padded
        for axis, moved in ((1, y0 + share * (y1 - y0)), (2, x0 + share * (x1 - x0))):
            start = REACH + 1 - moved
            first, between = int(start), np.float32(start - int(start))
            size = seen.shape[axis] - 2 * REACH - 2
            near, far = (np.take(seen, np.arange(first + k, first + k + size), axis) for k in (0, 1))
            seen = near + between * (far - near)
        logs: Floats = np.log(np.float32(self.floor) + seen)
        return logs

    def _noise(self, size: tuple[int, ...], n_steps: int, seed: int, sample: int) -> tuple[NDArray[np.int64], ...]:
        """Steps, y, x and polarity of the firing that nothing caused."""
        rng = np.random.default_rng([seed, sample])
        n = rng.poisson(self.noise_hz * 1e-6 * self.duration_us * size[0] * size[1])
        return tuple(rng.integers(0, below, n) for below in (n_steps, *size, 2))


def frames(images: Images, sensor: Sensor, timesteps: int, seed: int) -> Images:
    """Recordings as spikes: whether a pixel fired in a timestep, uint8 [sample, height, width, timestep x polarity]."""
    height, width = (size + 2 * REACH for size in images.x.shape[1:3])
    spikes = np.empty((len(images), height, width, 2 * timesteps), np.uint8)
    bins = Bins(timesteps, bin_us=sensor.duration_us // timesteps)
    for place, events in enumerate(sensor.recordings(images, seed)):
        counts = binned(events, bins, (height, width, 2)).clip(max=1)
        spikes[place] = counts.transpose(1, 2, 0, 3).reshape(height, width, -1)
    return Images(spikes, images.y, images.ids)
