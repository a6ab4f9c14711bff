"""Text from files of anybody, as a terminal can print it without obeying it."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""A text with `\x1b` and the like for what is no sign to see: control, direction and zero-width characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
