"""Arguments of the library's own calls: what is no such thing is refused by the name of the argument."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TypeVar

from hwsim.errors import UsageError, guess
from hwsim.printable import brief

T = TypeVar("T")


def whole(name: str, value: object) -> int:
    """A whole number, NumPy's among them; raises UsageError for others, for True and False, and for over 30 digits."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise _wrong(name, "a whole number", value) from None
    if abs(number) >= 10**30:  # of thousands of digits messages could not be made
        raise _wrong(name, "a whole number of fewer digits", number)
    return number


def within(name: str, value: object, low: int, high: int) -> int:
    """A whole number of a range; raises UsageError for others."""
    number = whole(name, value)
    if not low <= number <= high:
        raise UsageError(f"{name}: wanted {low} to {high}, found {number}")
    return number


def whole_or_none(name: str, value: object) -> int | None:
    """The same where None says that there is no limit."""
    return None if value is None else whole(name, value)


def flag(name: str, value: object) -> bool:
    """True or False; raises UsageError for what merely counts as one of them."""
    if not isinstance(value, bool):
        raise _wrong(name, "True or False", value)
    return value


def one_of(name: str, value: T, known: Iterable[str]) -> T:
    """One of some names; raises UsageError with the nearest of them."""
    names = list(known)
    if not isinstance(value, str) or value not in names:
        near = guess(value, names) if isinstance(value, str) else ""
        raise UsageError(f"{name}: wanted {', '.join(names[:-1])} or {names[-1]}, got {_shown(value)}{near}")
    return value


def instance(name: str, value: T, kind: type | tuple[type, ...], wanted: str) -> T:
    """A value of a type, which `wanted` describes; raises UsageError for others."""
    if not isinstance(value, kind):
        raise _wrong(name, wanted, value)
    return value


def such(name: str, value: T, is_such: Callable[[object], bool], wanted: str) -> T:
    """A value that a test lets through; raises UsageError for others."""
    if not is_such(value):
        raise _wrong(name, wanted, value)
    return value


def texts(name: str, value: Iterable[str]) -> list[str]:
    """Several texts; raises UsageError for a single one and for what is no text."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _wrong(name, "a list of texts", value)
    return [instance(f"{name}[{i}]", each, str, "a text") for i, each in enumerate(value)]


def _wrong(name: str, wanted: str, value: object) -> UsageError:
    return UsageError(f"{name}: wanted {wanted}, got {_shown(value)}")


def _shown(value: object) -> str:
    return " ".join(brief(value).split())


def meaningless(what: str, **given: tuple[object, object]) -> None:
    """Raise UsageError where arguments, each with its default, were given though they say nothing of `what`."""
    for key, (value, default) in given.items():
        if value != default:
            raise UsageError(f"{key}: has no meaning for {what}, got {value!r}: leave it out")
