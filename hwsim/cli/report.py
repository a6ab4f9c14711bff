"""`hwsim report`: what JSON reports hold, and what one of them says."""

from __future__ import annotations

from pathlib import Path

import click

from hwsim.cli.options import FILE, WIDTH_OF_ALL, console, needs_output, without_threads


@click.group()
def report() -> None:
    """Look into JSON reports that `hwsim simulate --json` wrote."""
    needs_output()
    without_threads()


@report.command("show")
@click.argument("file", metavar="REPORT.json", type=FILE)
@click.option("--full", is_flag=True, help="Print every table, not the first screen alone.")
def report_show(file: Path, full: bool) -> None:
    """The first screen of a report, of this version or an older one."""
    from hwsim.public import load_report
    from hwsim.view.terminal.report_table import print_report
    from hwsim.view.terminal.summary import print_summary

    loaded = load_report(file)
    if full:
        print_report(loaded, console(WIDTH_OF_ALL))
    else:
        print_summary(loaded, console())


@report.command("schema")
def report_schema() -> None:
    """JSON Schema of the reports of this version."""
    import json

    from hwsim.report.file import schema

    click.echo(json.dumps(schema(), indent=1))
