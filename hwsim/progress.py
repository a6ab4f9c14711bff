"""How far long work has come, told to whoever listens; unless somebody does, nothing is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Listener = Callable[[str, int, int], None]
"""Takes what is done, how much of it so far, and of how much."""

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Have a listener told of all work within the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def followed(items: Iterable[Item], what: str, total: int, size: Callable[[Item], int] = lambda _: 1) -> Iterator[Item]:
    """The items, each told of before and after it was worked on; `size` is how much of the total one is."""
    listener = _LISTENER.get()
    if listener is None:
        yield from items
        return
    done = 0
    listener(what, done, total)
    for item in items:
        done += size(item)
        yield item
        del item  # which may be large, and is not needed while the next is made
        listener(what, done, total)


def in_parts(total: int, at_once: int, what: str = "executing") -> Iterator[int]:
    """The first of every part of so many samples, followed."""
    return followed(range(0, total, at_once), what, total, lambda start: min(at_once, total - start))
