"""What `import hwsim` gives: the library's calls, and reports that can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hwsim import arguments
from hwsim.advice import Advice
from hwsim.advice import advise as advise_on
from hwsim.api import load_architecture, load_example, load_trace, simulate
from hwsim.arch.settings import Settings, as_overrides
from hwsim.designs import Architecture
from hwsim.report.exports import Exports
from hwsim.report.report import Report
from hwsim.traces.codings import is_trace
from hwsim.traces.trace import AnyTrace

__all__ = ["Advice", "Report", "advise", "load_architecture", "load_example", "load_report", "load_trace", "simulate"]


def advise(
    architecture: Architecture | str | Path,
    trace: AnyTrace | str | Path,
    *,
    set: Settings = None,  # noqa: A002 - as on the command line
    most: int = 3,
) -> list[Advice]:
    """The changes that would help a design most on a trace, best first; both are given as to `simulate`.

    Each was simulated by itself, on a few samples, and leaves every result as it is.

    Raises HwsimError as `simulate` does.
    """
    design = load_architecture(architecture, as_overrides(set))
    played = load_trace(trace) if isinstance(trace, str | Path) else trace
    arguments.such("trace", played, is_trace, "a path or what load_trace gives")
    return advise_on(design, played, arguments.whole("most", most))


def load_report(path: str | Path) -> Report:
    """A report that `--json` or `Report.to_json` wrote, by this hwsim or an older one.

    Raises UsageError for what is none, for one of a newer version and for a file that cannot be read.
    """
    from hwsim.report.file import read_report

    arguments.instance("path", path, (str, Path), "a path")
    return read_report(Path(path))


def _as_text(report: Any, width: int) -> str:
    from hwsim.view.terminal.summary import text_of

    return text_of(report, width)


def _as_html(report: Any, width: int) -> str:
    from hwsim.view.terminal.summary import html_of

    return html_of(report, width)


Exports._as_text = staticmethod(_as_text)
Exports._as_html = staticmethod(_as_html)
