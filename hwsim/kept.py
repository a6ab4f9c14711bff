"""What was computed from an object that never changes, kept until nobody else has that any more."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Kept:
    """Results by what was computed; where it came with a copy of the owner it is nobody's."""

    __slots__ = ("_found", "_owner")

    def __init__(self, owner: weakref.ref[Any] | None = None) -> None:
        self._owner = owner
        self._found: dict[Hashable, Any] = {}

    def once(self, what: Hashable, compute: Callable[[], Value]) -> Value:
        """What `compute` gives, computed when this is asked for the first time."""
        if what not in self._found:
            self._found[what] = compute()
        found: Value = self._found[what]
        return found

    def is_of(self, owner: object) -> bool:
        """Whether an object is the owner itself."""
        return self._owner is not None and self._owner() is owner

    def __reduce__(self) -> Any:
        return Kept, ()


class Keeps:
    """A class with slots whose objects have one for what is kept with them."""

    __slots__ = ("__weakref__", "_kept")


class _Gone(weakref.ref[Any]):
    """A reference to an object with no room for what is kept with it, which is forgotten when that is gone."""

    __slots__ = ("number",)
    number: int


_elsewhere: dict[int, Kept] = {}


def _forget(gone: _Gone, elsewhere: dict[int, Kept] = _elsewhere) -> None:  # also when the module is gone
    del elsewhere[gone.number]


def kept_with(owner: object) -> Kept:
    """What is kept with an object: an attribute of it, so that they go together even if results hold their owner.

    Of objects that take no attribute, as arrays, results must not hold them.
    """
    if id(owner) in _elsewhere:
        return _elsewhere[id(owner)]
    try:
        known: Kept = object.__getattribute__(owner, "_kept")
        if known.is_of(owner):
            return known
    except AttributeError:
        pass
    try:
        kept = Kept(weakref.ref(owner))
        object.__setattr__(owner, "_kept", kept)
    except AttributeError:
        gone = _Gone(owner, _forget)
        gone.number = id(owner)
        kept = _elsewhere[gone.number] = Kept(gone)
    return kept
