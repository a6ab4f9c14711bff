"""`hwsim compare`: simulations against the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsim.cli.options import FILE, SET, compiling_shared, console, named, needs_output, progress, without_threads

if TYPE_CHECKING:
    from hwsim.comparison.comparing import Comparable


@click.command(short_help="Set simulations beside the first: ratios, and where they are from.")
@click.argument("words", metavar="A B ... [TRACE]", nargs=-1, required=True)
@SET
@click.option("--trace", metavar="TRACE", help="Of designs; it may also stand last.")
@click.option("--samples", type=int, help="Only the first recorded samples, of designs.")
@click.option("--run", metavar="RUN", help="static, early exit, stream, ann ...  [default: the last but a stream]")
@click.option("--json", "json_file", metavar="FILE|-", callback=named, help="Write it as JSON; - for standard output.")
@click.option("--html", "html_file", metavar="FILE", type=FILE, callback=named, help="Write it as one page.")
@click.option("--quiet", is_flag=True, help="Print no tables.")
def compare(
    words: Sequence[str],
    overrides: tuple[str, ...],
    trace: str | None,
    samples: int | None,
    run: str | None,
    json_file: str | None,
    html_file: Path | None,
    quiet: bool,
) -> None:
    """Simulations against the first: ratios, who pays, what the designs say differently.

    A, B ... are reports (.json), designs that play the same TRACE, or DESIGN@TRACE each with its own, as machines of
    different codings need.  --set is of the last design, which may be the first one again.
    """
    without_threads()
    compiling_shared()
    from hwsim import files
    from hwsim.comparison import compare as compare_them

    subjects, trace = _subjects(words, trace)
    texts = [Path(file) for file in (json_file, html_file) if file not in (None, "-")]
    if not quiet or json_file == "-" or any(map(files.is_stream, texts)):
        needs_output()
    files.check_outputs(texts, [Path(word) for word in words if Path(word).is_file()], streams=texts)
    with progress():
        found = compare_them(*subjects, trace=trace, set=overrides or None, run=run, samples=samples)
    contents, as_json = {}, ""
    if json_file is not None:
        import json

        as_json = json.dumps(found.to_dict(), indent=1, default=str) + "\n"
        if json_file != "-":
            contents[Path(json_file)] = as_json
    if html_file is not None:
        from hwsim.view.compare_page import to_html

        contents[html_file] = to_html(found)
    files.write_all(contents)
    if json_file == "-":
        click.echo(as_json.encode("utf-8", "backslashreplace"), nl=False)
    elif not quiet:
        from hwsim.view.terminal.compare_table import print_comparison

        print_comparison(found, console())


def _subjects(words: Sequence[str], trace: str | None) -> tuple[list[Comparable], str | None]:
    """Reports, designs and pairs, and the trace of those that have none of their own."""
    from hwsim.example import EXAMPLE

    subjects: list[Comparable] = []
    for place, word in enumerate(words):
        design, at, own = word.rpartition("@")
        last, there = place == len(words) - 1, Path(word).exists()
        if (word.endswith(".npz") and (there or not at)) or (word == EXAMPLE.stem and last and not there):
            if trace is not None or not last:
                raise click.UsageError(
                    f"TRACE: {word} is one trace too many, or does not stand last; DESIGN@TRACE pairs"
                )
            trace = word
        elif at and not there:
            subjects.append((design, own))
        else:
            subjects.append(word)
    if len(subjects) < 2:
        raise click.UsageError("A B: wanted at least two reports or designs to compare")
    return subjects, trace
