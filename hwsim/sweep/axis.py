"""One knob and the values that it takes: `KEY=VALUES`, as lists, ranges, `log(lo, hi, n)` and `lin(lo, hi, n)`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hwsim.arch.nodes import Scalar
from hwsim.arch.overrides import KEY
from hwsim.arch.scalars import resolve
from hwsim.errors import UsageError
from hwsim.printable import shortened

MOST_VALUES = 100_000
DIGITS = 6
"""Significant digits of values between the ends of `log` and `lin`."""
_CALL = re.compile(r"([A-Za-z_]+)\((.*)\)")
_RANGE = re.compile(r"([^:{}\[\]\"']+):([^:{}\[\]\"']+)(?::([^:{}\[\]\"']+))?")


@dataclass(frozen=True, slots=True)
class Axis:
    """A key of a design and its values, each as `--set` takes it."""

    key: str
    values: tuple[str, ...]
    spaced: bool = False  # whether values were computed, by `log` or `lin`

    def whole(self) -> Axis:
        """The same with numbers rounded to whole ones, for a key that takes no others."""
        rounded = (str(round(each)) if isinstance(each := scalar(value), float) else value for value in self.values)
        return Axis(self.key, tuple(dict.fromkeys(rounded)), True)

    def setting(self, place: int) -> str:
        """The override of one of its values."""
        return f"{self.key}={self.values[place]}"

    def shown(self, place: int) -> Scalar:
        """One of its values as a column has it: a number where it is one."""
        return scalar(self.values[place])


def scalar(text: str) -> Scalar:
    """A value as an architecture file reads it; lists and mappings, and what is none, stay text."""
    try:
        return resolve(text)
    except ValueError:
        return text


def parse_axis(text: str) -> Axis:
    """The axis of `KEY=VALUES`.

    Raises UsageError in one line.
    """
    place = f"--vary {shortened(text)}"
    key, equals, values = text.partition("=")
    if not equals or not KEY.fullmatch(key.strip()):
        raise UsageError(f"{place}: write KEY=VALUES, with a key such as adc.bits and values such as 4,6,8 or 4:8")
    return make_axis(key.strip(), split(values), place)


def make_axis(key: str, parts: list[str], place: str) -> Axis:
    """An axis of values, ranges and calls; the same value twice is one.

    Raises UsageError in one line.
    """
    values: dict[tuple[type, Scalar], str] = {}
    for part in parts:
        if not part:
            raise UsageError(f"{place}: a value between commas is missing")
        for value in _values(part, place):
            found = scalar(value)
            values.setdefault((type(found), found), value)
            if len(values) > MOST_VALUES:
                raise UsageError(f"{place}: has more than {MOST_VALUES:,} values")
    return Axis(key, tuple(values.values()), any(_CALL.fullmatch(part) for part in parts))


def split(text: str) -> list[str]:
    """Parts between commas that are in no bracket and no quotation."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _values(part: str, place: str) -> Iterator[str]:
    if call := _CALL.fullmatch(part):
        yield from _spaced(call[1], [each.strip() for each in call[2].split(",")], place)
    elif (between := _RANGE.fullmatch(part)) and all(_is_number(end) for end in between.groups() if end is not None):
        yield from _range(between[1].strip(), between[2].strip(), between[3], place)
    elif ":" in part and part[0] not in "{['\"":
        raise UsageError(f"{place}: a range is FIRST:LAST or FIRST:LAST:STEP, in numbers, got {shortened(part)}")
    else:
        yield part


def _is_number(text: str) -> bool:
    found = scalar(text.strip())
    return isinstance(found, int | float) and not isinstance(found, bool)


def _number(text: str, place: str) -> float:
    found = scalar(text)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UsageError(f"{place}: must be a number, got {shortened(text)}")
    return found


def _range(first: str, last: str, step: str | None, place: str) -> Iterator[str]:
    """Both ends and what lies between in steps, of 1 where whole numbers say no step."""
    low, high = _number(first, place), _number(last, place)
    if step is None and not (isinstance(low, int) and isinstance(high, int)):
        raise UsageError(f"{place}: a range of numbers that are not whole needs a step, as in 0.1:0.5:0.1")
    width = 1 if step is None else _number(step.strip(), place)
    if width <= 0:
        raise UsageError(f"{place}: a step must be more than 0, got {width:g}")
    if high < low:
        raise UsageError(f"{place}: a range goes upwards, got {first}:{last}; write {last}:{first}")
    n = math.floor((high - low) / width * (1 + 1e-12)) + 1
    if n > MOST_VALUES:
        raise UsageError(f"{place}: has more than {MOST_VALUES:,} values")
    yield from (written(low + i * width) for i in range(n))


def _spaced(name: str, arguments: list[str], place: str) -> Iterator[str]:
    """Numbers at equal distances or ratios, both ends among them."""
    if name not in ("log", "lin"):
        raise UsageError(f"{place}: unknown '{name}(...)', known: log(lo, hi, n), lin(lo, hi, n)")
    if len(arguments) != 3:
        raise UsageError(f"{place}: write {name}(lo, hi, n), got {len(arguments)} arguments")
    low, high, count = (_number(each, place) for each in arguments)
    if not isinstance(count, int) or not 2 <= count <= MOST_VALUES:
        raise UsageError(f"{place}: {name} takes 2 to {MOST_VALUES:,} values, got {arguments[2]}")
    if name == "log" and min(low, high) <= 0:
        raise UsageError(f"{place}: log needs ends of more than 0, got {written(min(low, high))}")
    yield arguments[0]
    for i in range(1, count - 1):
        share = i / (count - 1)
        yield written(low * (high / low) ** share if name == "log" else low + (high - low) * share)
    yield arguments[1]


def written(number: float) -> str:
    """A number as text of six digits; whole ones without a point, as keys that are whole want them."""
    rounded = float(f"{number:.{DIGITS}g}")
    whole = round(number) if abs(number) < 1e15 else 0
    if abs(number - whole) <= 1e-9 * abs(number) or not number:
        return str(whole)
    return repr(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)
