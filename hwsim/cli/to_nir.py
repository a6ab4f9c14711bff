"""`hwsim trace to-nir`: the network of a trace as a NIR file."""

from __future__ import annotations

from pathlib import Path

import click

from hwsim.cli.options import FILE, MEMORY, named, needs_output, without_threads


@click.command("to-nir", short_help="Write the network of a trace as NIR.")
@click.argument("file", metavar="TRACE", type=FILE)
@click.argument("out", metavar="OUT.nir", type=FILE, callback=named)
@click.option("--dt", type=float, default=1e-3, show_default=True, help="Seconds of a timestep, for time constants.")
@MEMORY
def to_nir(file: Path, out: Path, dt: float, memory: int | None) -> None:
    """Write the network of a trace as NIR: weights, thresholds and biases as floats, leaks as time constants.

    What NIR does not say is printed, and is in the metadata of nodes, where `from-nir` finds it: the same network and
    the same spikes come back.  Layers that are no NIR nodes are refused by name.
    """
    without_threads()
    needs_output()
    from hwsim.doors.nir_export import to_nir as written
    from hwsim.example import trace_file
    from hwsim.files import check_outputs
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.io import read_trace

    source = trace_file(file)
    check_outputs([out], [source])
    with bounded(memory), held_to_bound():
        told = written(read_trace(source), out, dt)
    click.echo(f"{out}: timestep {dt:g} s; NIR does not say: {'; '.join(told)}")
