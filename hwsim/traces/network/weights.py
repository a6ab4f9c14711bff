"""Integer weights of a layer: drawn or stored, and packed two per byte for files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.traces.network.layers import Conv2d, Linear, StoredWeights, Weights

_WEIGHTS_PER_DRAW = 1 << 20


def weights_of(layer: Conv2d | Linear) -> NDArray[np.int8]:
    """The layer's weights as int8 [kernel, kernel, channel_in / groups, channel_out], whether stored or seeded."""
    return weight_values(layer.weights)


def weight_values(weights: Weights) -> NDArray[np.int8]:
    """Stored values, or those that a seed stands for.

    Seeded weights are uniform over -(2**(bits-1) - 1) .. 2**(bits-1) - 1: weight i takes byte i of the random stream as
    (byte * levels) >> 8, so a level's probability is off by at most 1/256.
    """
    if isinstance(weights, StoredWeights):
        return weights.values
    levels = (1 << weights.bits) - 1
    key = stream_key(weights.seed, "weights")
    values = np.empty(int(np.prod(weights.shape)), dtype=np.int8)
    for start in range(0, values.size, _WEIGHTS_PER_DRAW):
        part = values[start : start + _WEIGHTS_PER_DRAW]
        counters = np.arange(start // 8, start // 8 + -(-part.size // 8), dtype=np.uint64)
        drawn = random_words(key, counters).astype("<u8").view(np.uint8)[: part.size]
        part[:] = ((drawn.astype(np.int16) * levels) >> 8) - (levels >> 1)
    return values.reshape(weights.shape)


def pack_nibbles(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Weights of at most 4 bits, in C order, two per byte, the earlier in the low nibble: uint8 [ceil(n / 2)]."""
    flat = (values.reshape(-1).view(np.uint8) & 0xF).astype(np.uint8)
    padded = np.append(flat, np.zeros(flat.size % 2, dtype=np.uint8))
    return padded[0::2] | (padded[1::2] << np.uint8(4))


def unpack_nibbles(packed: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """The inverse of `pack_nibbles`, sign-extended: int8 of the given shape."""
    flat = np.stack([packed & 0xF, packed >> 4], axis=1).reshape(-1)[: int(np.prod(shape))]
    # Two's complement in 4 bits: flipping the sign bit and subtracting it extends the sign.
    return ((flat ^ 8).astype(np.int8) - np.int8(8)).reshape(shape)
