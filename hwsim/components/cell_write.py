"""What writing the cells of a crossbar takes: pulses and verifying reads of resistive cells, lines of SRAM cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hwsim.arch.schema import Bounded, ComponentSpec
from hwsim.components.pricing.price import Price


def _at_least_one(bounded: Bounded) -> Bounded:
    if bounded.low < 1:
        raise ValueError(f"must be at least 1, got {bounded.low:g}")
    return bounded


Times = Annotated[Bounded, AfterValidator(_at_least_one)]
"""How often something is done, a mean with bounds: once at least."""

Writes = Mapping[str, Price]
"""pJ of `cell`, all that one cell takes, and `row`, all that the lines of one row take."""


class CellWrite(ComponentSpec):
    """Writing a crossbar: the rows of one go one after another, all cells of a row at once.

    `crossbars` is how many are written at the same time on the whole chip, as far as the supply allows.
    """

    crossbars: Annotated[int, Field(ge=1)] | Literal["all"] = "all"


class PulseWrite(CellWrite):
    """Resistive cells: pulses, after each of which the cell is read and compared, until it has its level.

    `pulses` is the mean number for a cell, `row_pulses` that of the slowest cell of a row, for which the others wait.
    A cell bears `endurance` writes.
    """

    pulse_v: float = Field(gt=0, le=10)
    pulse_ns: float = Field(gt=0, le=1e9)
    pulses: Times
    row_pulses: int = Field(ge=1, le=1_000_000)
    endurance: Times


class LineWrite(CellWrite):
    """SRAM cells: a row at once in `row_ns`; they do not wear out."""

    row_ns: float = Field(gt=0, le=1e9)
