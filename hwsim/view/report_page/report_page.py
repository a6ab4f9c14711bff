"""A report as one file: verdicts, pictures, tables, prices and how to repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hwsim.advice import Advice
from hwsim.arch.loader import Architecture
from hwsim.components.pricing.price import Priced
from hwsim.printable import cut, so_many
from hwsim.report.report import Report
from hwsim.view import page
from hwsim.view.page import heading, paragraph, text
from hwsim.view.report_page import tables
from hwsim.view.report_page.cells import Table, of_terminal, words
from hwsim.view.report_page.pictures import pictures
from hwsim.view.report_page.prices import price_table
from hwsim.view.terminal.report_table import played, shown_runs
from hwsim.view.terminal.summary import gain, verdict_lines
from hwsim.view.terminal.summary_figures import hardware, passes, ratios, side_by_side

_LONGEST, _LONGEST_VERDICT = 400, 120
_SECTIONS = {"verdict": "Verdict", "pictures": "Pictures", "tables": "Tables", "prices": "Prices", "origin": "Origin"}


def to_html(
    report: Report,
    command: str,
    design: Architecture[Any] | None = None,
    parts: Mapping[str, Priced] | None = None,
    advice: Sequence[Advice] = (),
) -> str:
    """The page of a report; `command` repeats it, `parts` of its `design` are what prices are of, if they are known."""
    title = f"{report.architecture['file']} on {report.trace['name']}"
    prices = [] if design is None or parts is None else [price_table(design, parts)]
    body = [
        '<a class="skip" href="#main">to the verdict</a>\n',
        _head(report, title),
        '<main id="main">\n',
        _section("verdict", [*_costs(report), _verdict(report), *_advised(advice, len(report.runs) > 1)]),
        _section("pictures", ['<div class="pictures">\n', *pictures(report), "</div>\n"]),
        _section("tables", [each.markup() for each in (*tables.figures(report), *tables.parts(report))]),
        _section("prices", [each.markup() for each in prices] or [paragraph(_NO_PRICES)]),
        _section("origin", _origin(report, command)),
        "</main>\n",
    ]
    return page.document(cut(title, 120), "".join(body), _part("report.css"), _part("report.js"))


_NO_PRICES = (
    "The design of this report is not at hand, or has changed since: hwsim simulate --html lists every price with its "
    "source."
)


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _section(name: str, parts: Iterable[str]) -> str:
    return f'<section id="{name}">\n<h2>{_SECTIONS[name]}</h2>\n{"".join(parts)}</section>\n'


def _head(report: Report, title: str) -> str:
    lines = [str(report.architecture["description"]), played(report)]
    if report.architecture["overrides"]:
        lines.append("with " + ", ".join(report.architecture["overrides"]))
    if unused := report.options.get("without_effect"):
        lines.append(f"without effect in this configuration: {', '.join(unused)}")
    if report.no_early_exit:
        lines.append(f"no early exit: {report.no_early_exit}")
    links = "".join(f'<a href="#{name}">{shown}</a>' for name, shown in _SECTIONS.items())
    says = "".join(paragraph(cut(line, _LONGEST)) for line in lines)
    return f'<header>\n{heading(cut(title, 120), 1)}{says}<nav aria-label="sections">{links}</nav>\n</header>\n'


def _costs(report: Report) -> list[str]:
    """What all runs cost and their ratios, as the first screen has them."""
    found = [heading("What it costs", 3), of_terminal(side_by_side(report, [*report.runs, *report.baselines])).bare()]
    found += [paragraph(line) for line in (hardware(report), *passes(report))]
    if report.comparisons or report.baseline_ratios:
        found += [heading("Runs against each other", 3), of_terminal(ratios(report)).bare()]
    return found


def _verdict(report: Report) -> str:
    """What limits, what takes energy and how sure that is, as the first screen says it."""
    runs = shown_runs(report)
    found = []
    for run in runs:
        items = "".join(
            f"<dt>{text(label)}</dt><dd>{text(cut(says, _LONGEST))}</dd>"
            for label, says in verdict_lines(run, _LONGEST_VERDICT)
        )
        found.append(f"{heading(str(run.name), 3)}<dl>{items}</dl>\n")
    return "".join(found)


def _advised(advice: Sequence[Advice], several: bool) -> list[str]:
    """Each change that would help, and the options that make it."""
    if not advice:
        return []
    of = f"of run {advice[0].run}, " if several else ""
    items = "".join(f"<li>{text(gain(each))}<pre>{text(each.options)}</pre></li>" for each in advice)
    says = f"{of}each alone, on {so_many(advice[0].samples, 'sample')}; results unchanged"
    return [heading("What would help", 3), f'<p class="hint">{text(says)}</p>\n<ul class="advice">{items}</ul>\n']


def _origin(report: Report, command: str) -> list[str]:
    """Digests, versions and what makes the report again."""
    design, trace = report.architecture, report.trace
    rows = [
        words("design", f"{design['file']} (machine {design['machine']})"),
        words("its SHA-256", str(design["sha256"])),
        *(words("overridden", f"{key} ({place})") for key, place in design.get("overridden", {}).items()),
        *(words(f"trace: {key}", str(value)) for key, value in trace.items() if value not in (None, "")),
        *(words(f"option: {key}", str(value)) for key, value in report.options.items()),
        *(words(f"version: {name}", str(version)) for name, version in report.versions.items()),
        words("accuracy", report.accuracy_of.note),
    ]
    return [
        heading("To repeat it", 3),
        f'<pre id="command">{text(command)}</pre>\n',
        Table("Inputs and versions", ("what", "value"), rows, (0, 1)).markup(),
    ]
