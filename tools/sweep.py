"""A sweep as a script to copy: designs, traces and knobs to rows, the best of them, and a page to explore them.

    python tools/sweep.py --out runs.jsonl

It is `hwsim sweep` in Python: start from it where a sweep needs code of its own, as for knobs that depend on others.
Stopped at any moment and started again, it goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hwsim import sweep
from hwsim.errors import HwsimError

TRACE = Path(__file__).parents[1] / "traces" / "fashion_dietsnn.npz"
KNOBS = ("crossbar.rows=32,64,128", "adc.bits=6:8", "early_exit.threshold=log(0.01,0.9,8)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, default=TRACE, metavar="TRACE.npz")
    parser.add_argument("--architecture", default="imc", metavar="ARCH")
    parser.add_argument("--vary", nargs="+", default=KNOBS, metavar="KEY=VALUES")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace) -> None:
    """Run all points, then print those on the front of EDP and area."""
    space = sweep.space_of(
        [options.architecture], [options.trace], options.vary, asked=sweep.Asked(samples=options.samples)
    )
    rows = sweep.sweep(space, options.out, sweep.Where(jobs=options.jobs))
    objectives = sweep.objectives(["edp_pj_ns,area_mm2"])
    for row in sweep.front(sweep.feasible(rows, ()), objectives):
        print(f"{row['edp_pj_ns'] * 1e-9:.4g} pJ s, {row['area_mm2']:.4g} mm2: {row['settings']}")
    options.out.with_suffix(".html").write_text(sweep.to_html(space, rows, objectives), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
