"""What the file that a picture cannot be drawn of is, and what was wanted instead."""

from __future__ import annotations

import json
from pathlib import Path

from hwsim.errors import UsageError
from hwsim.files import open_file
from hwsim.printable import shortened

_WANTED = {
    "report": "a report (hwsim simulate --json)",
    "journal": "the journal of a sweep (hwsim sweep --out)",
    "rows": "rows of a validation (tools/validate.py --json)",
}
_FOUND = {
    "report": "a report, for energy, rates, floor and others",
    "journal": "the journal of a sweep, for --figure pareto",
    "rows": "rows of a validation, for --figure validation",
    "chips": "what tools/validate.py keeps",
    "trace": "a trace, for hwsim trace plot and hwsim simulate",
    "curve": "a curve alone; --figure exit takes the report (--json) beside it",
    "timeline": "a timeline, for ui.perfetto.dev",
    "packed": "compressed, as timelines for ui.perfetto.dev are",
}


def refused(figure: str, wanted: str, file: Path, error: UsageError) -> UsageError:
    """The error of a file that could not be read, with what is wanted and what it is, where that is another thing."""
    found = _kind(file)
    if found == wanted or (found is None and "cannot be read" in str(error)):
        return error
    needs = f"figure {figure} takes {_WANTED[wanted]}"
    return UsageError(f"{shortened(file)}: is {_FOUND[found]}; {needs}" if found else f"{error}; {needs}")


def _kind(file: Path) -> str | None:
    """A key of what is known by its content; None for anything else, and for what is damaged or not to be read."""
    try:
        with open_file(file) as opened:
            content = opened.read()
    except OSError:
        return None
    if content.startswith((b"PK\3\4", b"\x1f\x8b")):
        return "trace" if content.startswith(b"PK") else "packed"
    first = content.partition(b"\n")[0]
    for text in (first, content):
        try:
            return _kind_of(json.loads(text))
        except (ValueError, RecursionError):
            continue
    return None


def _kind_of(document: object) -> str | None:
    if isinstance(document, list):
        return "rows"
    if not isinstance(document, dict):
        return None
    keys = {"hwsim sweep": "journal", "traceEvents": "timeline", "runs": "report", "exit_curve": "curve"}
    named = next((kind for key, kind in keys.items() if key in document), None)
    chips = document and all(isinstance(chip, dict) and "figures" in chip for chip in document.values())
    return named or ("chips" if chips else None)
