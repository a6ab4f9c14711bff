"""What several commands have in common: options, and the console that they print on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console


FILE = click.Path(dir_okay=False, path_type=Path)
SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, e.g. adc.bits=6.")


def named(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """The name of a file that a command writes, refused where it is empty."""
    if value is not None and os.fspath(value) in ("", "."):
        raise click.BadParameter("wanted the name of a file, found an empty one")
    return value


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    from hwsim.memory import parse_size

    return None if value is None else parse_size(value)


MEMORY = click.option(
    "--memory",
    callback=_size,
    metavar="SIZE",
    help="Refuse what takes more, e.g. 4GiB.  [default: three quarters of this machine's]",
)


def console() -> Console:
    """Standard output, as wide as the terminal; wider in a pipe, which has no width of its own."""
    import shutil

    from hwsim.view.terminal.plain_text import PlainConsole

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    return PlainConsole(width=max(width, 100))


def without_threads() -> None:
    """Keep NumPy's linear algebra from starting threads for a command that has nothing for them to do."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def needs_output() -> None:
    """Raise UsageError where standard output is closed, before anything is computed only to be lost."""
    if getattr(sys.stdout, "shut", False):
        raise click.UsageError("standard output is closed, and the result would be lost")
