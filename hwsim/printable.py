"""Text and values from anybody, as terminals and messages can print them: never obeyed, and in messages short."""

from __future__ import annotations

import os

_LONGEST_TEXT = 90
_LONGEST_VALUE = 60


def printable(text: str) -> str:
    r"""A text with `\x1b` and the like for what is no sign to see: control, direction and zero-width characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text)


def one_line(text: str) -> str:
    r"""The same with `\n` for the end of a line."""
    return printable(text).replace("\n", r"\n")


def shortened(text: str | os.PathLike[str]) -> str:
    """A path or another text of a user's, as messages name it: of what is too long the middle is left out."""
    flat = one_line(os.fspath(text))
    return flat if len(flat) <= _LONGEST_TEXT else f"{flat[:40]}...{flat[-45:]}"


def so_many(n: int, what: str) -> str:
    """A number of things: `1 sample`, `3,000 samples`."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def layer_called(name: str) -> str:
    """What a layer is called: by its name, and `layer 0` by a number, as a Sequential of PyTorch has them."""
    return f"layer {name}" if name.isdigit() else name


def cut(text: str, length: int) -> str:
    """A text of at most so many characters, which ends in three dots where it was longer."""
    flat = one_line(text)
    return flat if len(flat) <= length else f"{flat[: length - 3]}..."


def brief(value: object) -> str:
    """A short repr of something that was given or read from a file."""
    try:
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a number of over 30 digits"
    except ValueError:  # Python refuses to write out integers of thousands of digits
        text = "numbers of thousands of digits"
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
