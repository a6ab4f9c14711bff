"""How much memory may be asked for, and a refusal with both figures before it is."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from hwsim.errors import UsageError

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGT]?)(i?)B?")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_UNKNOWN = 8 << 30  # where the system does not say
_LEAST_LIMIT = 2 << 30  # less than the libraries themselves may take leaves no room to say so
_bound: ContextVar[int | None] = ContextVar("bound", default=None)


def parse_size(text: str) -> int:
    """Bytes of a size such as 4GiB, 500MB or 1000000; raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise UsageError(f"memory: wanted a size such as 4GiB or 500MB, found '{text[:40]}'")
    n_bytes = int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2] or " "))
    if not n_bytes:
        raise UsageError(f"memory: wanted more than nothing, found '{text[:40]}'")
    return n_bytes


@functools.cache
def total() -> int:
    """Bytes of memory that this machine, or the group of processes that this one belongs to, has; asked once."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return _UNKNOWN
    try:
        return min(machine, int(_GROUP_LIMIT.read_text()))
    except (OSError, ValueError):
        return machine


def bound() -> int:
    """Bytes that may be asked for: three quarters of the memory, unless `bounded` says otherwise."""
    own = _bound.get()
    return total() * 3 // 4 if own is None else own


@contextmanager
def bounded(n_bytes: int | None) -> Iterator[None]:
    """Let the block ask for at most so much, or for what is the default."""
    token = _bound.set(n_bytes)
    try:
        yield
    finally:
        _bound.reset(token)


def require(n_bytes: int, what: str) -> None:
    """Raise UsageError, with both figures, if `what` needs more than may be asked for."""
    allowed = bound()
    if n_bytes > allowed:
        raise UsageError(f"memory: {what} needs at least {in_words(n_bytes)}, and {in_words(allowed)} may be used")


@contextmanager
def held_to_bound() -> Iterator[None]:
    """Let the system refuse this process more than the bound while the block runs, where it can: for programs.

    What no estimate foresaw then ends in MemoryError, before the machine runs out.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
            import resource

            before = resource.getrlimit(resource.RLIMIT_DATA)
            wanted = max(bound(), _LEAST_LIMIT)
            if before[0] == resource.RLIM_INFINITY or wanted < before[0]:
                resource.setrlimit(resource.RLIMIT_DATA, (wanted, before[1]))
                stack.callback(resource.setrlimit, resource.RLIMIT_DATA, before)
        yield


def in_words(n_bytes: int) -> str:
    """A number of bytes in the largest unit that it reaches."""
    size, units = float(n_bytes), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.4g} {units[0]}"
