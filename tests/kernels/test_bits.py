"""Bits are counted and packed as the words say: little-endian, channel c at bit c % 64 of word c // 64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.integers import unpack_integers

from hwsim.kernels.bits import popcount, trailing_zeros
from hwsim.kernels.counter_rng import bernoulli_words, random_words, stream_key
from hwsim.traces.planes import (
    max_planes,
    pack_channels,
    pack_integers,
    sum_planes,
    unpack_channels,
)

WORD = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(WORD)
def test_popcount_and_trailing_zeros(word):
    text = f"{word:064b}"
    assert popcount(np.uint64(word)) == text.count("1")
    assert trailing_zeros(np.uint64(word)) == len(text) - len(text.rstrip("0"))


@pytest.mark.parametrize("word", [0, 1, 1 << 63, 2**64 - 1, 0x5555555555555555])
def test_counts_at_the_corners(word):
    assert popcount(np.uint64(word)) == bin(word).count("1")
    assert trailing_zeros(np.uint64(word)) == (64 if word == 0 else bin(word)[::-1].index("1"))


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(0, 2**32))
def test_channels_are_packed_little_endian_and_padded_with_zeros(channels, seed):
    bits = np.random.default_rng(seed).integers(0, 2, (2, channels), dtype=np.uint8)
    words = pack_channels(bits)
    naive = [sum(int(bit) << c for c, bit in enumerate(row)) for row in bits]
    assert words.shape == (2, -(-channels // 64))
    assert [sum(int(word) << 64 * w for w, word in enumerate(row)) for row in words] == naive
    assert np.array_equal(unpack_channels(words, channels), bits)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(1, 8))
def test_integers_as_planes(seed, channels, n_bits):
    values = np.random.default_rng(seed).integers(0, 1 << n_bits, (3, channels), dtype=np.uint8)
    planes = pack_integers(values, n_bits)
    assert planes.shape == (n_bits, 3, -(-channels // 64))
    assert np.array_equal(unpack_integers(planes, channels), values)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=10))
def test_planes_of_sums_are_the_sums(seed, terms):
    """Each term is (bits, gain); the sum is compared with plain integer arithmetic at its largest too."""
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 1 << bits, (2, 70), dtype=np.uint8) for bits, _ in terms]
    for value, (bits, _) in zip(values, terms, strict=True):
        value[0, 0] = (1 << bits) - 1
    gains = [gain for _, gain in terms]
    largest = sum(gain * ((1 << bits) - 1) for bits, gain in terms)
    planes = [pack_integers(value, bits) for value, (bits, _) in zip(values, terms, strict=True)]
    total = unpack_integers(sum_planes(planes, gains, largest.bit_length()), 70)
    wanted = sum(gain * value.astype(np.int64) for gain, value in zip(gains, values, strict=True))
    assert np.array_equal(total, wanted)
    assert total[0, 0] == largest


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 9))
def test_planes_of_maxima_are_the_maxima(seed, n_bits, n_terms):
    values = np.random.default_rng(seed).integers(0, 1 << n_bits, (n_terms, 2, 70), dtype=np.uint8)
    best = max_planes([pack_integers(value, n_bits) for value in values])
    assert np.array_equal(unpack_integers(best, 70), values.max(axis=0))


def test_random_words_are_splitmix64():
    """The first outputs of SplitMix64 for state 1234567, as published with the generator's reference code."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert random_words(1234567, np.arange(1, 6, dtype=np.uint64)).tolist() == published


def test_streams_of_other_labels_or_seeds_are_other_streams():
    assert len({stream_key(seed, label) for seed in range(10) for label in ("a", "b", "a/b")}) == 30


@pytest.mark.parametrize("units", [0, 1, 655, 6554, 32768, 49152, 65535, 65536])
def test_bernoulli_bits_come_at_the_stated_rate(units):
    """Within five standard deviations over 2**20 bits, and the same in each of the 64 places."""
    words = bernoulli_words(stream_key(1, "x"), np.arange(1 << 14, dtype=np.uint64), units)
    bits = unpack_channels(words[:, None], 64)
    p = units / 65536
    sigma = np.sqrt(p * (1 - p) / bits.size)
    assert abs(bits.mean() - p) <= 5 * sigma
    assert (abs(bits.mean(axis=0) - p) <= 5 * sigma * 8).all()


def test_bernoulli_words_do_not_depend_on_their_neighbours():
    counters = np.arange(100, dtype=np.uint64)
    together = bernoulli_words(7, counters, 1234)
    assert np.array_equal(bernoulli_words(7, counters[40:60], 1234), together[40:60])
