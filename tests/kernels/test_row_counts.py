"""Both kernels that count spiking rows count what single spikes give, read by read."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.imc.counting_cases import (
    assert_counts,
    naive_counts,
    packed,
    patches,
    random_bits,
    segments_by_row,
    shares,
    square,
    windows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.kernels.crossbar.rows import Sliding, count_rows
from hwsim.kernels.crossbar.word_rows import count_words, fits


@settings(max_examples=60, deadline=None)
@given(window=windows(), data=st.data())
def test_rows_of_any_placement(window, data):
    channels, planes = data.draw(st.sampled_from([1, 3, 64, 70]), "channels"), data.draw(st.integers(1, 4), "planes")
    bits = random_bits(data.draw, window, channels, planes)
    shape = (*window.kernel, channels)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), "placement"))
    reads = rng.integers(0, data.draw(st.sampled_from([1, 3]), "most blocks and phases"), (*shape, 2))
    dac_bits, range_rows = data.draw(st.integers(1, 3), "dac bits"), data.draw(st.integers(0, 5), "range")
    ends = data.draw(shares(window), "shares")
    found = count_rows(packed(bits), window, segments_by_row(reads), dac_bits, range_rows, ends)
    assert_counts(found, naive_counts(patches(bits, window), reads, dac_bits, range_rows, ends))


@settings(max_examples=150, deadline=None)
@given(window=windows(), data=st.data())
def test_blocks_of_whole_words(window, data):
    window = window._replace(dilation=(1, 1))
    channels, per_block = data.draw(st.sampled_from([10, 64, 130, 300]), "channels"), data.draw(st.integers(1, 3))
    bits = random_bits(data.draw, window, channels, data.draw(st.integers(1, 2), "planes"))
    kernel, words = window.kernel, packed(bits)
    reads = np.zeros((*kernel, channels, 2), np.int64)
    offset = np.arange(kernel[0] * kernel[1]).reshape(*kernel, 1)
    reads[..., 0] = offset * -(-words.shape[-1] // per_block) + np.arange(channels) // (64 * per_block)
    range_rows = data.draw(st.sampled_from([0, 3, 17, 63, 64, 1000]), "range")
    ends = data.draw(shares(window), "shares")
    found = count_words(words, window, per_block, range_rows, ends)
    assert_counts(found, naive_counts(patches(bits, window), reads, 1, range_rows, ends))


def test_windows_of_a_row_are_one_share_unless_told():
    window = square(4, 5, 3, 1)
    bits = np.random.default_rng(3).integers(0, 2, (1, 2, 1, 20, 10))
    reads = np.zeros((3, 3, 10, 2), np.int64)
    reads[..., 0] = np.arange(9).reshape(3, 3, 1)
    wanted = naive_counts(patches(bits, window), reads, 1, 3)
    assert wanted.serial.shape == (1, 2, 1, 4)
    assert_counts(count_rows(packed(bits), window, segments_by_row(reads), 1, 3), wanted)
    assert_counts(count_words(packed(bits), window, 1, 3), wanted)


@pytest.mark.parametrize("samples", [63, 64, 65, 130])
def test_more_maps_than_are_counted_at_once(samples):
    window = Sliding(5, 6, (3, 2), (2, 2), (1, 1), (1, 2), 3, 3)
    bits = np.random.default_rng(samples).integers(0, 2, (3, samples, 1, 30, 5))
    reads = np.random.default_rng(1).integers(0, 2, (3, 2, 5, 2))
    found = count_rows(packed(bits), window, segments_by_row(reads), 2, 3, np.array([0, 1, 3]))
    assert_counts(found, naive_counts(patches(bits, window), reads, 2, 3, [0, 1, 3]))


@pytest.mark.parametrize(("width", "n_words"), [(61, 1), (62, 1), (63, 1), (130, 2), (200, 3), (9, 21), (7, 70)])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_silent_windows_of_rows_of_any_number_of_flag_words(width, padding, n_words):
    """One spike at each place in turn: exactly the windows over it are not silent."""
    window = square(1, width, 3, padding, (1 + max(2 * padding - 2, 0), width + 2 * padding - 2))
    words = np.zeros((1, width, 1, width, n_words), np.uint64)
    for place in range(width):
        words[0, place, 0, place, -place % n_words] = np.uint64(1) << np.uint64(place % 64)
    if padding == 0:
        window = window._replace(height=3, out_height=1)
        words = np.concatenate([np.zeros_like(words), words, np.zeros_like(words)], axis=3)
    left = np.arange(width)[:, None] + padding - np.arange(3)
    over = ((left >= 0) & (left < window.out_width)).sum(axis=1)
    counts = count_words(words, window, 1, 64)
    middle = (window.out_height - 1) // 2
    np.testing.assert_array_equal(counts.serial[0, :, 0, middle], over)
    np.testing.assert_array_equal(counts.silent[0, :, 0, middle], window.out_width - over)


@pytest.mark.parametrize("taps", [1, 2, 7, 8, 9, 16, 33])
def test_windows_over_many_rows_are_silent_only_if_all_of_these_are(taps):
    """As many sure rows as a window covers, or one less; and windows of which each row is silent under another."""
    window = Sliding(34, 3, (taps, 2), (1, 1), (0, 1), (1, 1), 35 - taps, 4)
    bits = np.ones((1, 3, 1, 34 * 3, 5), np.int64)
    bits[0, 1, 0, 3 * 20 : 3 * 21] = 0
    bits[0, 2] = 0
    bits[0, 2, 0, ::7, 0] = 1
    reads = np.zeros((taps, 2, 5, 2), np.int64)
    reads[..., 0] = np.arange(taps * 2).reshape(taps, 2, 1)
    wanted = naive_counts(patches(bits, window), reads, 1, 3)
    assert (wanted.silent.sum() > 0) == (taps < 3)
    assert_counts(count_words(packed(bits), window, 1, 3), wanted)


def test_words_of_many_rows_at_once_are_refused_in_time():
    assert fits(square(224, 224, 3, 1), 8)
    assert fits(square(1, (1 << 18) - 1), 1)
    assert not fits(square(1, 1 << 18), 1)


@pytest.mark.parametrize("dilation", [(2, 1), (1, 2)])
def test_taps_that_lie_apart_are_left_to_the_other_kernel(dilation):
    assert not fits(square(9, 9, 3, 1)._replace(dilation=dilation), 1)


def test_the_most_words_that_fit_do_not_run_into_one_another():
    places = (1 << 18) - 1
    planes = np.full((1, 1, 1, places, 1), 2**64 - 1, np.uint64)
    counts = count_words(planes, square(1, places), 1, 63)
    assert [count.item() for count in counts] == [64 * places, 64 * places, places, places, places, 0]
