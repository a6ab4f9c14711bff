"""Points of a sweep a second: of one core by what a knob changes, and of two processes beside one.

Nothing here asserts a time.  The yardstick is one pass of popcount over the packed spikes of the trace.
"""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hwsim import api, sweep
from hwsim.sweep.worker import trace_of

TRACE = Path(__file__).resolve().parents[1] / "traces" / "fashion_dietsnn.npz"
SAMPLES = 16
KNOBS = {
    "imc": {
        "prices": "clock.network.gated_fraction=lin(0.5,0.9,1500)",
        "exits": "early_exit.threshold=lin(0.05,0.95,300)",
        "times": "neuron.cycles=10:109",
        "structure": "chip.pes_per_tile=4:63",
    },
    "digital": {
        "prices": "clock.network.gated_fraction=lin(0.5,0.9,1500)",
        "times": "neuron.cycles=10:109",
        "structure": "array.rows=17:76",
    },
}


def space(design, *knobs):
    return sweep.space_of([design], [TRACE], knobs, (), sweep.Asked(samples=SAMPLES))


def popcount_s(trace):
    begin = time.process_time()
    for _ in range(50):
        for each in trace.spikes.values():
            np.bitwise_count(each.words[:SAMPLES]).sum()
    return (time.process_time() - begin) / 50


@pytest.mark.parametrize(("design", "kind"), [(design, kind) for design, kinds in KNOBS.items() for kind in kinds])
def test_points_of_one_core(design, kind, tmp_path, capsys):
    """Everything counts: checking, running, and writing the journal."""
    where = space(design, KNOBS[design][kind])
    sweep.sweep(
        space(design, "adc.bits=8" if design == "imc" else "array.rows=16"), tmp_path / "warm", sweep.Where(jobs=1)
    )
    begin = time.process_time()
    rows = sweep.sweep(where, tmp_path / "rows.jsonl", sweep.Where(jobs=1))
    taken = (time.process_time() - begin) / len(rows)
    assert all(row["error"] is None for row in rows)
    assert any(one["edp_pj_ns"] != other["edp_pj_ns"] for one, other in pairwise(rows[1:]))
    with capsys.disabled():
        yardstick = popcount_s(trace_of(where.traces[0]))
        print(f"\n{design}, {kind}: {1 / taken:.0f} points a second, {taken / yardstick:.0f} popcounts a point")


@pytest.mark.parametrize("design", KNOBS)
def test_two_processes_beside_one(design, tmp_path, capsys):
    """By the clock on the wall, in turns, of structures and times of each; of each the best of three."""
    axes = (KNOBS[design]["structure"], "neuron.cycles=10:15")
    taken: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(3):
        for jobs, seconds in taken.items():
            api.load_trace(TRACE)
            where = space(design, *axes)
            begin = time.perf_counter()
            rows = sweep.sweep(where, tmp_path / f"{jobs}-{turn}.jsonl", sweep.Where(jobs=jobs))
            seconds.append(time.perf_counter() - begin)
            assert len(rows) == len(where)
    with capsys.disabled():
        one, two = min(taken[1]), min(taken[2])
        print(f"\n{design}: {len(rows)} points, one process {one:.2f} s, two {two:.2f} s: {one / two:.2f} times")
