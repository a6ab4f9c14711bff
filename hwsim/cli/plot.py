"""`hwsim plot`: pictures of reports, of sweeps and of what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwsim.cli.options import FILE, figures, named, without_threads

OF_A_RUN = ("energy", "rates", "timeline", "stalls", "roofline", "floor")
OF_A_REPORT = ("timesteps", "exit")
KINDS = (*OF_A_RUN, *OF_A_REPORT, "compare", "pareto", "validation")
OUT = click.option(
    "-o", "--out", required=True, type=FILE, callback=named, metavar="FILE", help="The picture: .png, .svg or .pdf."
)
STYLE = click.option("--style", metavar="FILE|NAME", help="A style of matplotlib, over hwsim's own.")


@click.command(short_help="Draw a picture of reports, a sweep or a validation.")
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option(
    "--figure", "kind", type=click.Choice(KINDS), help="Which.  [default: energy; compare of several; pareto of .jsonl]"
)
@click.option("--run", "run_name", metavar="NAME", help="Of which run, e.g. static.  [default: the last]")
@click.option(
    "--x",
    "across",
    metavar="FIGURE",
    help="Of pareto, across, as in hwsim sweep -h.  [default: area_mm2]",
    shell_complete=figures,
)
@click.option("--y", "up", metavar="FIGURE", help="Of pareto, up.  [default: edp_pj_ns]", shell_complete=figures)
@OUT
@STYLE
def plot(
    files: tuple[Path, ...],
    kind: str | None,
    run_name: str | None,
    across: str | None,
    up: str | None,
    out: Path,
    style: str | None,
) -> None:
    """Draw a picture of JSON reports, of the journal of a sweep, or of rows of a validation.

    Reports are what `hwsim simulate --json` writes; a timeline needs its --occupancy, curves of exits its --exit-curve.
    """
    without_threads()
    from hwsim.files import check_outputs

    kind = kind or _fitting(files)
    _check(kind, files, run_name, across or up)
    check_outputs([out], files)
    from hwsim.view.plots.saving import check_format, save

    check_format(out)
    save(_drawn(kind, files, run_name, across or "area_mm2", up or "edp_pj_ns", style), out)


def _fitting(files: tuple[Path, ...]) -> str:
    """The picture to draw of some files where none is named."""
    if len(files) > 1:
        return "compare"
    return "pareto" if files[0].suffix == ".jsonl" else "energy"


def _check(kind: str, files: tuple[Path, ...], run_name: str | None, axis: str | None) -> None:
    """Raise UsageError for options and numbers of files that a picture has nothing to do with."""
    if kind != "compare" and len(files) > 1:
        raise click.UsageError(f"--figure {kind}: wanted one file, found {len(files)}; compare draws several reports")
    if axis is not None and kind != "pareto":
        raise click.UsageError(f"--x, --y: {kind} has axes of its own; they are for --figure pareto")
    if run_name is not None and kind not in (*OF_A_RUN, "compare"):
        raise click.UsageError(f"--run: {kind} is not of one run; it is for {', '.join(OF_A_RUN)} and compare")


def _drawn(kind: str, files: tuple[Path, ...], run_name: str | None, across: str, up: str, style: str | None) -> Any:
    """The picture, a Figure of matplotlib."""
    from hwsim.view import plots

    found = [_read(kind, file) for file in files]
    if kind == "pareto":
        return plots.pareto(found[0], across, up, style=style)
    if kind == "validation":
        return plots.validation(found[0], style=style)
    if kind == "compare":
        return plots.compare(found, run_name, style=style)
    if kind in OF_A_REPORT:
        return {"timesteps": plots.timesteps, "exit": plots.exit_curve}[kind](found[0], style=style)
    return getattr(plots, kind)(found[0], run_name, style=style)


def _read(kind: str, file: Path) -> Any:
    """The report, the rows of a sweep or those of a validation that a picture is of."""
    from hwsim.errors import UsageError

    try:
        if kind == "pareto":
            from hwsim.sweep.journal import load

            return load(file)
        if kind == "validation":
            from hwsim.report.validation import read

            return read(file)
        from hwsim.public import load_report

        return load_report(file)
    except UsageError as error:
        from hwsim.cli.plot_inputs import refused

        raise refused(kind, {"pareto": "journal", "validation": "rows"}.get(kind, "report"), file, error) from None
