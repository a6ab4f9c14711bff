"""`hwsim sweep`: many designs at once, over processes or a cluster, into a journal that nothing is lost from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.options import (
    FILE,
    MEMORY,
    SET,
    compiling_shared,
    console,
    designs,
    figures,
    keys,
    named,
    needs_output,
    without_threads,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hwsim.sweep.figures import Constraint, Objective
    from hwsim.sweep.grid import Told
    from hwsim.sweep.row import Row
    from hwsim.sweep.space import Space

VARY = click.option(
    "--vary",
    multiple=True,
    metavar="KEY=VALUES",
    help="A knob: 32,64,128 or 4:8 or log(0.01,0.9,8) or lin(1,2,5).",
    shell_complete=keys,
)
CONSTRAINT = click.option(
    "--constraint", "constraints", multiple=True, metavar="'FIGURE <= NUMBER'", help="Such as 'area_mm2 <= 4'."
)
JOBS = click.option("--jobs", type=int, metavar="N", help="Processes.  [default: one for each processor]")
ACCURACY_SAMPLES = click.option(
    "--accuracy-samples", type=click.IntRange(min=1), metavar="N", help="Raw inputs run for it.  [default: all]"
)


FIGURES_OF_A_ROW = """
FIGURE, with its unit: energy_pj, energy_low_pj, energy_high_pj, latency_ns, edp_pj_ns, edp_low_pj_ns, edp_high_pj_ns
(pJ x ns; tables say EDP, pJ s), area_mm2, leakage_uw, standing_share (clock and leakage of the energy), timesteps,
period_energy_pj, period_power_uw, stream_per_s, accuracy, accuracy_error, exact_accuracy, clipped (fractions).
"""


@click.command(epilog=FIGURES_OF_A_ROW, short_help="Run many designs: all values of some knobs, or a search.")
@click.argument("design", metavar="ARCH|SWEEP.yaml", shell_complete=designs)
@click.argument("trace", metavar="[TRACE.npz]", type=FILE, required=False)
@VARY
@SET
@click.option("--out", type=FILE, required=True, callback=named, metavar="FILE.jsonl", help="The journal.")
@click.option("--samples", type=int, help="Only the first recorded samples.")
@click.option("--timesteps", type=int, help="Only the first timesteps.")
@click.option("--run", "run_name", metavar="NAME", help="Which run rows are of, e.g. static.  [default: the last]")
@click.option("--accuracy", is_flag=True, help="Find how often a design is right in its own arithmetic.")
@ACCURACY_SAMPLES
@CONSTRAINT
@click.option(
    "--minimize",
    multiple=True,
    metavar="FIGURE,...",
    help="Objectives.  [default: edp_pj_ns,area_mm2]",
    shell_complete=figures,
)
@click.option(
    "--maximize",
    multiple=True,
    metavar="FIGURE,...",
    help="Objectives of which more is better.",
    shell_complete=figures,
)
@click.option("--search", "method", type=click.Choice(["nsga2", "tpe", "random"]), help="Run what it proposes.")
@click.option("--trials", type=int, default=300, show_default=True, help="Points that a search runs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search.")
@click.option("--study", type=FILE, callback=named, help="Of a search.  [default: FILE.jsonl.study]")
@click.option("--robust", "draws", type=click.IntRange(min=0), default=0, metavar="N", help="Draws of all prices.")
@click.option("--chips", type=click.IntRange(min=1), default=1, show_default=True, help="Device seeds in them.")
@JOBS
@click.option(
    "--executor",
    type=click.Choice(["processes", "dask"]),
    default="processes",
    show_default=True,
    help="Processes of this computer, or dask.distributed.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Join a cluster of dask, e.g. tcp://10.0.0.5:8786.")
@click.option("--csv", "csv_file", type=FILE, callback=named, help="Write the rows as CSV.")
@click.option("--parquet", "parquet_file", type=FILE, callback=named, help="Write the rows as Parquet.")
@click.option("--html", "html_file", type=FILE, callback=named, help="Write a page to explore them.")
@MEMORY
@click.option("--quiet", is_flag=True, help="Print no tables.")
def sweep(design: str, trace: Path | None, out: Path, quiet: bool, memory: int | None, **options: Any) -> None:
    """Run every combination of the knobs' values, or those that a search proposes; the journal goes on after a kill."""
    without_threads()
    compiling_shared()
    from hwsim import files
    from hwsim import sweep as sweeps
    from hwsim.memory import bounded, held_to_bound
    from hwsim.sweep.robust import with_probabilities
    from hwsim.sweep.tables import check_parquet

    if not quiet:
        needs_output()
    exports = [options[name] for name in ("csv_file", "parquet_file", "html_file") if options[name] is not None]
    space, objectives, constraints = _what(design, trace, options)
    inputs = [*(source.path for source in space.traces), *(file for each in space.designs for file in each.files)]
    files.check_outputs(exports, [*inputs, out])
    if options["parquet_file"] is not None:
        check_parquet()
    search = None
    if options["method"] is not None:
        study = options["study"] or out.with_name(f"{out.name}.study")
        arguments = options["method"], options["trials"], objectives, constraints, options["seed"]
        search = sweeps.Search(*arguments, study=study, shared=options["study"] is not None)
    where = _where(options["jobs"], options["executor"], options["scheduler"])
    with bounded(memory), held_to_bound(), _progress(quiet) as told:
        rows = sweeps.sweep(space, out, where, search, told)
    if options["draws"]:
        rows = with_probabilities(rows, sweeps.feasible(rows, constraints), objectives)
    _write(space, rows, objectives, constraints, options)
    if not quiet:
        from hwsim.view.terminal.sweep_table import print_sweep

        print_sweep(space, rows, objectives, constraints, console())


def _what(
    design: str, trace: Path | None, options: dict[str, Any]
) -> tuple[Space, tuple[Objective, ...], tuple[Constraint, ...]]:
    """The space, objectives and constraints, from a file where no trace is given; options come after what it says."""
    from hwsim import sweep as sweeps
    from hwsim.sweep.axis import parse_axis

    axes = [parse_axis(text) for text in options["vary"]]
    constraints = [sweeps.parse_constraint(text) for text in options["constraints"]]
    overrides = list(options["overrides"])
    minimize, maximize, accuracy = options["minimize"], options["maximize"], options["accuracy"]
    designs: Sequence[str] = [design]
    traces: Sequence[Path] = [] if trace is None else [trace]
    samples, timesteps = options["samples"], options["timesteps"]
    if trace is None:
        if not design.endswith((".yaml", ".yml")):
            raise click.UsageError("missing TRACE.npz; or give the YAML file of a sweep alone")
        from hwsim.sweep.file import read_space

        written = read_space(Path(design))
        designs, traces, axes = written.designs, written.traces, [*written.axes, *axes]
        overrides, constraints = [*written.overrides, *overrides], [*written.constraints, *constraints]
        if not (minimize or maximize):
            minimize, maximize = written.minimize, written.maximize
        samples, timesteps = samples or written.samples, timesteps or written.timesteps
        accuracy = accuracy or written.accuracy
    if not (minimize or maximize):
        minimize = ("edp_pj_ns", "area_mm2")
    wanted = sweeps.objectives(minimize, maximize)
    named_ones = {objective.figure for objective in wanted} | {constraint.figure for constraint in constraints}
    accuracy = accuracy or "accuracy" in named_ones
    asked = sweeps.Asked(
        samples,
        timesteps,
        options["run_name"],
        accuracy,
        options["accuracy_samples"],
        options["draws"],
        options["chips"],
    )
    return sweeps.space_of(designs, traces, axes, overrides, asked), wanted, tuple(constraints)


def _where(jobs: int | None, executor: Any = "processes", scheduler: str | None = None) -> Any:
    from hwsim.sweep import Where

    return Where(executor=executor, scheduler=scheduler) if jobs is None else Where(jobs, executor, scheduler)


def _progress(quiet: bool) -> AbstractContextManager[Told]:
    """Who is told how many points are done: nobody where nobody looks."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext(lambda _done, _total: None)
    from hwsim.view.terminal.progress import counted

    return counted("points")


def _write(
    space: Space,
    rows: list[Row],
    objectives: tuple[Objective, ...],
    constraints: tuple[Constraint, ...],
    options: dict[str, Any],
) -> None:
    from hwsim import files
    from hwsim import sweep as sweeps

    texts = {}
    if options["csv_file"] is not None:
        texts[options["csv_file"]] = sweeps.to_csv(rows)
    if options["html_file"] is not None:
        texts[options["html_file"]] = sweeps.to_html(space, rows, objectives, constraints)
    files.write_all(texts)
    if options["parquet_file"] is not None:
        sweeps.write_parquet(options["parquet_file"], rows)
