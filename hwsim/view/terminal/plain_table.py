"""A table without lines under a title that keeps to one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.printable import printable


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
