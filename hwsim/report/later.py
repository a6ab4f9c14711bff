"""Fields of a report that are computed when they are first asked for: a cost oracle asks for few of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

Value = TypeVar("Value")
Class = TypeVar("Class", bound=type)


class _Later(partial[Any]):
    """What stands in a field until then."""

    __slots__ = ()


def later(compute: Callable[[], Value]) -> Value:
    """A value for a field `on_demand`, computed when that is first asked for, and once."""
    return _Later(compute)  # type: ignore[return-value]


def on_demand(*names: str) -> Callable[[Class], Class]:
    """Let these fields of a dataclass without slots be given by `later`; all others behave as before."""

    def mark(cls: Class) -> Class:
        for name in names:
            setattr(cls, name, _Field(name))
        setattr(cls, "__getstate__", _state)  # noqa: B010
        return cls

    return mark


class _Field:
    """Looks a field up among the attributes of an instance, and computes it where it is still to be."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, _owner: type) -> Any:
        if instance is None:
            raise AttributeError(self._name)
        value = instance.__dict__[self._name]
        if type(value) is _Later:
            value = instance.__dict__[self._name] = value()
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self._name] = value


def _state(self: Any) -> dict[str, Any]:
    """All fields as they are, computed; for copies and other processes."""
    return {field.name: getattr(self, field.name) for field in fields(self)}
