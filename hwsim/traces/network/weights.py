"""Integer weights of a layer: their range, drawn or stored, and packed two per byte for files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.traces.network.layers import Conv2d, Integers, Linear, StoredWeights, Weights

MOST_BITS = 16
_NARROW_BITS = 8  # that a byte holds
_WEIGHTS_PER_DRAW = 1 << 20


def weight_range(bits: int) -> tuple[int, int]:
    """The least and the largest weight of so many bits: of one bit -1 and 1, and nothing between them."""
    half = 1 << (bits - 1)
    return (-1, 1) if bits == 1 else (-half, half - 1)


def weight_type(bits: int) -> type[np.int8 | np.int16]:
    """In what weights of so many bits are stored."""
    return np.int8 if bits <= _NARROW_BITS else np.int16


def weights_of(layer: Conv2d | Linear) -> Integers:
    """The layer's weights [kernel y, x, channel_in / groups, channel_out], int8 or int16, stored or seeded."""
    return weight_values(layer.weights)


def weight_values(weights: Weights) -> Integers:
    """Stored values, or those that a seed stands for.

    Seeded weights are uniform over -(2**(bits-1) - 1) .. 2**(bits-1) - 1: weight i takes byte i of the random stream as
    (byte * levels) >> 8, so a level's probability is off by at most 1/256; of more than 8 bits the i-th two bytes, of 1
    bit -1 and 1 by a byte's highest bit.
    """
    if isinstance(weights, StoredWeights):
        return weights.values
    top = weight_range(weights.bits)[1]
    step, levels = (2, 2) if weights.bits == 1 else (1, 2 * top + 1)
    stored = np.dtype(weight_type(weights.bits))
    key, each = stream_key(weights.seed, "weights"), 8 // stored.itemsize
    values = np.empty(int(np.prod(weights.shape)), stored)
    for start in range(0, values.size, _WEIGHTS_PER_DRAW):
        part = values[start : start + _WEIGHTS_PER_DRAW]
        counters = np.arange(start // each, start // each + -(-part.size // each), dtype=np.uint64)
        drawn = random_words(key, counters).astype("<u8").view(f"<u{stored.itemsize}")[: part.size]
        wide: Integers = drawn.astype(np.int16 if stored.itemsize == 1 else np.int64)
        part[:] = ((wide * levels) >> 8 * stored.itemsize) * step - top
    return values.reshape(weights.shape)


def pack_nibbles(values: Integers) -> NDArray[np.uint8]:
    """Weights of at most 4 bits, in C order, two per byte, the earlier in the low nibble: uint8 [ceil(n / 2)]."""
    flat = (values.reshape(-1).view(np.uint8) & 0xF).astype(np.uint8)
    padded = np.append(flat, np.zeros(flat.size % 2, dtype=np.uint8))
    return padded[0::2] | (padded[1::2] << np.uint8(4))


def unpack_nibbles(packed: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """The inverse of `pack_nibbles`, sign-extended: int8 of the given shape."""
    flat = np.stack([packed & 0xF, packed >> 4], axis=1).reshape(-1)[: int(np.prod(shape))]
    # Two's complement in 4 bits: flipping the sign bit and subtracting it extends the sign.
    return ((flat ^ 8).astype(np.int8) - np.int8(8)).reshape(shape)
