"""Parts of a document that a tool writes, between two marks that a reader of the page does not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from hwsim.errors import UsageError

Shown = TypeVar("Shown")


def part_of(document: Path, text: str, name: str) -> str:
    """What stands between the marks of that name.  Raises UsageError where they are not both there, once."""
    begin, end = _marks(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise UsageError(f"{document}: wanted {begin!r} and {end!r} once each")
    return text.partition(begin)[2].partition(end)[0]


def replaced(document: Path, text: str, name: str, body: str) -> str:
    """The text with that in its place, a blank line before and behind."""
    begin, end = _marks(name)
    part_of(document, text, name)
    head, tail = text.partition(begin)[0], text.partition(end)[2]
    return f"{head}{begin}\n\n{body.strip()}\n\n{end}{tail}"


def documents(folder: Path, parts: Iterable[tuple[str, str, Callable[[Shown], str]]], shown: Shown) -> dict[Path, str]:
    """Every document below a folder that shows something, each part of it written anew: place, name and text."""
    texts: dict[Path, str] = {}
    for place, name, body in parts:
        path = folder / place
        before = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = replaced(path, before, name, body(shown))
    return texts


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}, written by a tool -->", f"<!-- end of {name} -->"
