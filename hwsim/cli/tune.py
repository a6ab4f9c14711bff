"""`hwsim tune`: the best design within a budget, what was changed for it, and what each change bought."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsim.cli.options import (
    FILE,
    MEMORY,
    SET,
    compiling_shared,
    console,
    designs,
    figures,
    needs_output,
    without_threads,
)
from hwsim.cli.sweep import ACCURACY_SAMPLES, CONSTRAINT, FIGURES_OF_A_ROW, JOBS, VARY

if TYPE_CHECKING:
    from hwsim.sweep.figures import Constraint


@click.command(epilog=FIGURES_OF_A_ROW, short_help="Balance a machine's knobs to the least EDP within a budget.")
@click.argument("architecture", metavar="ARCH", shell_complete=designs)
@click.argument("trace", metavar="TRACE.npz", type=FILE)
@click.option("--budget", "budgets", multiple=True, metavar="FIGURE=NUMBER", help="At most so much, e.g. area_mm2=6.")
@CONSTRAINT
@VARY
@SET
@click.option(
    "--minimize",
    default="edp_pj_ns",
    show_default=True,
    metavar="FIGURE",
    help="What to make least.",
    shell_complete=figures,
)
@click.option("--samples", type=int, help="Only the first recorded samples.")
@ACCURACY_SAMPLES
@JOBS
@MEMORY
def tune(
    architecture: str,
    trace: Path,
    budgets: tuple[str, ...],
    constraints: tuple[str, ...],
    vary: tuple[str, ...],
    overrides: tuple[str, ...],
    minimize: str,
    samples: int | None,
    accuracy_samples: int | None,
    jobs: int | None,
    memory: int | None,
) -> None:
    """Balance the knobs of a machine, and those of --vary, to the least EDP within a budget."""
    without_threads()
    compiling_shared()
    needs_output()
    from hwsim import sweep as sweeps
    from hwsim.memory import bounded, held_to_bound
    from hwsim.sweep.page import with_settings

    bounds = [_budget(text) for text in budgets]
    bounds += [sweeps.parse_constraint(text) for text in constraints]
    (objective,) = sweeps.objectives([minimize])
    accuracy = "accuracy" in {objective.figure, *(bound.figure for bound in bounds)}
    asked = sweeps.Asked(samples=samples, accuracy=accuracy, accuracy_samples=accuracy_samples)
    where = sweeps.Where() if jobs is None else sweeps.Where(jobs)
    with bounded(memory), held_to_bound(), _progress() as told, where.executors() or nullcontext() as executors:
        tuned = sweeps.tune(
            architecture,
            trace,
            bounds,
            objective=objective,
            vary=vary,
            overrides=overrides,
            asked=asked,
            executors=executors,
            told=told,
        )
    from hwsim.view.terminal.sweep_table import print_tuned

    point = tuned.space.point(tuned.best["point"])
    command = with_settings(tuned.space, point, (*overrides, *tuned.settings))
    print_tuned(tuned, objective, bounds, command, console())


def _budget(text: str) -> Constraint:
    """`FIGURE=NUMBER` as a bound from above; a relation that is written out is taken, too."""
    from hwsim.sweep import parse_constraint

    if not any(sign in text for sign in "=<>"):
        raise click.UsageError(f"--budget {text}: write FIGURE=NUMBER, such as area_mm2=6")
    return parse_constraint(text if "<" in text or ">" in text else text.replace("=", " <= ", 1), f"--budget {text}")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Who is told how many designs are tried: whoever looks, on a line that is gone afterwards."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _n: None
        return
    said = "{} designs tried"
    try:
        yield lambda n: click.echo(f"\r{said.format(n)}", nl=False, err=True)
    finally:
        click.echo(f"\r{' ' * 2 * len(said)}\r", nl=False, err=True)
