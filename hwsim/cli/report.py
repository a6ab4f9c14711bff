"""`hwsim report`: what JSON reports hold, and what one of them says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsim.cli.options import FILE, WIDTH_OF_ALL, console, named, needs_output, without_threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.components.pricing.price import Priced
    from hwsim.designs import Architecture
    from hwsim.report.report import Report


@click.group()
def report() -> None:
    """Look into JSON reports that `hwsim simulate --json` wrote."""
    needs_output()
    without_threads()


@report.command("show")
@click.argument("file", metavar="REPORT.json", type=FILE)
@click.option("--full", is_flag=True, help="Print every table, not the first screen alone.")
@click.option(
    "--html",
    "html_file",
    metavar="FILE.html",
    type=FILE,
    callback=named,
    help="Write a page with verdicts, pictures and all tables instead; prices with it if the design is a shipped one.",
)
def report_show(file: Path, full: bool, html_file: Path | None) -> None:
    """The first screen of a report, of this version or an older one."""
    from hwsim.public import load_report

    if html_file is not None:
        _write_page(file, html_file)
        return
    from hwsim.view.terminal.report_table import print_report
    from hwsim.view.terminal.summary import print_summary

    loaded = load_report(file)
    if full:
        print_report(loaded, console(WIDTH_OF_ALL))
    else:
        print_summary(loaded, console())


def _write_page(file: Path, html_file: Path) -> None:
    from hwsim.cli.again import of_report
    from hwsim.files import check_outputs, write_text
    from hwsim.public import load_report
    from hwsim.view.report_page.report_page import to_html

    check_outputs([html_file], [file])
    loaded = load_report(file)
    design, parts = shipped_prices(loaded)
    write_text(html_file, to_html(loaded, of_report(loaded), design, parts))


def shipped_prices(report: Report) -> tuple[Architecture | None, Mapping[str, Priced] | None]:
    """The design of a report and its prices, if it is a shipped one that has not changed since.

    Memories that a network sizes are left out: the report does not say how large they became.
    """
    from hwsim import api
    from hwsim.arch import shipped

    name = str(report.architecture["file"]).removesuffix(".yaml")
    if name not in shipped():
        return None, None
    design = api.load_architecture(name, report.architecture["overrides"])
    if design.sha256 != report.architecture["sha256"]:
        return None, None
    parts = api.components(design)
    return design, {name: part for name, part in parts.items() if name not in design.spec.auto_memories}


@report.command("schema")
def report_schema() -> None:
    """JSON Schema of the reports of this version."""
    import json

    from hwsim.report.file import schema

    click.echo(json.dumps(schema(), indent=1))
