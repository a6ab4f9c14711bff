"""`hwsim trace from-nir`: a NIR network and recordings to a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwsim.cli.options import FILE, MEMORY, named, needs_output, progress, without_threads
from hwsim.printable import so_many

_ELSE = "[default: as to-nir wrote it, else"


@click.command("from-nir", short_help="A NIR network and recordings to a trace.")
@click.argument("network", metavar="NET.nir", type=FILE)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=FILE)
@click.option("--out", metavar="OUT.npz", type=FILE, required=True, callback=named, help="The trace to write.")
@click.option("--labels", metavar="FILE.csv", type=FILE, help="Columns `file` and `label`, for recordings.")
@click.option("--timesteps", type=int, help="Timesteps T; of an .npz its own unless fewer are asked for.")
@click.option("--bin-us", type=int, help="Microseconds of a timestep.  [default: --dt]")
@click.option("--bin-events", type=int, help="Events of a timestep instead.")
@click.option("--dt", type=float, help=f"Seconds of a timestep, for leaks.  {_ELSE} 0.001]")
@click.option("--reset", type=click.Choice(["hard", "soft"]), help=f"{_ELSE} hard]")
@click.option("--fires", type=click.Choice(["above", "at"]), help=f"{_ELSE} above]")
@click.option(
    "--weight-bits",
    type=click.IntRange(1, 16),
    default=8,
    show_default=True,
    help="Of integers that weights are rounded to.",
)
@click.option("--recorded", type=int, help="Samples whose spikes are kept.  [default: all]")
@click.option(
    "--allow-drift",
    type=float,
    metavar="SHARE",
    help="Spikes that may differ from the float network's.  [default: 0.05]",
)
@MEMORY
def from_nir(
    network: Path,
    inputs: tuple[Path, ...],
    out: Path,
    labels: Path | None,
    memory: int | None,
    **options: Any,
) -> None:
    """Quantise a NIR network, execute it exactly on recordings, of any kind that `from-events` takes, or on the .npz
    that it writes, and write the trace.

    NIR says neither the timestep nor how neurons are reset: --dt, --reset and --fires do.
    """
    without_threads()
    needs_output()
    from hwsim.doors.recordings import left_out, trace_from_nir
    from hwsim.files import check_outputs
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.io import write_trace

    check_outputs([out], [network, *inputs, *([labels] if labels else [])])
    with bounded(memory), held_to_bound(), progress():
        entered = trace_from_nir(network, inputs, labels, name=out.stem, **options)
        write_trace(out, entered.trace, compress=True)
    trace, told = entered.trace, left_out(entered.late)
    click.echo(
        f"{out}: {so_many(len(trace.logits['test'].labels), 'sample')}, T = {trace.timesteps}; {entered.drift}{told}"
    )
