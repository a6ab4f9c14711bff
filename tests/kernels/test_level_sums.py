"""Levels of driven rows are what single spikes give, one cell after another."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.imc.counting_cases import packed, patches, random_bits, square, windows
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.kernels.crossbar.level_sums import sum_levels


@settings(max_examples=80, deadline=None)
@given(window=windows(), data=st.data())
def test_levels_of_any_window(window, data):
    channels, planes = data.draw(st.sampled_from([3, 64, 130]), "channels"), data.draw(st.integers(1, 3), "planes")
    bits = random_bits(data.draw, window, channels, planes)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), "levels"))
    most = data.draw(st.sampled_from([0, 1, 15, 1 << 14, 1 << 20, 1 << 33]), "most")
    levels = rng.integers(0, most, (*window.kernel, channels), endpoint=True)
    pulses = rng.integers(1, 8, planes)
    before = rng.integers(0, 100, (*bits.shape[1:3], window.out_height))
    sums = before.copy()
    sum_levels(packed(bits), window, levels, pulses, sums)
    drawn = np.einsum("pstyxijc,ijc,p->sty", patches(bits, window), levels, pulses)
    np.testing.assert_array_equal(sums - before, drawn)


@pytest.mark.parametrize("width", [254, 255, 256, 600])
def test_rows_longer_than_a_byte_counts(width):
    planes = np.full((1, 1, 1, width, 1), 2**64 - 1, np.uint64)
    sums = np.zeros((1, 1, 1), np.int64)
    sum_levels(planes, square(1, width), np.arange(64).reshape(1, 1, 64), np.ones(1, np.int64), sums)
    assert sums.item() == width * sum(range(64))


@pytest.mark.parametrize("width", [1 << 13, 1 << 15, 1 << 17])
@pytest.mark.parametrize("level", [(1 << 15) - 1, 1 << 15])
def test_the_largest_levels_on_the_longest_rows_do_not_overflow(width, level):
    planes = np.full((1, 1, 1, width, 1), 2**64 - 1, np.uint64)
    sums = np.zeros((1, 1, 1), np.int64)
    levels = np.full((1, 1, 64), level)
    sum_levels(planes, square(1, width), levels, np.ones(1, np.int64), sums)
    assert sums.item() == width * 64 * level
