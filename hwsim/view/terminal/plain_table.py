"""A table without lines under a title that keeps to one line."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from hwsim.printable import cut, printable


def plain_table(title: str, *columns: str, left: Sequence[str] | None = None) -> Table:
    """An empty table after a blank line; columns are flush right but for those in `left`, or else the first."""
    to_the_left = columns[:1] if left is None else left
    # Rich would wrap the title at the width of the table, however narrow that is.
    heading = Text(f"\n{printable(title)}", no_wrap=True, overflow="ignore")
    table = Table(title=heading, title_justify="left", title_style="bold", header_style="", pad_edge=False, box=None)
    for column in columns:
        table.add_column(column, justify="left" if column in to_the_left else "right")
    return table


def bare_table() -> Table:
    """An empty table without title, lines and space around it."""
    return Table(box=None, pad_edge=False, header_style="bold", show_edge=False)


_NARROWEST = 8  # that a text is cut to
Row = tuple[str, ...]
"""The cells of a row."""


def fitted_table(columns: Row, rows: Sequence[Row], left: Collection[str], width: int, spare: Sequence[str]) -> Table:
    """A bare table at most so wide: without columns of `spare`, first ones first, then with cut texts, never numbers.

    Columns in `left` are texts and flush left, others are numbers and flush right.
    """
    shown = {name: max(map(cell_len, (name, *cells))) for name, *cells in zip(columns, *rows, strict=True)}

    def excess() -> int:
        return sum(shown.values()) + 2 * (len(shown) - 1) - width

    for name in spare:
        if excess() > 0:
            shown.pop(name, None)
    while excess() > 0 and (texts := [name for name in shown if name in left and shown[name] > _NARROWEST]):
        shown[max(texts, key=shown.__getitem__)] -= 1
    table = bare_table()
    for name, room in shown.items():
        table.add_column(cut(name, room), justify="left" if name in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(cut(cell, shown[name]) for name, cell in zip(columns, row, strict=True) if name in shown))
    return table


def fitting_lines(columns: Row, rows: Sequence[Row], right: Sequence[str], width: int) -> Text | None:
    """What `bare_table` prints of rows that need not be cut, in a fifth of the time; None where they must be.

    The heading and rows with something in the first column are bold; columns are flush left but for those in `right`.
    """
    lines = [tuple(map(printable, row)) for row in (columns, *rows)]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width or any("\n" in cell for row in lines for cell in row):
        return None
    text = Text(no_wrap=True, overflow="ignore")
    for row in lines:
        gaps = (" " * (room - cell_len(cell)) for room, cell in zip(widths, row, strict=True))
        padded = (
            gap + cell if column in right else cell + gap for column, cell, gap in zip(columns, row, gaps, strict=True)
        )
        text.append("\n" if text else "").append("  ".join(padded), "bold" if row[0] else None)
    return text
