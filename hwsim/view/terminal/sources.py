"""The sources that numbers in brackets stand for, below a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from hwsim.view.terminal.plain_text import headed


def print_sources(sources: Mapping[str, int], console: Console) -> None:
    """Every source with its number, in the order of the numbers; nothing if there is none."""
    if not sources:
        return
    console.print()
    console.print(headed("sources"))
    below = Table.grid(padding=(0, 2, 0, 0))
    below.add_column(justify="right")
    below.add_column(overflow="fold")
    for source, n in sources.items():
        below.add_row(f"[{n}]", source)
    console.print(below)
