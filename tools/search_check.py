"""How much of a front a search finds in a few hundred trials, beside all points of a grid of 2,000.

    python tools/search_check.py --out .cache/search --jobs 2

The grid is the `imc` machine on the Fashion-MNIST trace over ADC bits, crossbar rows, columns an ADC and crossbars for
copies of layers; what counts is energy, area and the loss of accuracy of this hardware, found on all raw inputs.  Each
seed's search begins anew and is timed by itself; the grid is kept, and a run that was stopped goes on.  The hypervolume
is that of the box between a front and the worst of the grid in each of the three, each scaled from its least to its
most in the grid.  Last, `tune` is set beside the best of the grid within a budget.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from hwsim import sweep
from hwsim.errors import HwsimError
from hwsim.sweep.row import Row

TRACE = Path(__file__).parents[1] / "traces" / "fashion_dietsnn.npz"
KNOBS = (
    "adc.bits=4:8",
    "crossbar.rows=64,80,96,128",
    "adc.columns_per_adc=1,2,4,8,16",
    "chip.crossbar_budget=log(210,1700,20)",
)
OBJECTIVES = ("energy_pj", "area_mm2", "accuracy")
BUDGET = ("area_mm2 <= 6", "accuracy >= 0.9")
Point = tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each seed and one for tuning; 1 where a front is too small or tuning is worse than the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".cache/search"), metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.98, help="of the grid's hypervolume that is wanted")
    options = parser.parse_args(arguments)
    try:
        return check(options)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def check(options: argparse.Namespace) -> int:
    """Run what is missing and compare."""
    options.out.mkdir(parents=True, exist_ok=True)
    where, asked = sweep.Where(jobs=options.jobs), sweep.Asked(samples=16, accuracy=True)
    space = sweep.space_of(["imc"], [TRACE], KNOBS, ["chip.replicate=auto"], asked)
    begin = time.perf_counter()
    grid = [row for row in sweep.sweep(space, options.out / "grid.jsonl", where) if row["error"] is None]
    print(f"grid: {len(grid)} of {len(space)} points, {time.perf_counter() - begin:.0f} s", flush=True)
    wanted = sweep.objectives([",".join(OBJECTIVES)])
    losses = [tuple(each.loss(row) for each in wanted) for row in grid]
    least, most = tuple(map(min, zip(*losses, strict=True))), tuple(map(max, zip(*losses, strict=True)))

    def volume(rows: Sequence[Row]) -> float:
        points = [
            tuple((each.loss(row) - low) / (high - low) for each, low, high in zip(wanted, least, most, strict=True))
            for row in rows
        ]
        return hypervolume(points)

    whole, shares = volume(grid), []
    for seed in range(options.seeds):
        out = options.out / f"seed{seed}-{options.trials}.jsonl"
        out.unlink(missing_ok=True)
        begin, spent = time.perf_counter(), processor_s()
        search = sweep.Search("nsga2", options.trials, wanted, seed=seed)
        rows = [row for row in sweep.sweep(space, out, where, search) if row["error"] is None]
        found = {"seed": seed, "points": len(rows), "seconds": round(time.perf_counter() - begin, 1)}
        found["processor_seconds"] = round(processor_s() - spent, 1)
        shares.append(volume(rows) / whole)
        print(json.dumps(found | {"share of hypervolume": round(shares[-1], 4)}), flush=True)
    bounds = [sweep.parse_constraint(text) for text in BUDGET]
    best = min(sweep.feasible(grid, bounds), key=lambda row: row["edp_pj_ns"])
    begin = time.perf_counter()
    with where.executors() or nullcontext() as running:
        tuned = sweep.tune("imc", TRACE, bounds, vary=KNOBS, asked=asked, executors=running)
    seconds = round(time.perf_counter() - begin, 1)
    ratio = tuned.best["edp_pj_ns"] / best["edp_pj_ns"]
    print(json.dumps({"tune / best of grid, EDP": round(ratio, 4), "designs": tuned.tried, "seconds": seconds}))
    return int(min(shares) < options.share or ratio > 1)


def processor_s() -> float:
    """Processor time of this process and of workers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def hypervolume(points: Sequence[Point]) -> float:
    """Volume between points of the unit cube and its far corner, in any number of dimensions: slice by slice."""
    inside = [point for point in points if all(each < 1 for each in point)]
    if not inside:
        return 0.0
    if len(inside[0]) == 1:
        return 1 - min(inside)[0]
    total, levels = 0.0, sorted({point[-1] for point in inside})
    for level, following in zip(levels, [*levels[1:], 1.0], strict=True):
        total += (following - level) * hypervolume([point[:-1] for point in inside if point[-1] <= level])
    return total


if __name__ == "__main__":
    sys.exit(main())
