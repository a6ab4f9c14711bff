"""A bar on the terminal for what takes long: on standard error, only where that is a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hwsim.progress import told_to

SECONDS_OF_SILENCE = 2.0
_A_SECOND = 5  # often enough to watch, too seldom to cost anything


def _bar() -> Progress:
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_A_SECOND)


def progress_bar(samples: Iterable[int], what: str) -> Iterator[int]:
    """The samples, with a bar that says how many are done and how long the others will take."""
    with _bar() as bar:
        total = len(samples) if isinstance(samples, Sized) else None
        yield from bar.track(samples, total=total, description=what)


@contextmanager
def late_bar() -> Iterator[None]:
    """A bar for the work in the block that is followed, once it has taken two seconds; gone when it ends."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    bar = _bar()
    task = bar.add_task("starting", total=None)

    def tell(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total)

    timer = threading.Timer(SECONDS_OF_SILENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        with told_to(tell):
            yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many are done, of how many; it says how long the others will take.

    It is drawn when it is told, and not by a thread, beside which no process could be forked.
    """
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)
        drawn = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal drawn
            bar.update(task, completed=done, total=total)
            if time.monotonic() - drawn > 1 / _A_SECOND or done == total:
                bar.refresh()
                drawn = time.monotonic()

        yield tell
