"""Reports read from JSON and written as CSV, exit curves as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hwsim.errors import UsageError
from hwsim.files import decoded
from hwsim.printable import brief
from hwsim.report.exports import adapter_of
from hwsim.report.older import upgraded
from hwsim.report.report import VERSION, ExitCurve, Report

_CURVE: TypeAdapter[dict[str, ExitCurve | Any]] = TypeAdapter(dict[str, ExitCurve | Any])


def from_json(text: str | bytes) -> Report:
    """The report that `Report.to_json` wrote, in this version or an older one.

    Raises UsageError for a text that is none, and for one of a newer version.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        why = "is no text" if isinstance(error, UnicodeDecodeError) else error
        raise UsageError(f"not a report of hwsim: wanted JSON, as hwsim simulate --json writes it: {why}") from None
    if not isinstance(document, dict):
        raise UsageError("not a report of hwsim: wanted an object")
    version = document.get("report_version", 0)
    if not isinstance(version, int) or version > VERSION:
        raise UsageError(
            f"report_version: wanted at most {VERSION}, found {brief(version)}: a newer hwsim wrote this report"
        )
    try:
        report: Report = adapter_of(Report).validate_python(upgraded(document, version))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise UsageError(f"not a report of hwsim: {place}: {first['msg']}") from None
    return report


def read_report(path: Path) -> Report:
    """The report in a file, as `from_json`; raises UsageError, also for a file that cannot be read."""
    return decoded(path, from_json)


def schema() -> dict[str, Any]:
    """JSON Schema of `Report.to_json`."""
    found: dict[str, Any] = adapter_of(Report).json_schema()
    return found


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
    """One line for each run, layer, component and action (see `Report.rows`)."""
    return _csv(report.rows())


def to_summary_csv(report: Report) -> str:
    """One line for each run, baselines included (see `Report.summary`)."""
    return _csv(report.summaries())


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
