"""Which rows of the crossbars each read drives."""

from __future__ import annotations

from typing import NamedTuple

from hwsim.kernels.crossbar.rows import IntArray, Segments


class Reads(NamedTuple):
    """Which words each read takes its rows from."""

    segments: Segments  # masked words of a window, sorted by read
    first_row: IntArray  # [segment] row of `Columns.cells` of bit 0 of its word; below zero where that bit is masked
    per_group: int  # reads of one group of channels
    dac_bits: int  # neighbouring planes of one digit
