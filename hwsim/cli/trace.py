"""`hwsim trace`: look into trace files, check them, make synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsim.cli.from_events import from_events
from hwsim.cli.from_nir import from_nir
from hwsim.cli.options import FILE, MEMORY, WIDTH_OF_ALL, console, named, needs_output, progress, without_threads
from hwsim.cli.plot import OUT, STYLE
from hwsim.cli.to_nir import to_nir
from hwsim.printable import so_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.traces.direct.trace import Trace


@click.group()
def trace() -> None:
    """Look into trace files, check them, make synthetic ones."""


@trace.command("info", short_help="What a trace holds: layers, rates, accuracy.")
@click.argument("file", metavar="TRACE", type=FILE)
@click.option("--full", is_flag=True, help="All that is known, in the place of the first screen.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option(
    "--metrics",
    type=click.Choice(["json"]),
    help="NeuroBench's metrics instead, by its names: footprint, sparsities, synaptic operations, membrane updates.",
)
def trace_info(file: Path, full: bool, as_json: bool, metrics: str | None) -> None:
    """What a trace holds: network, weights, spike rates, dead neurons, accuracy, sizes, where it was recorded."""
    without_threads()
    from hwsim.example import trace_file

    needs_output()
    if full + as_json + (metrics is not None) > 1:
        raise click.UsageError("--full, --json, --metrics: wanted one of them")
    path = trace_file(file)
    if metrics is not None:
        _print_json(_metrics(path))
        return
    from hwsim.traces.info import look_into

    info = look_into(path)
    if as_json:
        _print_json(info.to_dict())
    elif full:
        from hwsim.view.terminal.trace_table import print_trace

        print_trace(info, console(WIDTH_OF_ALL))
    else:
        from hwsim.view.terminal.trace_summary import print_trace_summary

        print_trace_summary(info, console())


def _metrics(path: Path) -> Mapping[str, object]:
    from hwsim.traces.direct.metrics import neurobench
    from hwsim.traces.io import read_trace

    return neurobench(read_trace(path))


def _print_json(value: Mapping[str, object]) -> None:
    import json

    click.echo(json.dumps(value, indent=1, allow_nan=False))


@trace.command("plot", short_help="Draw a raster of spikes, and rates.")
@click.argument("file", metavar="TRACE", type=FILE)
@click.option("--sample", type=click.IntRange(min=0), default=0, show_default=True, help="Which recorded sample.")
@OUT
@STYLE
def trace_plot(file: Path, sample: int, out: Path, style: str | None) -> None:
    """Draw the spikes of a sample, and how often the neurons of each layer fire."""
    without_threads()
    from hwsim.example import trace_file
    from hwsim.files import check_outputs
    from hwsim.traces.io import read_trace

    path = trace_file(file)
    check_outputs([out], [path])
    from hwsim.view.plots.saving import check_format, save
    from hwsim.view.plots.spike_raster import spikes

    check_format(out)
    save(spikes(read_trace(path), sample, style=style), out)


@trace.command("verify", short_help="Execute the network again, bit for bit.")
@click.argument("file", metavar="TRACE", type=FILE)
@MEMORY
def trace_verify(file: Path, memory: int | None) -> None:
    """Execute the network again from its inputs and compare every spike and logit, bit for bit."""
    from hwsim.example import trace_file
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.codings import verify
    from hwsim.traces.io import read_trace
    from hwsim.view.terminal.trace_table import print_verification

    needs_output()
    with bounded(memory), held_to_bound(), progress():
        result = verify(read_trace(trace_file(file)))
    print_verification(result, console())
    if not result.ok:
        raise click.exceptions.Exit(1)


@trace.command("synth", short_help="Draw a trace of a network that nobody trained.")
@click.argument("geometry")
@click.argument("out", metavar="OUT.npz", type=FILE, callback=named)
@click.option(
    "--with",
    "words",
    multiple=True,
    metavar="WORD",
    help="Change the network: events, input-bits=1..16, signed, weight-bits=1..16, bias, reset=soft|hard|none,"
    " delayed-reset, at-threshold, leak=none|channel, synapse=now|late, feedback, signed-spikes, recurrent,"
    " readout=spikes|membrane|mean_membrane, votes=1..64; may be repeated.",
)
@click.option("--timesteps", type=int, default=4, show_default=True, help="Timesteps T.")
@click.option("--samples", type=int, default=4, show_default=True, help="Number of samples.")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="RATE|LAYER=RATE",
    help="Spikes per neuron and timestep, of all layers or of one; may be repeated.  Without it, or with that of the"
    " input alone, spikes are what the network makes of inputs that are drawn.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all that is drawn.")
@click.option("--steady", is_flag=True, help="The same spikes at every timestep.")
@click.option("--compress", is_flag=True, help="Deflate the file: smaller, and slower to read.")
@MEMORY
def trace_synth(
    geometry: str,
    out: Path,
    words: tuple[str, ...],
    timesteps: int,
    samples: int,
    rates: tuple[str, ...],
    seed: int,
    steady: bool,
    compress: bool,
    memory: int | None,
) -> None:
    """Draw a synthetic trace of vgg9-cifar, vgg9-spikesim, vgg16-cifar, vgg16-gap-cifar, vgg16-imagenet,
    resnet19-cifar, resnet20-cifar, mlp:784-800-10, or a spiking LSTM such as lstm:28x28-128-10.

    Of `mixed` the seed draws the network, too: a small one that mixes all kinds of layers, neurons and inputs.
    """
    without_threads()
    from hwsim.files import check_outputs
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.direct.synth import synthesize
    from hwsim.traces.io import write_trace
    from hwsim.traces.network.drawn import INPUT
    from hwsim.traces.rates import layer_rates
    from hwsim.traces.sequence.synth import PREFIX, synthesize_sequence
    from hwsim.traces.sequence.trace import SequenceTrace

    needs_output()
    check_outputs([out])
    drawn: Trace | SequenceTrace
    name = "+".join((geometry, *words))
    if geometry.startswith(PREFIX) and (steady or words):
        raise click.UsageError(f"--{'steady' if steady else 'with'}: sequence traces have no such form")
    with bounded(memory), held_to_bound(), progress():
        by_layer = layer_rates(name, rates, seed)
        if geometry.startswith(PREFIX):
            drawn = synthesize_sequence(geometry, timesteps, samples, by_layer, seed)
        elif isinstance(by_layer, float) or by_layer.keys() - {INPUT}:
            drawn = synthesize(name, timesteps, samples, by_layer, seed, steady)
        else:
            drawn = _run(name, timesteps, samples, by_layer, seed, steady)
        write_trace(out, drawn, compress=compress)
    click.echo(f"{out}: {name}, {so_many(samples, 'sample')}, T = {timesteps}, {out.stat().st_size / 1e6:.2f} MB")


def _run(name: str, timesteps: int, samples: int, rates: Mapping[str, float], seed: int, steady: bool) -> Trace:
    """A trace of what a drawn network does, on inputs at the rate that there may be."""
    if steady:
        raise click.UsageError("--steady: needs --rate; spikes of the network's own come when they come")
    from hwsim.traces.direct.drawn_run import run_drawn

    return run_drawn(name, timesteps, samples, seed, *rates.values())


trace.add_command(from_events)
trace.add_command(from_nir)
trace.add_command(to_nir)
