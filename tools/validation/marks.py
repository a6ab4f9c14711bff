"""Parts of a document that a tool writes, between two marks that a reader of the page does not see."""

from __future__ import annotations

from pathlib import Path

from hwsim.errors import UsageError


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


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}, written by a tool -->", f"<!-- end of {name} -->"
