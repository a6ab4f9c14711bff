"""What a model predicts beside what others published of a chip: rows that tools write and a picture reads."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hwsim.errors import UsageError
from hwsim.files import decoded
from hwsim.printable import brief, shortened


@dataclass(frozen=True, slots=True)
class Validation:
    """One figure of a chip, as published and as predicted with what the bounds of prices allow, in one unit."""

    chip: str
    figure: str
    unit: str
    published: float
    predicted: float
    low: float
    high: float


def to_json(rows: Sequence[Validation]) -> str:
    """A JSON list with an object for each row, whose keys are the fields of `Validation`."""
    return json.dumps([asdict(row) for row in rows], indent=1, allow_nan=False) + "\n"


def from_json(text: str | bytes) -> list[Validation]:
    """The rows that `to_json` wrote.

    Raises UsageError, with the row's number from 1, for what is no such list, for numbers that are not above 0 and
    for a prediction outside of its bounds.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not rows of a validation: {shortened(str(error))}") from None
    if not isinstance(found, list) or not found:
        raise UsageError("not rows of a validation: wanted a list of objects, at least one")
    return [_row(number, each) for number, each in enumerate(found, start=1)]


def read(path: Path) -> list[Validation]:
    """The rows of a file; raises UsageError as `from_json` does, with the file's name, and where it cannot be read."""
    return decoded(path, from_json)


def _row(number: int, found: object) -> Validation:
    names = [field.name for field in fields(Validation)]
    if not isinstance(found, dict) or sorted(found) != sorted(names):
        raise UsageError(f"row {number}: wanted an object with the keys {', '.join(names)}, found {brief(found)}")
    for name, value in found.items():
        wanted = "a text" if name in ("chip", "figure", "unit") else "a number above 0"
        if not (isinstance(value, str) if wanted == "a text" else _is_size(value)):
            raise UsageError(f"row {number}: {name}: wanted {wanted}, found {brief(value)}")
    row = Validation(**found)
    if not row.low <= row.predicted <= row.high:
        raise UsageError(
            f"row {number}: wanted low <= predicted <= high, found {row.low:g}, {row.predicted:g}, {row.high:g}"
        )
    return row


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
