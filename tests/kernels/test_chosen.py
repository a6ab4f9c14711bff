"""One of two numbers for every bit, beside `numpy.where` of the bits laid out."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.kernels.chosen import chosen
from hwsim.traces.planes import pack_channels


@pytest.mark.parametrize("parts", [[[0, 1]], [[0, 5]], [[0, 3], [3, 64]], [[0, 60], [60, 70], [70, 130]]])
@pytest.mark.parametrize(("planes", "given_times"), [(1, 3), (2, 3), (3, 1)])
def test_each_bit_gets_the_number_of_its_part(parts, planes, given_times):
    rng, channels = np.random.default_rng(0), parts[-1][1]
    samples, times, places = 2, 3, 4
    bits = rng.random((planes, samples, given_times, places, channels)) < 0.5
    off, on = (rng.random((samples, times, len(parts), places)).astype(np.float32) for _ in range(2))
    found = chosen(pack_channels(bits), np.array(parts), off, on)
    whole = np.broadcast_to(bits, (planes, samples, times, places, channels))
    assert found.shape == whole.shape
    for part, (first, end) in enumerate(parts):
        own, numbers = whole[..., first:end], (each[:, :, part, :, None] for each in (off, on))
        zeros, ones = (np.broadcast_to(each, own.shape) for each in numbers)
        assert (found[..., first:end] == np.where(own, ones, zeros)).all()
