"""Conductance levels that spiking rows draw current through, from per-channel spike counts; it knows no volts or
prices.

Places of an input row that the same kernel columns read form a class.  Spikes are counted per channel over a class,
eight
channels at once in the bytes of a word, and the counts are multiplied once with the levels of those columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import compiled, inlined
from hwsim.kernels.crossbar_rows import Window
from hwsim.kernels.word_rows import outputs_over

_MOST = 255  # places that a byte-wide counter can count
Words = NDArray[np.uint64]

SPREAD = np.array([sum(1 << (8 * bit) for bit in range(8) if byte >> bit & 1) for byte in range(256)], dtype=np.uint64)
"""The eight bits of a byte as eight bytes of 0 or 1: uint64 [256]."""


class Classes(NamedTuple):
    """Places of a row that the same kernel columns read, at most 255 of them, a constant step apart."""

    first: NDArray[np.int64]  # [class] first place
    step: NDArray[np.int64]  # [class]
    size: NDArray[np.int64]  # [class]
    outputs: NDArray[np.int64]  # [row, 2] first and one past the last output row that reads it


def sum_levels(
    planes: Words, window: Window, levels: NDArray[np.int64], pulses: NDArray[np.int64], sums: NDArray[np.int64]
) -> None:
    """Add to `sums` int64 [sample, time, output row] the levels of all cells in the rows that are driven.

    `planes` is uint64 [plane, sample, time, position, word], contiguous; `levels` int64 [kernel row, kernel column,
    channel] the sum over its cells of each crossbar row; `pulses` int64 [plane] the unit pulses of a plane's bits.
    """
    classes, columns = _classes(window)
    padded = np.zeros((*levels.shape[:2], planes.shape[4] * 64), np.int64)
    padded[:, :, : levels.shape[2]] = levels
    # What a channel's spike in a place of each class draws in all kernel columns that read it: [kernel row, class,
    # channel].
    weights = np.einsum("kc,ycn->ykn", columns, padded).reshape(window.kernel, -1)
    channels = np.zeros((weights.shape[1] // 64, 8), np.uint64)
    narrow = weights.max() < 1 << 15
    short = weights.astype(np.int16 if narrow else np.int64)
    _sum_levels(
        planes.reshape(-1),
        planes.shape,
        window,
        classes,
        short,
        pulses,
        channels,
        channels.view(np.uint8).reshape(-1),
        sums,
    )


def _classes(window: Window) -> tuple[Classes, NDArray[np.int64]]:
    """The classes of a row's places that any window reads, and 0 or 1 for each kernel column: int64 [class, column]."""
    place = np.arange(window.width)[:, None] + window.padding - np.arange(window.kernel)
    reads = (place % window.stride == 0) & (place >= 0) & (place // window.stride < window.out_width)
    found, columns = [], []
    for pattern in np.unique(reads, axis=0):
        places = np.flatnonzero((reads == pattern).all(axis=1))
        step = int(places[1] - places[0]) if places.size > 1 else 1
        if pattern.any():
            pieces = [places[low : low + _MOST] for low in range(0, places.size, _MOST)]
            found += [(piece[0], step, piece.size) for piece in pieces]
            columns += [pattern] * len(pieces)
    first, steps, size = np.array(found, np.int64).T.copy()
    outputs = outputs_over(window.height, window.kernel, window.stride, window.padding, window.out_height)
    return Classes(first, steps, size, outputs), np.array(columns, np.int64)


@compiled
def _sum_levels(
    words: Words,
    shape: tuple[int, int, int, int, int],
    window: Window,
    classes: Classes,
    weights: NDArray[np.int64],
    pulses: NDArray[np.int64],
    counts: Words,
    channels: NDArray[np.uint8],
    sums: NDArray[np.int64],
) -> None:
    n_planes, n_samples, n_times, n_positions, n_words = shape
    for p in range(n_planes):
        for s in range(n_samples):
            for t in range(n_times):
                for y in range(window.height):
                    first = (((p * n_samples + s) * n_times + t) * n_positions + y * window.width) * n_words
                    for k in range(classes.size.size):
                        start, step = first + classes.first[k] * n_words, classes.step[k] * n_words
                        for w in range(n_words):
                            _count_channels(words, start + w, step, classes.size[k], counts, k * n_words + w)
                    for oy in range(classes.outputs[y, 0], classes.outputs[y, 1]):
                        ky = y + window.padding - oy * window.stride
                        sums[s, t, oy] += pulses[p] * _dot(channels, weights, ky)


@inlined
def _add_carry_save(a: np.uint64, b: np.uint64, c: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Bitwise full adder: carry and sum of three words."""
    half = a ^ b
    return (a & b) | (half & c), half ^ c


@inlined
def _count_channels(words: Words, start: int, step: int, n_places: int, counts: Words, row: int) -> None:
    """Spikes of 64 channels over `n_places` words from `start`: byte b of counts[row, j] is channel 8 j + b.

    The words are added bitwise into vertical counters, four at a time through carry-save adders (the positional
    population count of Harley and Seal), and the counters are spread to bytes once.
    """
    byte = np.uint64(255)
    if n_places == 1:
        for j in range(8):
            counts[row, j] = SPREAD[words[start] >> np.uint64(8 * j) & byte]
        return
    zero = np.uint64(0)
    b0 = b1 = b2 = b3 = b4 = b5 = b6 = b7 = zero
    end = start + n_places * step
    at = start
    while at + 3 * step < end:
        twos_a, b0 = _add_carry_save(b0, words[at], words[at + step])
        twos_b, b0 = _add_carry_save(b0, words[at + 2 * step], words[at + 3 * step])
        carry, b1 = _add_carry_save(b1, twos_a, twos_b)
        b2, carry = b2 ^ carry, b2 & carry
        b3, carry = b3 ^ carry, b3 & carry
        b4, carry = b4 ^ carry, b4 & carry
        b5, carry = b5 ^ carry, b5 & carry
        b6, carry = b6 ^ carry, b6 & carry
        b7 ^= carry
        at += 4 * step
    while at < end:
        b0, carry = b0 ^ words[at], b0 & words[at]
        b1, carry = b1 ^ carry, b1 & carry
        b2, carry = b2 ^ carry, b2 & carry
        b3, carry = b3 ^ carry, b3 & carry
        b4, carry = b4 ^ carry, b4 & carry
        b5, carry = b5 ^ carry, b5 & carry
        b6, carry = b6 ^ carry, b6 & carry
        b7 ^= carry
        at += step
    for j in range(8):
        low = np.uint64(8 * j)
        total = SPREAD[b0 >> low & byte] + (SPREAD[b1 >> low & byte] << np.uint64(1))
        if n_places > 3:
            total += SPREAD[b2 >> low & byte] << np.uint64(2)
        if n_places > 7:
            total += SPREAD[b3 >> low & byte] << np.uint64(3)
            total += SPREAD[b4 >> low & byte] << np.uint64(4)
        if n_places > 31:
            total += SPREAD[b5 >> low & byte] << np.uint64(5)
            total += SPREAD[b6 >> low & byte] << np.uint64(6)
            total += SPREAD[b7 >> low & byte] << np.uint64(7)
        counts[row, j] = total


@inlined
def _dot(channels: NDArray[np.uint8], weights: NDArray[np.int64], ky: int) -> int:
    """Counts times levels of one kernel row."""
    total = 0
    for c in range(channels.size):
        total += int(channels[c]) * int(weights[ky, c])
    return total
