"""Strict reading of JSON objects with the place in every error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from hwsim.errors import TraceError, guess
from hwsim.printable import brief


class Record:
    """A JSON object whose keys are taken one by one with their type and range; `close` refuses what is left over."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise TraceError(f"{where}: wanted an object, found {brief(value)}")
        self.where = where
        self._left = dict(value)
        self._taken: list[str] = []

    def _take(self, key: str) -> Any:
        self._taken.append(key)
        if key not in self._left:
            raise TraceError(f"{self.where}: wanted key '{key}', found {brief(sorted(self._left))}")
        return self._left.pop(key)

    def has(self, key: str) -> bool:
        """Whether a key that may be left out is there."""
        self._taken.append(key)
        return key in self._left

    def is_text(self, key: str) -> bool:
        """Whether a key that may have several types has a text."""
        return isinstance(self._left.get(key), str)

    def peek(self, key: str) -> object:
        """The value of a key as it stands, None where there is none; it is still to be taken."""
        return self._left.get(key)

    def fail(self, key: str, wanted: str, found: object) -> NoReturn:
        """Raise TraceError about the value of `key`."""
        raise TraceError(f"{self.where}.{key}: wanted {wanted}, found {brief(found)}")

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer from low to high."""
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"an integer from {low} to {high}", value)
        return value

    def sizes(self, key: str, low: int, high: int, count: int) -> tuple[int, ...]:
        """A list of so many integers from low to high, or one integer that stands for all."""
        if not isinstance(self.peek(key), list):
            return (self.integer(key, low, high),) * count
        found = self.integers(key, low, high, count)
        if len(found) != count:
            self.fail(key, f"one integer or {count}", list(found))
        return found

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(key, self._take(key))

    def _number(self, key: str, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fail(key, "a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(key, "a finite number", value)
        return number

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            self.fail(key, "true or false", value)
        return value

    def text(self, key: str) -> str:
        """A string without control characters."""
        value = self._take(key)
        if not isinstance(value, str) or not value.isprintable():
            self.fail(key, "one line of printable text", value)
        return value

    def choice(self, key: str, options: Iterable[str], absent: Mapping[str, str] | None = None) -> str:
        """One of the given strings; of `absent` ones the TraceError says what is known of them."""
        value, known = self._take(key), list(options)
        if value not in known:
            hint = guess(value[:64], known) if isinstance(value, str) else ""
            if isinstance(value, str) and absent is not None and value in absent:
                hint = f": {absent[value]}"
            raise TraceError(f"{self.where}.{key}: wanted one of {', '.join(known)}, found {brief(value)}{hint}")
        return str(value)

    def _list(self, key: str, longest: int) -> list[Any]:
        value = self._take(key)
        if not isinstance(value, list) or len(value) > longest:
            self.fail(key, f"a list of at most {longest}", value)
        return value

    def integers(self, key: str, low: int, high: int, longest: int) -> tuple[int, ...]:
        """A list of integers from low to high."""
        values = self._list(key, longest)
        items = Record(f"{self.where}.{key}", {str(i): value for i, value in enumerate(values)})
        return tuple(items.integer(str(i), low, high) for i in range(len(values)))

    def numbers(self, key: str, longest: int) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(self._number(key, value) for value in self._list(key, longest))

    def texts(self, key: str, longest: int) -> tuple[str, ...]:
        """A list of strings."""
        values = self._list(key, longest)
        if not all(isinstance(value, str) and value.isprintable() for value in values):
            self.fail(key, "a list of strings", values)
        return tuple(values)

    def records(self, key: str, longest: int) -> Iterator[Record]:
        """A list of objects."""
        for index, value in enumerate(self._list(key, longest)):
            yield Record(f"{self.where}.{key}[{index}]", value)

    def record(self, key: str) -> Record:
        """An object."""
        return Record(f"{self.where}.{key}", self._take(key))

    def optional(self, key: str) -> Record | None:
        """An object or null."""
        value = self._take(key)
        return None if value is None else Record(f"{self.where}.{key}", value)

    def __iter__(self) -> Iterator[str]:
        """The keys not yet taken, for objects whose keys are names."""
        return iter(tuple(self._left))

    def close(self) -> None:
        """Raise TraceError where there are keys that nobody took."""
        for key in self._left:
            raise TraceError(f"{self.where}: unknown key {brief(key)}{guess(key[:64], self._taken)}")


def parse_object(where: str, text: bytes) -> Record:
    """The JSON object in `text` (UTF-8), without duplicate keys, NaN or bottomless nesting; TraceError otherwise."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise TraceError(f"{where}: wanted JSON, found objects nested too deep") from None
    except (ValueError, OverflowError) as error:
        raise TraceError(f"{where}: wanted UTF-8 JSON, found {error}") from None
    return Record(where, value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"the key {brief(key)} twice in one object")
        value[key] = item
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"the number {constant}")
