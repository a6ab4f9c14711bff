"""The command line: the only place that prints and exits; every command is a few lines over the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hwsim.errors import HwsimError

if TYPE_CHECKING:
    from rich.console import Console

    from hwsim.traces.plastic.session import Phase, Session
    from hwsim.traces.trace import AnyTrace

_FILE = click.Path(dir_okay=False, path_type=Path)
_SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, e.g. adc.bits=6.")


class _Program(click.Group):
    """Whatever a user can mend ends in one line on stderr and exit status 2."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except HwsimError as error:
            click.echo(f"hwsim: {error}", err=True)
            status = 2
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            status = 2
        except click.ClickException as error:
            click.echo(f"hwsim: {error.format_message()}", err=True)
            status = 2
        except click.Abort:
            click.echo("hwsim: interrupted", err=True)
            status = 130
        except BrokenPipeError:
            # The reader of a pipe has left; nothing is wrong, and nothing more can be printed.
            sys.stderr.close()
            status = 0
        except OSError as error:
            click.echo(f"hwsim: {error.filename or 'output'}: {error.strerror or error}", err=True)
            status = 2
        sys.exit(status if isinstance(status, int) else 0)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hwsim")
def main() -> None:
    """Simulate neuromorphic accelerators on real spike traces: energy, EDP, latency, area and memory."""


@main.command()
@click.argument("architecture", metavar="ARCH")
@click.argument("trace", metavar="TRACE.npz", type=_FILE)
@_SET
@click.option("--samples", type=int, help="Only the first recorded samples.")
@click.option("--timesteps", type=int, help="Only the first timesteps.")
@click.option("--engine", type=click.Choice(["auto", "simpy", "compiled"]), default="auto", show_default=True)
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes that share the samples.")
@click.option(
    "--functional", is_flag=True, help="Run the network in the machine's own arithmetic first and play what that gives."
)
@click.option(
    "--baseline",
    "baselines",
    type=click.Choice(["ann", "qann"]),
    multiple=True,
    help="Run the same network without spikes beside it: every weight multiplied, or with few-bit activations.",
)
@click.option(
    "--phase",
    type=click.Choice(["train", "infer", "both"]),
    help="For machines that learn: learn from the training samples, decide on the test samples, or both.",
)
@click.option(
    "--save-trace", "saved_file", metavar="FILE.npz", type=_FILE, help="Write a trace with what was learned, to go on."
)
@click.option(
    "--save-every", type=click.IntRange(min=1), metavar="N", help="Also write it after every N training samples."
)
@click.option("--json", "json_file", metavar="FILE|-", help="Write the whole report as JSON; - for standard output.")
@click.option("--csv", "csv_file", type=_FILE, help="Write counts and energies, a line each.")
@click.option(
    "--exit-curve", "curve_file", metavar="FILE.json", type=_FILE, help="Write what every early-exit threshold costs."
)
@click.option("--quiet", is_flag=True, help="Print no tables.")
def simulate(
    architecture: str,
    trace: Path,
    overrides: tuple[str, ...],
    json_file: str | None,
    csv_file: Path | None,
    curve_file: Path | None,
    quiet: bool,
    phase: Phase | None,
    saved_file: Path | None,
    save_every: int | None,
    **options: Any,
) -> None:
    """Play a trace on an architecture and report what it costs. ARCH is a file or a shipped name (hwsim arch list)."""
    from hwsim import api, files
    from hwsim.kernels import cache

    if cache.is_empty():
        click.echo("hwsim: compiling kernels, once (some seconds) ...", err=True)
    options["exit_thresholds"] = curve_file is not None
    written = [Path(file) for file in (json_file, csv_file, curve_file, saved_file) if file not in (None, "-")]
    files.check_apart([trace, Path(architecture)], written)
    if save_every and saved_file is None:
        raise click.UsageError("--save-every: needs --save-trace, the file to write")
    design, played = api.load_architecture(architecture, overrides), api.load_trace(trace)
    options["session"] = _session(
        played, phase, saved_file, save_every or 0, quiet, " ".join((architecture, *overrides))
    )
    report = api.simulate(design, played, **options)
    if json_file is not None or csv_file is not None or curve_file is not None:
        from hwsim.report import file as report_file

        if csv_file is not None:
            files.write_text(csv_file, report_file.to_csv(report))
        if curve_file is not None:
            files.write_text(curve_file, report_file.curve_to_json(report))
        if json_file == "-":
            click.echo(report_file.to_json(report), nl=False)
        elif json_file is not None:
            files.write_text(Path(json_file), report_file.to_json(report))
    if not quiet and json_file != "-":
        from hwsim.view.terminal.report_table import print_report

        print_report(report, _console())


@main.group()
def trace() -> None:
    """Look into trace files, check them, make synthetic ones."""


@trace.command("info")
@click.argument("file", metavar="TRACE.npz", type=_FILE)
def trace_info(file: Path) -> None:
    """What a trace holds: network, coding, samples, spike rates, where it was recorded."""
    from hwsim.api import load_trace
    from hwsim.view.terminal.trace_table import print_trace

    print_trace(load_trace(file), _console())


@trace.command("verify")
@click.argument("file", metavar="TRACE.npz", type=_FILE)
def trace_verify(file: Path) -> None:
    """Execute the network again from its inputs and compare every spike and logit, bit for bit."""
    from hwsim.api import load_trace
    from hwsim.traces.verify import verify
    from hwsim.view.terminal.trace_table import print_verification

    result = verify(load_trace(file))
    print_verification(result, _console())
    if not result.ok:
        raise click.exceptions.Exit(1)


@trace.command("synth")
@click.argument("geometry")
@click.argument("out", metavar="OUT.npz", type=_FILE)
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
@click.option("--compress", is_flag=True, help="Deflate the file; it can then not be memory-mapped.")
def trace_synth(
    geometry: str,
    out: Path,
    timesteps: int,
    samples: int,
    rates: tuple[str, ...],
    seed: int,
    steady: bool,
    compress: bool,
) -> None:
    """Draw a synthetic trace of vgg9-cifar, vgg9-spikesim, vgg16-cifar, vgg16-gap-cifar, vgg16-imagenet,
    resnet19-cifar, resnet20-cifar, mlp:784-800-10, or a spiking LSTM such as lstm:28x28-128-10.
    """
    from hwsim.traces.direct.synth import synthesize
    from hwsim.traces.direct.trace import Trace
    from hwsim.traces.io import write_trace
    from hwsim.traces.rates import layer_rates
    from hwsim.traces.sequence.synth import PREFIX, synthesize_sequence
    from hwsim.traces.sequence.trace import SequenceTrace

    drawn: Trace | SequenceTrace
    if geometry.startswith(PREFIX):
        if steady:
            raise click.UsageError("--steady: sequence traces have no such form")
        drawn = synthesize_sequence(geometry, timesteps, samples, layer_rates(geometry, rates), seed)
    else:
        drawn = synthesize(geometry, timesteps, samples, layer_rates(geometry, rates), seed, steady)
    write_trace(out, drawn, compress=compress)
    click.echo(f"{out}: {geometry}, {samples} samples, T = {timesteps}, {out.stat().st_size / 1e6:.2f} MB")


@main.group()
def arch() -> None:
    """List, show and check architecture files."""


@arch.command("list")
def arch_list() -> None:
    """The designs that ship with hwsim."""
    from hwsim import api
    from hwsim.arch import shipped

    for name in shipped():
        click.echo(f"{name:20s} {api.load_architecture(name).spec.description}")


@arch.command("show")
@click.argument("architecture", metavar="ARCH")
@_SET
def arch_show(architecture: str, overrides: tuple[str, ...]) -> None:
    """Every price of a design, with its bounds and where it comes from."""
    from hwsim import api
    from hwsim.view.terminal.arch_table import print_architecture

    loaded = api.load_architecture(architecture, overrides)
    print_architecture(loaded, api.components(loaded), _console())


@arch.command("check")
@click.argument("architectures", metavar="ARCH...", nargs=-1, required=True)
@_SET
def arch_check(architectures: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Check files against every rule, prices included."""
    from hwsim import api

    for name in architectures:
        loaded = api.load_architecture(name, overrides)
        n_prices = sum(len(part.actions) for part in api.components(loaded).values())
        click.echo(f"{name}: {loaded.machine}, {n_prices} prices, all in order")


@arch.command("schema")
@click.argument("machine", default="imc")
def arch_schema(machine: str) -> None:
    """JSON Schema of the architecture files of a machine, for editors."""
    import json

    from hwsim import accelerators
    from hwsim.arch import json_schema

    click.echo(json.dumps(json_schema(accelerators.spec_type(machine)), indent=1))


def _session(
    played: AnyTrace, phase: Phase | None, file: Path | None, save_every: int, quiet: bool, machine: str
) -> Session | None:
    """How to learn; nothing for traces that are only played, unless the user asked for it."""
    from dataclasses import replace

    from hwsim.traces.io import write_trace
    from hwsim.traces.plastic.session import Session
    from hwsim.traces.plastic.trace import PlasticTrace
    from hwsim.view.terminal.progress import progress_bar

    if not isinstance(played, PlasticTrace) and phase is None and file is None:
        return None

    def save(learned: PlasticTrace) -> None:
        assert file is not None
        notes = f"weights are those learned by hwsim simulate {machine}"
        origin = replace(learned.provenance, name=file.stem, notes=notes)
        write_trace(file, replace(learned, provenance=origin), compress=True)

    session = Session(phase=phase or "both", save=save if file else None, save_every=save_every)
    return session if quiet or not sys.stderr.isatty() else replace(session, track=progress_bar)


def _console() -> Console:
    import shutil

    from rich.console import Console

    # A pipe has no width of its own; tables that are cut to 80 columns would be of no use in a file.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    return Console(width=max(width, 100), highlight=False)
