"""What of a report a picture is of, and what to do where that is not there."""

from __future__ import annotations

from hwsim.errors import UsageError
from hwsim.report.report import Report, Run
from hwsim.view.plots.style import named


def run_of(report: Report, run: str | None) -> Run:
    """A run by name, the last one unless given."""
    return report.runs[-1] if run is None else report.run(run)


def titled(report: Report, run: Run) -> str:
    """What a picture is of, in one line."""
    design = str(report.architecture["file"]).removesuffix(".yaml")
    return f"{named(design, 18)}, {named(str(report.trace['name']), 34)}, {run.name}"


def missing(figure: str, report: Report, what: str, remedy: str) -> UsageError:
    """That a report lacks something, and which option of `hwsim simulate` gives it."""
    return UsageError(f"figure {figure}: the report of {report.architecture['file']} {what}; {remedy}")


def untimed(figure: str, report: Report) -> UsageError:
    """That nothing is timed."""
    return missing(figure, report, "has no times", "its design is an equation, others of the machine have them")
