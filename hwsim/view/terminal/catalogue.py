"""Shipped designs and keys on a terminal, one after another; in text alone, as this is for whoever looks around."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from hwsim.printable import cut, one_line

if TYPE_CHECKING:
    from hwsim.arch.keys import Key
    from hwsim.catalogue import Shipped

_LONGEST_VALUE, _NARROWEST = 24, 20


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
    """Columns side by side, of which the last goes on in further lines where it is too long for what is left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    before = sum(widths) + 2 * len(widths)
    lines = []
    for row in rows:
        first, *more = wrap(one_line(row[-1]), max(width - before, _NARROWEST), break_on_hyphens=False) or [""]
        lines.append("  ".join((*map(str.ljust, row[:-1], widths), first)).rstrip())
        lines += [" " * before + each for each in more]
    return lines
