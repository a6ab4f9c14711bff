"""Accuracy on the modelled crossbars against ADC bits and conductance variation, as tables in Markdown.

    python tools/sweep_functional.py traces/fashion_dietsnn.npz traces/mnist_dietsnn.npz
    python tools/sweep_functional.py traces/mnist_dietsnn.npz --set devices.full_scale=rows --bits 4 5 6 --seeds 3

A sweep over both and over seeds: a seed is a chip, its cells are drawn anew.  Every cell of a table is a mean over
chips and all raw inputs of the trace, at its last timestep; the share of conversions that clipped is that of the first
variation and chip.  With `--out` the rows are kept, and a sweep that was stopped goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hwsim import sweep
from hwsim.errors import HwsimError, UsageError

BITS, VARIATION, SEED = "adc.bits", "devices.conductance_variation", "devices.seed"
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", metavar="TRACE.npz", type=Path)
    parser.add_argument("--architecture", default="imc", metavar="ARCH", help="a machine with a functional mode")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 5, 6, 7, 8], help="of the ADC")
    parser.add_argument("--variation", type=float, nargs="+", default=[0, 0.05, 0.1, 0.2, 0.3], help="sigma / mu")
    parser.add_argument("--seeds", type=int, default=5, help="chips")
    parser.add_argument("--samples", type=int, metavar="N", help="raw inputs to run, all unless said")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="journal of the sweep")
    options = parser.parse_args(arguments)
    try:
        if options.seeds < 1:
            raise UsageError(f"--seeds: must be at least 1, got {options.seeds}")
        with tempfile.TemporaryDirectory() as folder:
            rows = run(options, options.out or Path(folder, "rows.jsonl"))
        for path in options.traces:
            print_table(path, options, [row for row in rows if row["trace"] == path.stem])
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace, out: Path) -> list[Row]:
    """Rows of all points but the design as it stands."""
    axes = (
        f"{BITS}={','.join(map(str, options.bits))}",
        f"{VARIATION}={','.join(f'{sigma:g}' for sigma in options.variation)}",
        f"{SEED}={','.join(map(str, range(options.seeds)))}",
    )
    asked = sweep.Asked(samples=1, run="static", accuracy=True, accuracy_samples=options.samples)
    space = sweep.space_of([options.architecture], options.traces, axes, options.overrides, asked)
    rows = sweep.sweep(space, out, sweep.Where(jobs=options.jobs))[space.n_references :]
    if fault := next((row["error"] for row in rows if row["error"] is not None), None):
        raise UsageError(fault)
    if any(row["accuracy"] is None for row in rows):
        raise UsageError("has no labels or raw inputs to tell an accuracy by")
    return rows


def print_table(path: Path, options: argparse.Namespace, rows: Sequence[Row]) -> None:
    """One trace: a line for each number of bits, a column for each variation."""
    print(f"\n`{path.name}` on `{options.architecture}` {' '.join(options.overrides)}\n")
    print("| ADC bits | " + " | ".join(f"{100 * sigma:g} %" for sigma in options.variation) + " | clipped |")
    print("|---" * (len(options.variation) + 2) + "|")
    for bits in options.bits:
        of_bits = [row for row in rows if row[BITS] == bits]
        cells = [shown([row for row in of_bits if row[VARIATION] == sigma]) for sigma in options.variation]
        print(f"| {bits} | " + " | ".join(cells) + f" | {100 * of_bits[0]['clipped']:.2g} % |")
    print(f"\nExact integers: {100 * rows[0]['exact_accuracy']:.2f} %.")


def shown(chips: Sequence[Row]) -> str:
    """Mean in percent, its standard error over samples, and the standard deviation over chips where they differ.

    All chips see the same samples, so the error over samples does not shrink with their number.
    """
    found = [100 * row["accuracy"] for row in chips]
    text = f"{fmean(found):.1f} ± {100 * fmean(row['accuracy_error'] for row in chips):.1f}"
    return f"{text} ({stdev(found):.1f})" if len(found) > 1 and chips[0][VARIATION] else text


if __name__ == "__main__":
    sys.exit(main())
