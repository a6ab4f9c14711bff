"""Reports as JSON and as CSV rows, exit curves as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hwsim.errors import UsageError
from hwsim.report.report import ExitCurve, Report, Row

_ADAPTER: TypeAdapter[Report] = TypeAdapter(Report)
_CURVE: TypeAdapter[dict[str, ExitCurve | Any]] = TypeAdapter(dict[str, ExitCurve | Any])


def to_json(report: Report) -> str:
    """The whole report; floats are written so that they read back to the same bits."""
    return _ADAPTER.dump_json(report, indent=1).decode() + "\n"


def from_json(text: str) -> Report:
    """The report that `to_json` wrote.

    Raises UsageError for a text that is none.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise UsageError(f"not a report of hwsim: {place}: {first['msg']}") from None


def curve_to_json(report: Report) -> str:
    """The exit curve of a report that has one, with what it was simulated on."""
    document = {
        "architecture": report.architecture,
        "trace": report.trace,
        "options": report.options,
        "versions": report.versions,
        "exit_curve": report.exit_curve,
    }
    return _CURVE.dump_json(document, indent=1).decode() + "\n"


def to_csv(report: Report) -> str:
    """One line for each run, layer, component and action."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["run", *(field.name for field in fields(Row))], lineterminator="\n")
    writer.writeheader()
    for run in report.runs:
        writer.writerows({"run": run.name, **asdict(row)} for row in run.rows)
    return text.getvalue()
