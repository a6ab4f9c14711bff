"""Accuracy on the modelled crossbars against ADC bits and conductance variation, as tables in Markdown.

    python tools/sweep_functional.py traces/fashion_dietsnn.npz traces/mnist_dietsnn.npz
    python tools/sweep_functional.py traces/mnist_dietsnn.npz --set devices.full_scale=rows --bits 3 4 5 --seeds 3

A seed is a chip: its cells are drawn anew.  Every cell of a table is a mean over chips and all raw inputs of the trace,
at its last timestep; the share of conversions that clipped is that of the first variation.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from hwsim import accelerators, api
from hwsim.contract.judged import Judged
from hwsim.errors import HwsimError, UsageError
from hwsim.traces.trace import AnyTrace


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", metavar="TRACE.npz", type=Path)
    parser.add_argument("--architecture", default="imc", metavar="ARCH", help="a machine with a functional mode")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--bits", type=int, nargs="+", default=[3, 4, 5, 6, 7, 8], help="of the ADC")
    parser.add_argument("--variation", type=float, nargs="+", default=[0, 0.05, 0.1, 0.2, 0.3], help="sigma / mu")
    parser.add_argument("--seeds", type=int, default=5, help="chips")
    options = parser.parse_args(arguments)
    try:
        if options.seeds < 1:
            raise UsageError(f"--seeds: must be at least 1, got {options.seeds}")
        for path in options.traces:
            print_table(path, options)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def print_table(path: Path, options: argparse.Namespace) -> None:
    """One trace: a line for each number of bits, a column for each variation."""
    trace = api.load_trace(path)
    print(f"\n`{path.name}` on `{options.architecture}` {' '.join(options.overrides)}\n")
    print("| ADC bits | " + " | ".join(f"{100 * sigma:g} %" for sigma in options.variation) + " | clipped |")
    print("|---" * (len(options.variation) + 2) + "|", flush=True)
    exact = ""
    for bits in options.bits:
        cells, clipped = [], []
        for sigma in options.variation:
            seeds = range(options.seeds if sigma else 1)  # without variation all chips are alike
            chips = [run(trace, options, bits, sigma, seed) for seed in seeds]
            judged = [known for known, _ in chips]
            cells.append(shown([known.accuracy for known in judged], judged[0].n_samples))
            clipped.append(chips[0][1])
            exact = f"{100 * judged[0].exact_accuracy:.2f} % of {judged[0].n_samples} samples"
        print(f"| {bits} | " + " | ".join(cells) + f" | {100 * clipped[0]:.2g} % |", flush=True)
    print(f"\nExact integers: {exact}.")


def run(trace: AnyTrace, options: argparse.Namespace, bits: int, sigma: float, seed: int) -> tuple[Judged, float]:
    """What is right, and the share of conversions that clip, of one functional run."""
    changes = (f"adc.bits={bits}", f"devices.conductance_variation={sigma:g}", f"devices.seed={seed}")
    loaded = api.load_architecture(options.architecture, (*options.overrides, *changes))
    machine = accelerators.machine(loaded.machine)(loaded.spec)
    if not isinstance(trace, machine.trace_type):
        raise UsageError(f"{options.architecture} does not play traces of this coding")
    found = machine.functional(trace)
    if found.judged is None:
        raise UsageError(f"{trace.provenance.name}: has no labels to tell an accuracy by")
    return found.judged, found.clipped


def shown(accuracies: list[float], n_samples: int) -> str:
    """Mean in percent, its standard error over samples, and the standard deviation over chips where there are several.

    All chips see the same samples, so the error over samples does not shrink with their number.
    """
    mean = sum(accuracies) / len(accuracies)
    text = f"{100 * mean:.1f} ± {100 * math.sqrt(mean * (1 - mean) / n_samples):.1f}"
    if len(accuracies) > 1:
        spread = math.sqrt(sum((a - mean) ** 2 for a in accuracies) / (len(accuracies) - 1))
        text += f" ({100 * spread:.1f})"
    return text


if __name__ == "__main__":
    sys.exit(main())
