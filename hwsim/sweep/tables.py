"""Rows as CSV and as Parquet, a column a knob and a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwsim.errors import UsageError
from hwsim.files import written_whole
from hwsim.sweep.row import Row

_NESTED = ("draws",)


def columns(rows: Sequence[Row]) -> list[str]:
    """Names of all columns that are one word or number."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _NESTED]


def to_csv(rows: Sequence[Row]) -> str:
    """One line a row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(rows), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def check_parquet() -> None:
    """Raise UsageError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UsageError("parquet: pyarrow is not installed; pip install 'hwsim[parquet]'") from None


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a Parquet file; a column of words and numbers becomes one of words."""
    check_parquet()
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: _of_one_type([row.get(name) for row in rows]) for name in columns(rows)})
    with written_whole(path) as file:
        parquet.write_table(table, file)


def _of_one_type(values: list[Any]) -> list[Any]:
    kinds = {float if type(value) is int else type(value) for value in values if value is not None}
    if len(kinds) > 1:
        return [None if value is None else str(value) for value in values]
    return [float(v) if type(v) is int else v for v in values] if any(type(v) is float for v in values) else values
