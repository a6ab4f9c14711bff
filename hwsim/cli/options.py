"""What several commands have in common: options, and the console that they print on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

FILE = click.Path(dir_okay=False, path_type=Path)
SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, e.g. adc.bits=6.")


def console() -> Console:
    """Standard output, as wide as the terminal; wider in a pipe, which has no width of its own."""
    import shutil

    from hwsim.view.terminal.plain_text import PlainConsole

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    return PlainConsole(width=max(width, 100))
