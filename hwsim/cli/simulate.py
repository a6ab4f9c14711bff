"""`hwsim simulate`: play a trace on an architecture and report what it costs."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.options import (
    FILE,
    MEMORY,
    SET,
    WIDTH_OF_ALL,
    compiling_shared,
    console,
    designs,
    named,
    needs_output,
    progress,
    without_threads,
)
from hwsim.cli.program import importing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.advice import Advice
    from hwsim.api import Simulated
    from hwsim.designs import Architecture
    from hwsim.report.report import Report
    from hwsim.traces.plastic.session import Phase, Session
    from hwsim.traces.plastic.trace import PlasticTrace
    from hwsim.traces.trace import AnyTrace


@click.command()
@click.argument("architecture", metavar="ARCH", shell_complete=designs)
@click.argument("trace", metavar="TRACE", type=FILE)
@SET
@click.option("--samples", type=int, help="Only the first recorded samples.")
@click.option("--timesteps", type=int, help="Only the first timesteps.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "compiled"]),
    default="auto",
    show_default=True,
    help="simpy is the reference, compiled equal and faster; auto is compiled.",
)
@click.option(
    "--accuracy-samples",
    type=int,
    metavar="N",
    help="Raw inputs run for the accuracy of this hardware, where that may differ; 0 for none.  [default: up to 128]",
)
@click.option(
    "--period",
    metavar="TIME",
    help="One inference every 1s, 20ms, 5us ...: energy of a period and mean power (operating.period_ns).",
)
@click.option(
    "--stream", is_flag=True, help="Also play samples as closely as they can follow each other (operating.stream)."
)
@click.option(
    "--occupancy", is_flag=True, help="Also say what every stage does over time, for hwsim plot --figure timeline."
)
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes that share the samples.")
@click.option(
    "--functional", is_flag=True, help="Run the network in the machine's own arithmetic first and play what that gives."
)
@click.option(
    "--baseline",
    "baselines",
    type=click.Choice(["ann", "qann"]),
    multiple=True,
    help="Run the same network without spikes beside it: every weight multiplied, or with few-bit activations.",
)
@click.option(
    "--phase",
    type=click.Choice(["train", "infer", "both"]),
    help="For machines that learn: learn from the training samples, decide on the test samples, or both.",
)
@click.option(
    "--save-trace",
    "saved_file",
    metavar="FILE.npz",
    type=FILE,
    callback=named,
    help="Write a trace with what was learned, to go on.",
)
@click.option(
    "--save-every", type=click.IntRange(min=1), metavar="N", help="Also write it after every N training samples."
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    callback=named,
    help="Write the whole report as JSON; - for standard output.",
)
@click.option("--csv", "csv_file", type=FILE, callback=named, help="Write counts and energies, a line each.")
@click.option("--csv-summary", "summary_file", type=FILE, callback=named, help="Write a line for each run.")
@click.option(
    "--exit-curve",
    "curve_file",
    metavar="FILE.json",
    type=FILE,
    callback=named,
    help="Write what every early-exit threshold costs.",
)
@click.option(
    "--html",
    "html_file",
    metavar="FILE.html",
    type=FILE,
    callback=named,
    help="Write a page with verdicts, pictures, all tables and the source of every price.",
)
@click.option(
    "--timeline",
    "timeline_file",
    metavar="FILE.json.gz",
    type=FILE,
    callback=named,
    help="Write what stages do over time, for ui.perfetto.dev and chrome://tracing.",
)
@click.option("--timeline-samples", type=int, metavar="N", help="Of the first N samples of each run.  [default: 1]")
@MEMORY
@click.option("--full", is_flag=True, help="Print every table, not the first screen alone.")
@click.option("--no-advice", is_flag=True, help="Try no changes that would help.")
@click.option("--quiet", is_flag=True, help="Print no tables.")
def simulate(
    architecture: str,
    trace: Path,
    overrides: tuple[str, ...],
    json_file: str | None,
    csv_file: Path | None,
    summary_file: Path | None,
    curve_file: Path | None,
    html_file: Path | None,
    timeline_file: Path | None,
    timeline_samples: int | None,
    full: bool,
    no_advice: bool,
    quiet: bool,
    phase: Phase | None,
    saved_file: Path | None,
    save_every: int | None,
    memory: int | None,
    period: str | None,
    stream: bool,
    **options: Any,
) -> None:
    """Play a trace on an architecture and report what it costs.

    ARCH is a file or the name of a shipped design (hwsim arch list), TRACE a file or `example`.
    """
    without_threads()
    compiling_shared()
    with importing():
        from hwsim import api, files
        from hwsim.example import trace_file
        from hwsim.memory import bounded, held_to_bound

    options["exit_thresholds"] = True if curve_file is not None else None if html_file is not None else False
    options["occupancy"] |= html_file is not None
    if save_every and saved_file is None:
        raise click.UsageError("--save-every: needs --save-trace, the file to write")
    if timeline_samples is not None and timeline_file is None:
        raise click.UsageError("--timeline-samples: needs --timeline, the file to write")
    in_order(architecture, trace)
    texts = [Path(file) for file in (json_file, csv_file, summary_file) if file not in (None, "-")]
    if not quiet or json_file == "-" or any(map(files.is_stream, texts)):
        needs_output()
    overrides = (*overrides, *api.operated_so(period, stream))
    design = api.load_architecture(architecture, overrides)
    others = [file for file in (curve_file, saved_file, timeline_file, html_file) if file is not None]
    trace = trace_file(trace)
    files.check_outputs([*texts, *others], [trace, *design.files], streams=texts)
    with bounded(memory), held_to_bound():
        played = api.load_trace(trace)
        machine = " ".join((architecture, *overrides))
        options["session"] = _session(played, phase, saved_file, save_every or 0, quiet, machine)
        with contextlib.nullcontext() if quiet or options["session"] is not None else progress():
            found = api.simulated(design, played, **options)
        report, timeline = found.report, _timeline(found, timeline_file, timeline_samples)
    prints = not quiet and json_file != "-"
    advice = _advice(design, played, options) if html_file is not None and not no_advice else None
    beside: dict[Path, str | bytes] = {**timeline}
    if html_file is not None:
        beside[html_file] = _page(report, design, played, advice or ())
    _write(report, json_file, csv_file, summary_file, curve_file, beside)
    if prints:
        _print(report, full, () if no_advice else _advice(design, played, options) if advice is None else advice)


def in_order(architecture: str, trace: Path, command: str = "simulate") -> None:
    """Raise UsageError where the trace was given for the design and the design for the trace."""
    from hwsim.arch import shipped

    if architecture.endswith(".npz") and (str(trace) in shipped() or trace.suffix in (".yaml", ".yml")):
        raise click.UsageError(f"the design comes first, then the trace: hwsim {command} {trace} {architecture}")


def _print(report: Report, full: bool, advice: Sequence[Advice]) -> None:
    from hwsim.view.terminal.summary import print_summary, print_verdict

    if full:
        from hwsim.view.terminal.report_table import print_report

        print_report(report, console(WIDTH_OF_ALL))
        print_verdict(report, console(WIDTH_OF_ALL), advice)
        return

    print_summary(report, console(), advice)


def _advice(design: Architecture, played: AnyTrace, options: dict[str, Any]) -> Sequence[Advice]:
    """What would help the part of a trace that was simulated; none for a session or spikes of the machine's own."""
    if (options["session"] is not None and options["session"].phase != "both") or options["functional"]:
        return ()
    from hwsim.advice import advise
    from hwsim.traces.slicing import first

    return advise(design, first(played, options["samples"], options["timesteps"]))


def _page(report: Report, design: Architecture, played: AnyTrace, advice: Sequence[Advice]) -> str:
    """The page of a report, with the command that makes it again."""
    from hwsim import api
    from hwsim.cli.again import again
    from hwsim.view.report_page.report_page import to_html

    return to_html(report, again(click.get_current_context()), design, api.components(design, played), advice)


def _timeline(found: Simulated, file: Path | None, samples: int | None) -> dict[Path, bytes]:
    """What stages did over time, as its file holds it; nothing where none is asked for."""
    if file is None:
        return {}
    from hwsim.trace_events import trace_events, written

    return {file: written(trace_events(found, 1 if samples is None else samples), file)}


def _write(
    report: Report,
    json_file: str | None,
    csv_file: Path | None,
    summary_file: Path | None,
    curve_file: Path | None,
    others: Mapping[Path, str | bytes],
) -> None:
    """All files or none, then what goes to standard output."""
    if not any((json_file, csv_file, summary_file, curve_file, others)):
        return
    from hwsim import files
    from hwsim.report import file as report_file

    as_json = "" if json_file is None else report.to_json()
    texts: dict[Path, str | bytes] = {**others}
    if json_file not in (None, "-"):
        texts[Path(str(json_file))] = as_json
    if csv_file is not None:
        texts[csv_file] = report_file.to_csv(report)
    if summary_file is not None:
        texts[summary_file] = report_file.to_summary_csv(report)
    if curve_file is not None:
        texts[curve_file] = report_file.curve_to_json(report)
    files.write_all(texts)
    if json_file == "-":
        click.echo(as_json.encode("utf-8", "backslashreplace"), nl=False)  # JSON is UTF-8 whatever the terminal is


def _session(
    played: AnyTrace, phase: Phase | None, file: Path | None, save_every: int, quiet: bool, machine: str
) -> Session | None:
    """How to learn; nothing for traces that are only played, unless the user asked for it."""
    if played.coding != "plastic" and phase is None and file is None:
        return None
    from dataclasses import replace

    from hwsim.printable import one_line
    from hwsim.traces.io import write_trace
    from hwsim.traces.plastic.session import Session

    def save(learned: PlasticTrace) -> None:
        assert file is not None
        notes = f"weights are those learned by hwsim simulate {one_line(machine)}"
        origin = replace(learned.provenance, name=file.stem, notes=notes)
        write_trace(file, replace(learned, provenance=origin), compress=True)

    session = Session(phase=phase or "both", save=save if file else None, save_every=save_every)
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return session
    from hwsim.view.terminal.progress import progress_bar

    return replace(session, track=progress_bar)
