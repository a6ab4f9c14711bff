"""Maps of spikes with channels before places, as tensors of a training loop have them, to packed words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel

Words = NDArray[np.uint64]
_BYTE = 8


def pack_maps(values: NDArray[Any], words: Words) -> bool:
    """Set the bit of every value [sample, channel, place] that is not 0 in zeroed `words` [sample, place, word].

    Words lie in memory byte by byte, lowest first.  Returns whether all values are 0 or 1.
    """
    bits = words.view(np.uint8)
    room = np.zeros((2, values.shape[2]), np.uint8)
    return bool(_pack(values, bits, room))


@kernel(allocates=False)
def _pack(values: NDArray[Any], bits: NDArray[np.uint8], room: NDArray[np.uint8]) -> bool:
    """The loops of `pack_maps`: eight channels of all places make a byte each; `room` is [2, place]."""
    byte, wrong = room[0], room[1]
    n_channels = values.shape[1]
    for s in range(values.shape[0]):
        for low in range(0, n_channels, _BYTE):
            byte[:] = 0
            for c in range(low, min(low + _BYTE, n_channels)):
                _add_channel(values[s, c], np.uint8(1 << (c - low)), byte, wrong)
            for p in range(byte.size):
                bits[s, p, low // _BYTE] = byte[p]
    found = False
    for p in range(wrong.size):
        found |= wrong[p] != 0
    return not found


@kernel(allocates=False, inlined=True)
def _add_channel(row: NDArray[Any], bit: np.uint8, byte: NDArray[np.uint8], wrong: NDArray[np.uint8]) -> None:
    for p in range(byte.size):
        fires = row[p] != 0
        byte[p] |= bit if fires else np.uint8(0)
        wrong[p] |= np.uint8(fires & (row[p] != 1))
