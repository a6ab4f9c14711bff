"""The shipped designs on a terminal, a line each; in text alone, as this is for whoever looks around."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.catalogue import Shipped
from hwsim.printable import cut


def catalogue_lines(designs: Sequence[Shipped], width: int) -> list[str]:
    """Name, machine, codings and description of each design under a headline, at most so wide."""
    rows = [("design", "machine", "plays", "")]
    rows += [(each.name, each.machine, ", ".join(each.plays), each.description) for each in designs]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    room = width - sum(widths) - 6
    return ["  ".join((*map(str.ljust, row[:3], widths), cut(row[3], room))).rstrip() for row in rows]
