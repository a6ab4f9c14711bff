"""Which rows of the crossbars each read drives, and where their words lie."""

from __future__ import annotations

from typing import NamedTuple

from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import IntArray, Segments, Sliding


class Reads(NamedTuple):
    """Which words each read takes its rows from."""

    segments: Segments  # masked words of a window, sorted by read
    first_row: IntArray  # [segment] row of `Columns.cells` of bit 0 of its word; below zero where that bit is masked
    per_group: int  # reads of one group of channels
    dac_bits: int  # neighbouring planes of one digit


@kernel(allocates=False, inlined=True)
def place_of(i: int, oy: int, ox: int, window: Sliding, reads: Reads) -> int:
    """Where the word of a segment lies in the map, -1 if beyond its edge."""
    y = oy * window.stride[0] - window.padding[0] + reads.segments.row[i] * window.dilation[0]
    x = ox * window.stride[1] - window.padding[1] + reads.segments.column[i] * window.dilation[1]
    inside = y >= 0 and y < window.height and x >= 0 and x < window.width
    return int(y * window.width + x) if inside else -1
