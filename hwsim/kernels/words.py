"""The arguments of a kernel as words of eight bytes: numbers, and the addresses of array objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

Kinds = tuple[Any, ...]
"""All that machine code depends on of arguments: array types, number types, classes of tuples, in order."""

LETTERS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""What a number is in memory, in the letters of `struct`."""
_KINDS: tuple[type, ...] = (bool, float, *np.sctypeDict.values())
_NUMBERS = {kind: LETTERS[np.dtype(kind).name] for kind in _KINDS if np.dtype(kind).name in LETTERS}
_C_ORDER, _BOTH_ORDERS = 1, 3
_ORDERS, _WRITEABLE = 0x3, 0x400  # of numpy.ndarray.flags.num
_SEEN = _ORDERS | _WRITEABLE
_ORDER = {
    orders | writeable: (_C_ORDER if orders == _BOTH_ORDERS else orders) | writeable
    for orders in range(_ORDERS + 1)
    for writeable in (0, _WRITEABLE)
}
"""What code depends on of those flags: of both orders that of C."""
_LONGEST = 63  # bits of an int without its sign


class Word(NamedTuple):
    """A word of eight bytes: a number, nothing, or where an array object lies."""

    letter: str  # of `struct`
    axes: int | None = None  # of the array
    item_bytes: int = 0  # of the array


def spread(values: Iterable[Any], kinds: list[Any], words: list[Any]) -> None:
    """Add the kinds of arguments, and their words, which lead to arrays as long as those are kept.

    Raises TypeError for what no kernel takes: all but arrays, numbers, None, and tuples of these.
    """
    for value in values:
        kind = type(value)
        if isinstance(value, ndarray):
            kinds += value.dtype, value.ndim, _ORDER[value.flags.num & _SEEN]
            words.append(id(value))
        elif kind is int:
            kinds.append("Q" if value.bit_length() > _LONGEST else "q")
            words.append(value)
        elif kind in _NUMBERS:
            kinds.append(_NUMBERS[kind])
            words.append(value)
        elif isinstance(value, tuple):
            kinds += kind, len(value)
            spread(value, kinds, words)
        elif value is None:
            kinds.append(None)
            words.append(0)
        else:
            raise TypeError(f"a kernel takes arrays, numbers and tuples of them, no {kind.__name__}")


def layout(kinds: Kinds) -> list[Word]:
    """The words of arguments of some kinds."""
    words: list[Word] = []
    rest = iter(kinds)
    for kind in rest:
        if isinstance(kind, np.dtype):
            words.append(Word("P", next(rest), kind.itemsize))
            next(rest)
        elif isinstance(kind, str):
            words.append(Word(kind))
        elif kind is None:
            words.append(Word("P"))
        else:
            next(rest)
    return words


def described(kinds: Kinds) -> str:
    """Kinds as text, the same in every process."""
    return " ".join(map(_described, kinds))


def _described(kind: Any) -> str:
    if isinstance(kind, np.dtype):
        return repr(kind)
    if isinstance(kind, type):
        return f"{kind.__module__}.{kind.__qualname__}({', '.join(getattr(kind, '_fields', ()))})"
    return str(kind)
