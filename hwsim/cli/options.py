"""What several commands have in common: options, and the console that they print on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from rich.console import Console


FILE = click.Path(dir_okay=False, path_type=Path)


def named(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """The name of a file that a command writes, refused where it is empty."""
    if value is not None and os.fspath(value) in ("", "."):
        raise click.BadParameter("wanted the name of a file, found an empty one")
    return value


def designs(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Shipped designs and files that a shell offers for an architecture."""
    from hwsim.arch import shipped

    return [CompletionItem(name) for name in shipped() if name.startswith(begun)] + [CompletionItem(begun, type="file")]


def keys(ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Keys that a shell offers for `--set`: of the last architecture before it."""
    from hwsim import accelerators
    from hwsim.arch import load
    from hwsim.errors import HwsimError

    given = [value for value in ctx.params.values() if isinstance(value, str)]
    for name in reversed([*given, *ctx.args]):  # an option without its value leaves what stands before it in `args`
        try:
            places = load(name, accelerators.spec_type).places
        except HwsimError:
            continue
        return [CompletionItem(f"{key}=") for key in places if key.startswith(begun) and not key.endswith("source")]
    return []


def figures(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Figures of a sweep's rows that a shell offers, for the last of a list."""
    from hwsim.sweep.figures import FIGURES

    before, comma, last = begun.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in FIGURES if name.startswith(last)]


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    from hwsim.memory import parse_size

    return None if value is None else parse_size(value)


SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value, e.g. adc.bits=6; hwsim arch keys ARCH lists all.",
    shell_complete=keys,
)
MEMORY = click.option(
    "--memory",
    callback=_size,
    metavar="SIZE",
    help="Refuse what takes more, e.g. 4GiB.  [default: three quarters of this machine's]",
)


NARROWEST, IN_A_PIPE, WIDTH_OF_ALL = 80, 100, 200


def width(in_a_pipe: int = IN_A_PIPE) -> int:
    """Columns of standard output: the terminal's, but at least 80; a pipe has no width of its own."""
    return max(shutil.get_terminal_size().columns if sys.stdout.isatty() else in_a_pipe, NARROWEST)


def console(in_a_pipe: int = IN_A_PIPE) -> Console:
    """Standard output, so wide."""
    from hwsim.view.terminal.plain_text import PlainConsole

    return PlainConsole(width=width(in_a_pipe))


def without_threads() -> None:
    """Keep NumPy's linear algebra from starting threads for a command that has nothing for them to do."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def compiling_shared() -> None:
    """Let a second process compile what every simulation needs, should this one have to compile kernels."""
    from hwsim.kernels import ahead
    from hwsim.later import function

    ahead.offer(function("hwsim.engine.usual", "usual_calls"))


def needs_output() -> None:
    """Raise UsageError where standard output is closed, before anything is computed only to be lost."""
    if getattr(sys.stdout, "shut", False):
        raise click.UsageError("standard output is closed, and the result would be lost")


def progress() -> AbstractContextManager[None]:
    """A bar for what takes long; nothing is imported for it where there is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return contextlib.nullcontext()
    from hwsim.view.terminal.progress import late_bar

    return late_bar()
