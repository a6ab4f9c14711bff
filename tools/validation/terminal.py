"""A chip beside its predictions on the terminal."""

from __future__ import annotations

import shutil
import sys

from rich.console import Console

from hwsim.view.terminal.plain_table import plain_table
from validation.figures import Chip
from validation.markdown import digits


def print_chip(chip: Chip) -> None:
    """Its figures, what has to be known to read them, and tables of its own; 200 columns wide in a file."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    console = Console(width=max(width, 120), highlight=False)
    figures = plain_table(
        chip.title, "", "published", "predicted", "by its prices", "ratio", "what is off", left=("", "what is off")
    )
    for each in chip.figures:
        interval = "" if each.low == each.high else f"{digits(each.low)} to {digits(each.high)}"
        why = f"fitted on {each.fitted_on}" if each.fitted_on else each.why
        numbers = (digits(each.published), digits(each.predicted), interval, f"{each.ratio:.2f}")
        figures.add_row(f"{each.figure}, {each.unit}", *numbers, why)
    console.print(figures)
    for note in chip.notes:
        console.print(f"  {note}", soft_wrap=True, markup=False)
    for table in chip.tables:
        printed = plain_table(table.title, *table.columns)
        for row in table.rows:
            printed.add_row(*row)
        console.print(printed)
