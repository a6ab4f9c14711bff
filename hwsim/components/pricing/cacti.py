"""The shipped table of CACTI 7 runs, its rows in order, and interpolation between them.

Scratch RAM, one bank, optimised for energy times delay squared; cells lop or lstp at 300 or 360 K; 28 nm is CACTI's own
interpolation. CACTI picks another organisation for each row, so its numbers jump: a port of 128 b may take less area
than one of 64, a newer node more than an older one. Energies, areas and times are brought to an order that rises with
node, capacity and port (`monotone`), leakage to one that rises with capacity; bounds reach to the row itself. Between
rows every quantity is a line in the logarithms of capacity and port width.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hwsim.components.pricing.monotone import monotone
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

    def divided(self, other: Row) -> Row:
        """Each number over that of another memory."""
        return Row(*(mine / theirs for mine, theirs in zip(self, other, strict=True)))


_AXES = {"leakage_mw": (1,)}  # of node, capacity and port, along which a quantity rises
_ALL_AXES = (0, 1, 2)

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


@cache
def capacities(kind: Kind) -> list[int]:
    """Capacities of the rows of one kind in bytes, rising."""
    return sorted({capacity for capacity, _ in rows_of(kind)})


@cache
def port_widths(kind: Kind) -> list[int]:
    """Port widths of the rows of one kind in bits, rising."""
    return sorted({port for _, port in rows_of(kind)})


class Read(NamedTuple):
    """A memory as the table gives it."""

    row: Row
    spread: Row  # factors that it may be off by either way
    how: str  # what was done to it, for the source of a price


@cache
def _ordered(cell: str, temperature_k: int, ports: str) -> Mapping[tuple[int, int, int], Row]:
    """Rows of all nodes, by (node, capacity in bytes, port width in bits), brought to their order."""
    rows = {
        (kind.node_nm, *size): row
        for kind, sizes in table().items()
        if kind[1:] == (cell, temperature_k, ports)
        for size, row in sizes.items()
    }
    columns = [
        monotone({place: getattr(row, name) for place, row in rows.items()}, _AXES.get(name, _ALL_AXES))
        for name in Row._fields
    ]
    return {place: Row(*(column[place] for column in columns)) for place in rows}


def interpolated(kind: Kind, capacity_bytes: float, port_bits: float) -> Read:
    """The memory of a capacity and port width inside the table.

    Raises:
        ArchitectureError: the table has none of that kind.

    """
    rows = rows_of(kind)
    ordered = _ordered(kind.cell, kind.temperature_k, kind.ports)
    low, high, along = _bracket(capacities(kind), capacity_bytes)
    narrow, wide, across = _bracket(port_widths(kind), port_bits)
    corners = [ordered[kind.node_nm, *size] for size in ((low, narrow), (high, narrow), (low, wide), (high, wide))]
    if along == 0 and across == 0:
        return _row(rows[low, narrow], corners[0])
    weights = ((1 - along) * (1 - across), along * (1 - across), (1 - along) * across, along * across)
    columns = zip(*corners, strict=True)
    row = Row(*(math.exp(_dot(weights, map(math.log, column))) for column in columns))
    return Read(row, INTERPOLATION_ERROR, "interpolated in log")


def _row(as_run: Row, ordered: Row) -> Read:
    spread = Row(*(max(factor, 1 / factor) for factor in as_run.divided(ordered)))
    most = max(spread)
    return Read(ordered, spread, "" if most == 1 else f"up to {most - 1:.0%} off its row, so that the table rises")


def _dot(weights: tuple[float, ...], values: map[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _bracket(points: list[int], x: float) -> tuple[int, int, float]:
    """Neighbouring points around x and how far x is from the first to the second, in logarithms."""
    for below, above in pairwise(points):
        if below <= x < above:
            return below, above, math.log(x / below) / math.log(above / below)
    return points[-1], points[-1], 0.0
