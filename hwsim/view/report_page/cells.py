"""Tables of a page: text, beside it the number that a column is sorted by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.table import Table as TerminalTable
from rich.text import Text

from hwsim.printable import cut
from hwsim.view.page import text

_LONGEST, _LONG = 1000, 40
_MOST_ROWS = 3000


class Cell(NamedTuple):
    """What is read, and the number behind it; None of words."""

    shown: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table under a title, with a line on what its words mean; columns in `left` hold words."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left: Collection[int] = (0,)
    says: str = ""

    def markup(self) -> str:
        """The table, which may be sorted and filtered where scripts run, and scrolls by itself where it is too wide."""
        left_out = len(self.rows) - _MOST_ROWS
        more = f'<p class="hint">{left_out:,} more rows: see the JSON report</p>\n' if left_out > 0 else ""
        says = f'<p class="hint">{text(self.says)}</p>\n' if self.says else ""
        return (
            f"<section>\n<h3>{text(self.title)}</h3>\n{says}"
            f'<div class="wide" tabindex="0" role="region" aria-label="{text(cut(self.title, 80))}">'
            f"{self._table('data')}</div>\n{more}</section>\n"
        )

    def bare(self) -> str:
        """The table alone, in its own order."""
        return f'<div class="wide bare">{self._table("bare")}</div>\n'

    def _table(self, kind: str) -> str:
        head = "".join(f'<th scope="col"{self._side(i)}>{text(name)}</th>' for i, name in enumerate(self.columns))
        body = "".join(
            f"<tr>{''.join(self._cell(i, cell) for i, cell in enumerate(row))}</tr>\n" for row in self.rows[:_MOST_ROWS]
        )
        return f'<table class="{kind}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>'

    def _side(self, column: int) -> str:
        return ' class="left"' if column in self.left else ""

    def _cell(self, column: int, cell: Cell) -> str:
        value = "" if cell.value is None else f' data-value="{cell.value!r}"'
        kinds = ["left"] * (column in self.left) + ["long"] * (len(cell.shown) > _LONG)
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        return f"<td{kind}{value}>{text(cut(cell.shown, _LONGEST))}</td>"


def words(*shown: str) -> list[Cell]:
    """Cells of words alone."""
    return [Cell(each) for each in shown]


def of_terminal(table: TerminalTable, title: str = "") -> Table:
    """A table as a terminal has it, whose cells are words."""
    columns = [_plain(column.header) for column in table.columns]
    rows = list(zip(*([_plain(cell) for cell in column.cells] for column in table.columns), strict=True))
    return Table(title or _plain(table.title).strip(), columns, [words(*row) for row in rows])


def _plain(shown: object) -> str:
    return shown.plain if isinstance(shown, Text) else str(shown or "")
