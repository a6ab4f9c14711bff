"""The three verbs from Python: lower a trace on an architecture, run it, price it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from hwsim import accelerators, arch, arguments
from hwsim import engine as engines
from hwsim.arch.loader import Architecture as Loaded
from hwsim.arch.overrides import blamed
from hwsim.components.pricing.price import Priced
from hwsim.contract.dense import BaselineKind
from hwsim.contract.machine import Accelerator
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.effects import without_effect
from hwsim.engine import EngineName
from hwsim.errors import ArchitectureError, UsageError
from hwsim.report.assemble import assemble
from hwsim.report.early_exit import exit_curve, exits_of
from hwsim.report.judgement import judge
from hwsim.report.price import PricedRun, price
from hwsim.report.report import Report
from hwsim.run.processes import play_in_processes
from hwsim.traces.codings import CODINGS, name_of
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.footprint import check_playable
from hwsim.traces.io import read_trace
from hwsim.traces.plastic.session import Session
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace

Architecture = Loaded[Any]
TRACE_TYPES = tuple(coding.trace_type for coding in CODINGS.values())


def load_architecture(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Architecture:
    """An architecture by shipped name or path, with `KEY=VALUE` overrides.

    Raises ArchitectureError in one line for anything wrong with the file or an override, UsageError for what is neither
    a name nor a path and for overrides that are no list of texts.
    """
    arguments.instance("name_or_path", name_or_path, (str, Path), "a shipped name or a path")
    overrides = arguments.texts("overrides", overrides)

    def load(settings: Sequence[str]) -> Architecture:
        return arch.load(name_or_path, accelerators.spec_type, settings)

    with blamed(overrides, load):
        return load(overrides)


def load_trace(path: str | Path) -> AnyTrace:
    """A trace file, checked before use.

    Raises TraceError in one line for anything wrong with the file, UsageError for what is no path.
    """
    arguments.instance("path", path, (str, Path), "a path")
    return read_trace(Path(path))


def simulate(
    architecture: Architecture,
    trace: AnyTrace,
    *,
    samples: int | None = None,
    timesteps: int | None = None,
    engine: EngineName = "auto",
    functional: bool = False,
    exit_thresholds: bool = False,
    baselines: Sequence[BaselineKind] = (),
    jobs: int = 1,
    accuracy_samples: int | None = None,
    session: Session | None = None,
) -> Report:
    """Play a trace on an architecture: energy, time, area and memory of every part.

    Args:
        architecture: what `load_architecture` gave.
        trace: what `load_trace` or `hwsim.traces.direct.synth` gave.
        samples: only the first recorded samples.
        timesteps: only the first timesteps.
        engine: `simpy` (the reference), `compiled` (equal, faster) or `auto`.
        functional: first run the network on its raw inputs in the machine's own arithmetic, and play what that gives.
        exit_thresholds: also say what every threshold of early exit would cost, in `Report.exit_curve`.
        baselines: also run the same network without spikes: `ann`, `qann` or both.
        accuracy_samples: raw inputs that are run for the accuracy of this hardware where it may differ from the exact
            network's; 0 for none; unless given up to 128, fewer where that is much work.
        jobs: processes that share the samples; the report is the same for any number.
        session: for machines that learn, which phases to run, what to tell of progress and where to keep the outcome.

    Raises:
        HwsimError: the network does not fit the machine, options contradict the trace, or an argument is no such thing
            at all, which the message names.

    """
    arguments.instance("architecture", architecture, Loaded, "what load_architecture gives")
    arguments.instance("trace", trace, TRACE_TYPES, "what load_trace gives")
    samples = arguments.whole_or_none("samples", samples)
    timesteps = arguments.whole_or_none("timesteps", timesteps)
    accuracy_samples = arguments.whole_or_none("accuracy_samples", accuracy_samples)
    jobs = arguments.whole("jobs", jobs)
    engine = arguments.one_of("engine", engine, get_args(EngineName))
    functional = arguments.flag("functional", functional)
    exit_thresholds = arguments.flag("exit_thresholds", exit_thresholds)
    for kind in arguments.texts("baselines", baselines):
        arguments.one_of("baselines", kind, get_args(BaselineKind))
    arguments.instance("session", session, (Session, type(None)), "a Session")
    machine = _machine(architecture)
    _check_coding(architecture, machine, trace)
    check_unchanged(trace)
    short = first(trace, samples, timesteps)
    check_playable(short)
    notes: Mapping[str, Any] = {}
    recorded = short
    with _placed(architecture, lambda design: _machine(design).lower(first(trace, 1))):
        if functional:
            run = machine.functional(short)
            short, notes = run.trace, run.notes
        workload = machine.lower(short) if session is None else machine.learn(short, session)
        parts = machine.components(workload)
        # Like the exits below: what cannot be is refused before the time is spent.
        without_spikes = {kind: machine.baseline(short, kind) for kind in baselines}
        their_parts = {kind: machine.components(other) for kind, other in without_spikes.items()}
        workload, accuracy_of = judge(machine, recorded, workload, short if functional else None, accuracy_samples)
        idle = without_effect(architecture, recorded, baselines)
    if exit_thresholds:
        exits_of(workload)

    def play_and_price(played: Workload, prices: Mapping[str, Priced]) -> list[PricedRun]:
        tallies = play_in_processes(played, engines.resolve(engine, played.batches.n_jobs), jobs)
        return price(tallies, played, prices, machine.clock_mhz)

    runs = play_and_price(workload, parts)
    dense: dict[RunName, PricedRun] = {}
    for kind, other in without_spikes.items():
        (only,) = play_and_price(other, their_parts[kind])
        dense[RunName(kind)] = replace(only, name=RunName(kind))
    chosen = {
        "without_effect": idle,
        "engine": engines.resolve(engine, workload.batches.n_jobs),
        "functional": functional,
    }
    check_unchanged(trace)
    curve = exit_curve(workload, runs, accuracy_of.whose) if exit_thresholds else None
    return assemble(architecture, short, runs, notes, chosen, machine.arithmetic, accuracy_of, dense, curve)


def _machine(architecture: Architecture) -> Accelerator[Any, Any]:
    return accelerators.machine(architecture.machine)(architecture.spec)


def _check_coding(architecture: Architecture, machine: Accelerator[Any, Any], trace: AnyTrace) -> None:
    if not isinstance(trace, machine.trace_type):
        codings = [name for name, coding in CODINGS.items() if issubclass(coding.trace_type, machine.trace_type)]
        raise UsageError(
            f"{architecture.path}: a machine '{architecture.machine}' plays traces of coding {' or '.join(codings)}, "
            f"{trace.provenance.name} is '{name_of(trace)}'; see `hwsim arch list` for other machines"
        )


def components(architecture: Architecture) -> Mapping[str, Priced]:
    """Every component of an architecture with its prices.

    Raises ArchitectureError where a law does not reach the part's geometry or technology.
    """

    def price_all(design: Architecture) -> Mapping[str, Priced]:
        return _machine(design).components()

    with _placed(architecture, price_all):
        return price_all(architecture)


@contextmanager
def _placed(architecture: Architecture, again: Callable[[Architecture], object]) -> Iterator[None]:
    """Put where it comes from in front of an error: the override that causes it, else file and line of its key.

    `again` does what the block does with another architecture.
    """

    def retry(settings: Sequence[str]) -> None:
        again(arch.load(architecture.path, accelerators.spec_type, settings))

    try:
        with blamed(architecture.overrides, retry):
            yield
    except ArchitectureError as error:
        key = str(error).partition(":")[0]
        placed = str(error).startswith("--set ")
        raise ArchitectureError(str(error) if placed else f"{architecture.place(key)}: {error}") from None
