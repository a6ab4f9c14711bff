"""One of two numbers for every bit, beside `numpy.where` of the bits laid out."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.kernels.chosen import chosen
from hwsim.traces.planes import pack_channels


@pytest.mark.parametrize("channels", [1, 5, 64, 130])
@pytest.mark.parametrize(("planes", "given_times"), [(1, 3), (2, 3), (3, 1)])
def test_each_bit_gets_the_number_of_its_part(channels, planes, given_times):
    rng = np.random.default_rng(channels)
    samples, times, places, parts = 2, 3, 4, 2
    bits = rng.random((planes, samples, given_times, places, channels)) < 0.5
    part_of = rng.integers(0, parts, channels)
    off, on = (rng.random((samples, times, parts, places)).astype(np.float32) for _ in range(2))
    found = chosen(pack_channels(bits), part_of, off, on)
    whole = np.broadcast_to(bits, (planes, samples, times, places, channels))
    for at in np.ndindex(whole.shape):
        _, s, t, place, channel = at
        assert found[at] == (on if whole[at] else off)[s, t, part_of[channel], place]
