"""Shipped designs and keys on a terminal, a line each; in text alone, as this is for whoever looks around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hwsim.printable import cut

if TYPE_CHECKING:
    from hwsim.arch.keys import Key
    from hwsim.catalogue import Shipped

_LONGEST_VALUE = 24


def catalogue_lines(designs: Sequence[Shipped], width: int) -> list[str]:
    """Name, machine, codings and description of each design under a headline, at most so wide."""
    rows = [("design", "machine", "plays", "")]
    rows += [(each.name, each.machine, ", ".join(each.plays), each.description) for each in designs]
    return _lines(rows, width)


def key_lines(keys: Sequence[Key], width: int) -> list[str]:
    """Key, value and what it may be under a headline, at most so wide."""
    rows = [("key", "value", "may be")]
    rows += [(each.key, cut(each.value, _LONGEST_VALUE) or "-", each.allowed) for each in keys]
    return _lines(rows, width)


def _lines(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Columns side by side, of which the last takes what is left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    room = width - sum(widths) - 2 * len(widths)
    return ["  ".join((*map(str.ljust, row[:-1], widths), cut(row[-1], room))).rstrip() for row in rows]
