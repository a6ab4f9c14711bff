"""`hwsim explain`: where energy, latency and area of a simulation come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hwsim.cli.options import SET, compiling_shared, console, needs_output, progress, without_threads
from hwsim.cli.simulate import in_order

ASPECTS = ("energy", "latency", "area")


@click.command(short_help="Say where energy, latency or area comes from.")
@click.argument("words", metavar="REPORT | ARCH TRACE  energy|latency|area  [NAME]", nargs=-1, required=True)
@SET
@click.option("--samples", type=int, help="Only the first recorded samples, of ARCH and TRACE.")
@click.option("--run", metavar="RUN", help="static, early exit, stream, ann ...  [default: the last]")
@click.option("--sample", type=int, help="Whose latency.  [default: the one nearest the mean]")
@click.option("--arch", "architecture", metavar="ARCH", help="The design of REPORT where it is not found.")
@click.option("--trace", metavar="TRACE", help="The trace of REPORT where it is not found.")
@click.option("--all", "every", is_flag=True, help="Every term and the whole path, not the largest and first.")
def explain(
    words: Sequence[str],
    overrides: tuple[str, ...],
    samples: int | None,
    run: str | None,
    sample: int | None,
    architecture: str | None,
    trace: str | None,
    every: bool,
) -> None:
    """Where the energy, the latency or the area of a simulation comes from.

    REPORT is a file that `hwsim simulate --json` wrote; its design and trace are looked for beside it, in the working
    folder and in traces/, and known by their digests.  NAME is a component or a layer; of a latency a stage, layer or
    unit.

    energy and area: count x price with bounds and source.  latency: the critical path of a sample, and what would
    shorten it.
    """
    needs_output()
    without_threads()
    compiling_shared()
    subject, aspect, name = _asked(words)
    _go_together(subject, aspect, {"--arch": architecture, "--trace": trace}, overrides, samples, sample)
    from hwsim.explanation import explain as explain_it
    from hwsim.view.terminal import explain_table

    with progress():
        explained = explain_it(
            *(subject if len(subject) == 2 else (subject[0], trace)),
            architecture=architecture,
            set=overrides or None,
            samples=samples,
        )
        path = explained.latency(name, run, sample) if aspect == "latency" else None
    if path is not None:
        explain_table.print_latency(explained, path, name, every, console())
    elif aspect == "energy":
        explain_table.print_energy(explained, name, run, every, console())
    else:
        explain_table.print_area(explained, name, every, console())


def _asked(words: Sequence[str]) -> tuple[Sequence[str], str, str | None]:
    """What is explained, which aspect of it, and which part of that."""
    from hwsim.errors import guess

    place = next((place for place, word in enumerate(words) if place and word in ASPECTS), None)
    if place is None:
        raise click.UsageError(f"wanted energy, latency or area after REPORT or ARCH TRACE{guess(words[-1], ASPECTS)}")
    subject, rest = words[:place], words[place + 1 :]
    if len(subject) > 2 or len(rest) > 1:
        raise click.UsageError(f"wanted REPORT or ARCH TRACE, then {words[place]}, then at most one name")
    if len(subject) == 2:
        in_order(subject[0], Path(subject[1]), "explain")
    if len(subject) == 1 and not subject[0].endswith(".json"):
        raise click.UsageError(f"REPORT: {subject[0]} is no report (.json); of a design, its trace comes after it")
    return subject, words[place], rest[0] if rest else None


def _go_together(
    subject: Sequence[str],
    aspect: str,
    files: dict[str, str | None],
    overrides: Sequence[str],
    samples: int | None,
    sample: int | None,
) -> None:
    """Raise UsageError for options that say nothing here."""
    of_designs = {"--set": overrides or None, "--samples": samples}
    idle = files if len(subject) == 2 else of_designs
    whose = "a report" if len(subject) == 2 else "a design and a trace"
    for option, value in idle.items():
        if value is not None:
            raise click.UsageError(f"{option}: is of {whose}")
    if sample is not None and aspect != "latency":
        raise click.UsageError("--sample: is of a latency")
