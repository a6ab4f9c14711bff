"""Converters that differ from each other in offset and gain."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import IntArray

GAIN_BITS = 20
"""A gain error of 1 is 2**GAIN_BITS."""


class Converters(NamedTuple):
    """Errors of the ADC of each column, in currents: what it adds, and the share by which it reads more."""

    offset: IntArray  # [row block, column]
    gain: IntArray  # [row block, column] in 2**-GAIN_BITS


@kernel(allocates=False, inlined=True)
def differ(block: int, converters: Converters, currents: NDArray[Any]) -> None:
    """Give currents [column] the gains and offsets of the converters of a row block; products are rounded half up."""
    half = 1 << (GAIN_BITS - 1)
    for c in range(currents.size):
        more = (currents[c] * converters.gain[block, c] + half) >> GAIN_BITS
        currents[c] += more + converters.offset[block, c]
