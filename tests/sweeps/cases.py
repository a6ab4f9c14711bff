"""Small sweeps of drawn networks, and what rows have in common wherever they were made."""

from __future__ import annotations

from functools import cache

from hwsim import api, sweep
from hwsim.sweep.row import HERE_AND_NOW
from hwsim.traces import write_trace
from hwsim.traces.direct.synth import synthesize

AXES = ("crossbar.rows=32,64,128", "adc.bits=6:8", "clock.network.gated_fraction=lin(0.5,0.9,4)")


@cache
def _drawn(seed):
    return synthesize("mlp:60-40-10", 3, 4, 0.2, seed)


def trace_file(folder, seed=1):
    """A small trace in a file."""
    path = folder / f"drawn{seed}.npz"
    if not path.exists():
        write_trace(path, _drawn(seed))
    return path


def space(folder, *axes, designs=("imc",), overrides=(), seeds=(1,), **asked):
    """A space over small traces."""
    traces = [trace_file(folder, seed) for seed in seeds]
    return sweep.space_of(designs, traces, axes or AXES, overrides, sweep.Asked(**asked))


def alone():
    """This process, without others."""
    return sweep.Where(jobs=1)


def of_the_point(rows):
    """Rows without what is of the run."""
    return [{name: value for name, value in row.items() if name not in HERE_AND_NOW} for row in rows]


def report_of(where, row, **options):
    """What `simulate` says of a row's point, of which nothing was kept."""
    point = where.point(row["point"])
    design = api.load_architecture(where.names[point.design], where.settings(point))
    trace = api.load_trace(where.traces[point.trace].path)
    return api.simulate(design, trace, accuracy_samples=0, **options)
