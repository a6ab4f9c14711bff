"""`hwsim trace`: look into trace files, check them, make synthetic ones."""

from __future__ import annotations

from pathlib import Path

import click

from hwsim.cli.from_nir import from_nir
from hwsim.cli.options import FILE, MEMORY, console, named, needs_output, progress, without_threads


@click.group()
def trace() -> None:
    """Look into trace files, check them, make synthetic ones."""


@trace.command("info")
@click.argument("file", metavar="TRACE", type=FILE)
def trace_info(file: Path) -> None:
    """What a trace holds: network, coding, samples, spike rates, where it was recorded."""
    without_threads()
    from hwsim.example import trace_file
    from hwsim.traces.io import read_trace
    from hwsim.view.terminal.trace_table import print_trace

    needs_output()
    print_trace(read_trace(trace_file(file)), console())


@trace.command("verify")
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


@trace.command("synth")
@click.argument("geometry")
@click.argument("out", metavar="OUT.npz", type=FILE, callback=named)
@click.option("--timesteps", type=int, required=True, help="Timesteps T.")
@click.option("--samples", type=int, required=True, help="Number of samples.")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    required=True,
    metavar="RATE|LAYER=RATE",
    help="Spikes per neuron and timestep, of all layers or of one; may be repeated.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of spikes, inputs and weights.")
@click.option("--steady", is_flag=True, help="The same spikes at every timestep.")
@click.option("--compress", is_flag=True, help="Deflate the file: smaller, and slower to read.")
@MEMORY
def trace_synth(
    geometry: str,
    out: Path,
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
    """
    without_threads()
    from hwsim.files import check_outputs
    from hwsim.memory import bounded, held_to_bound
    from hwsim.traces.direct.synth import synthesize
    from hwsim.traces.direct.trace import Trace
    from hwsim.traces.io import write_trace
    from hwsim.traces.rates import layer_rates
    from hwsim.traces.sequence.synth import PREFIX, synthesize_sequence
    from hwsim.traces.sequence.trace import SequenceTrace

    needs_output()
    check_outputs([out])
    drawn: Trace | SequenceTrace
    with bounded(memory), held_to_bound(), progress():
        if geometry.startswith(PREFIX):
            if steady:
                raise click.UsageError("--steady: sequence traces have no such form")
            drawn = synthesize_sequence(geometry, timesteps, samples, layer_rates(geometry, rates), seed)
        else:
            drawn = synthesize(geometry, timesteps, samples, layer_rates(geometry, rates), seed, steady)
        write_trace(out, drawn, compress=compress)
    click.echo(f"{out}: {geometry}, {samples} samples, T = {timesteps}, {out.stat().st_size / 1e6:.2f} MB")


trace.add_command(from_nir)
