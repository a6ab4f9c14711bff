"""`hwsim trace from-events`: recordings to inputs over time, or to a trace of a network that there is already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwsim.cli.options import FILE, MEMORY, named, needs_output, progress, without_threads
from hwsim.printable import so_many


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Height and width of WIDTHxHEIGHT, or a number of units."""
    if value is None:
        return None
    parts = value.split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and 0 < len(part) < 8 for part in parts):
        raise click.BadParameter(f"wanted WIDTHxHEIGHT or a number of units, found '{value[:40]}'")
    return tuple(int(part) for part in reversed(parts))


@click.command("from-events", short_help="Recordings of event sensors to inputs, or a network on them.")
@click.argument("recordings", metavar="RECORDING...", nargs=-1, required=True, type=FILE)
@click.option("--out", metavar="OUT.npz", type=FILE, required=True, callback=named, help="What to write.")
@click.option("--network", metavar="TRACE.npz", type=FILE, help="Run the network of this trace; write a trace.")
@click.option("--recorded", type=int, help="With --network: samples whose spikes are kept.  [default: all]")
@click.option("--labels", metavar="FILE.csv", type=FILE, help="Columns `file` and `label`, for files without labels.")
@click.option("--timesteps", type=int, help="Timesteps T; of counts their own unless fewer are asked for.")
@click.option("--bin-us", type=int, help="Microseconds of a timestep.")
@click.option("--bin-events", type=int, help="Events of a timestep instead.")
@click.option("--size", metavar="WxH|N", callback=_size, help="Of the camera, or units.  [default: as found]")
@click.option("--polarities", type=click.IntRange(1, 2), default=2, show_default=True, help="1 adds both up.")
@click.option("--clip", type=click.IntRange(1, 255), help="What counts above it become.  [default: refused over 255]")
@click.option("--samples", type=int, help="The first recordings only.")
@click.option("--raster", is_flag=True, help="A .npy [timestep, 4] holds counts, not events.")
@click.option("--group", help="Neurons of a spike file, or node of NIR's data, where there are several.")
@click.option("--first-timestep", type=int, default=1, show_default=True, help="What spike files call the first.")
@MEMORY
def from_events(
    recordings: tuple[Path, ...],
    out: Path,
    network: Path | None,
    recorded: int | None,
    labels: Path | None,
    memory: int | None,
    **options: Any,
) -> None:
    """Bin recordings of event sensors to inputs over time: an .npz with `values` [sample, timestep, y, x, channel] and
    `labels`, as `from-nir`, `hwsim.capture` and `hwsim.make.events` take them.

    Takes events (.bin of N-MNIST, .npy or .npz of t, x, y, p), spikes of units (SHD's or NIR's .h5, SANA-FE's .csv)
    and counts (.npy [timestep, ...], .npz).  With --network, a network runs on them and its trace is written.
    """
    without_threads()
    needs_output()
    from hwsim.doors.events.inputs import Form, Recordings
    from hwsim.doors.events.sources import Kind
    from hwsim.doors.events.stored import EventInputs, write_inputs
    from hwsim.doors.recordings import left_out, run_on
    from hwsim.files import check_outputs
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.direct.trace import Trace
    from hwsim.traces.io import read_trace, write_trace

    if recorded is not None and network is None:
        raise click.UsageError("--recorded: is of traces, which --network makes")
    check_outputs([out], [*recordings, *(each for each in (labels, network) if each)])
    kind = Kind(options.pop("raster"), options.pop("group"), options.pop("first_timestep"))
    with bounded(memory), held_to_bound(), progress():
        if network is not None:
            base = read_trace(network)
            if not isinstance(base, Trace):
                raise click.UsageError(f"--network: wanted a trace of coding events, found {base.coding}")
            size = options["size"] or base.network.input.shape
            read = Recordings(recordings, labels, Form(**{**options, "size": size}), kind)
            made = run_on(base, EventInputs(read.whole(), read.labels), recorded)
            write_trace(out, made, compress=True)
            done = f"right {100 * float(made.logits['test'].accuracy()[-1]):.2f} %"
        else:
            read = Recordings(recordings, labels, Form(**options), kind)
            height, width, channels = read.shape
            write_inputs(out, read, (len(read), read.timesteps, *read.shape), read.labels)
            done = f"{width} x {height}, {so_many(channels, 'channel')}"
    click.echo(f"{out}: {so_many(len(read), 'recording')}, T = {read.timesteps}; {done}{left_out(read.late)}")
