"""The shipped table of CACTI 7 runs and interpolation in it.

Scratch RAM, one bank, optimised for energy times delay squared; cells lop or lstp at 300 or 360 K; 28 nm is CACTI's own
interpolation. Between rows every quantity is a line in the logarithms of capacity and port width.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hwsim.errors import ArchitectureError

_TABLE = Path(__file__).with_name("data") / "sram_cacti.csv"


class Kind(NamedTuple):
    """What sets one part of the table apart from another."""

    node_nm: int
    cell: str
    temperature_k: int
    ports: str

    def __str__(self) -> str:
        return f"{self.node_nm} nm {self.cell} {self.temperature_k} K {self.ports}"


class Row(NamedTuple):
    """One memory as CACTI prices it."""

    access_ns: float
    cycle_ns: float
    read_pj: float
    write_pj: float
    leakage_mw: float
    area_mm2: float


# Error factor that 90 % of the rows stay below when they are interpolated from their neighbours (leave one out, along
# capacity or port width, whichever is worse). The gaps are then twice as wide, so this overstates.
INTERPOLATION_ERROR = Row(access_ns=1.13, cycle_ns=1.30, read_pj=1.26, write_pj=1.17, leakage_mw=1.09, area_mm2=1.14)


@cache
def table() -> Mapping[Kind, Mapping[tuple[int, int], Row]]:
    """Rows by kind, then by (capacity in bytes, port width in bits)."""
    kinds: dict[Kind, dict[tuple[int, int], Row]] = {}
    with _TABLE.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            kind = Kind(int(line["node_nm"]), line["cell"], int(line["temperature_k"]), line["ports"])
            size = int(line["capacity_bytes"]), int(line["port_bits"])
            kinds.setdefault(kind, {})[size] = Row(*(float(line[name]) for name in Row._fields))
    return kinds


def rows_of(kind: Kind) -> Mapping[tuple[int, int], Row]:
    """All rows of one kind.

    Raises:
        ArchitectureError: the table has none; the message says what it has.

    """
    if kind in table():
        return table()[kind]
    nodes = sorted({known.node_nm for known in table()})
    if kind.node_nm not in nodes:
        raise ArchitectureError(f"the CACTI table has no {kind.node_nm} nm, only {', '.join(map(str, nodes))} nm")
    there = sorted(str(known) for known in table() if known.node_nm == kind.node_nm and known.cell in ("lop", "lstp"))
    raise ArchitectureError(f"the CACTI table has no {kind}, only {'; '.join(there)}")


def capacities(kind: Kind) -> list[int]:
    """Capacities of the rows of one kind in bytes, rising."""
    return sorted({capacity for capacity, _ in rows_of(kind)})


def port_widths(kind: Kind) -> list[int]:
    """Port widths of the rows of one kind in bits, rising."""
    return sorted({port for _, port in rows_of(kind)})


def interpolated(kind: Kind, capacity_bytes: float, port_bits: float) -> tuple[Row, bool]:
    """The memory of a capacity and port width inside the table, and whether it is a row of the table."""
    rows = rows_of(kind)
    low, high, along = _bracket(capacities(kind), capacity_bytes)
    narrow, wide, across = _bracket(port_widths(kind), port_bits)
    corners = (rows[low, narrow], rows[high, narrow], rows[low, wide], rows[high, wide])
    if along == 0 and across == 0:
        return corners[0], True
    weights = ((1 - along) * (1 - across), along * (1 - across), (1 - along) * across, along * across)
    columns = zip(*corners, strict=True)
    return Row(*(math.exp(_dot(weights, map(math.log, column))) for column in columns)), False


def _dot(weights: tuple[float, ...], values: map[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _bracket(points: list[int], x: float) -> tuple[int, int, float]:
    """Neighbouring points around x and how far x is from the first to the second, in logarithms."""
    for below, above in pairwise(points):
        if below <= x < above:
            return below, above, math.log(x / below) / math.log(above / below)
    return points[-1], points[-1], 0.0
