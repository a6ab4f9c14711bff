"""What was computed from an object that never changes, kept until nobody else has that any more."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Kept:
    """Results by what was computed."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}

    def once(self, what: Hashable, compute: Callable[[], Value]) -> Value:
        """What `compute` gives, computed when this is asked for the first time."""
        if what not in self._found:
            self._found[what] = compute()
        found: Value = self._found[what]
        return found


_kept: dict[int, tuple[weakref.ref[Any], Kept]] = {}


def kept_with(owner: object) -> Kept:
    """What is kept with an object."""
    number = id(owner)
    known = _kept.get(number)
    if known is not None and known[0]() is owner:
        return known[1]
    kept = Kept()

    def forget(gone: weakref.ref[Any], all_kept: dict[int, Any] = _kept) -> None:  # also when the module is gone
        if number in all_kept and all_kept[number][0] is gone:
            del all_kept[number]

    _kept[number] = weakref.ref(owner, forget), kept
    return kept
