"""A bar on the terminal for what takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_A_SECOND = 5  # often enough to watch, too seldom to cost anything


def progress_bar(samples: Iterable[int], what: str) -> Iterator[int]:
    """The samples, with a bar on standard error that says how many are done and how long the others will take."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_A_SECOND)
    with bar:
        total = len(samples) if isinstance(samples, Sized) else None
        yield from bar.track(samples, total=total, description=what)


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many are done, of how many; it says how long the others will take."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_A_SECOND) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
