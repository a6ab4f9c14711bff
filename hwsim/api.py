"""The three verbs from Python: lower a trace on an architecture, run it, price it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from hwsim import arguments
from hwsim import engine as engines
from hwsim.arch.loader import Architecture as Loaded
from hwsim.arch.settings import Settings, as_overrides
from hwsim.contract.dense import BaselineKind
from hwsim.contract.operating import operated
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.designs import (
    Architecture,
    check_coding,
    components,
    load_architecture,
    lowered,
    machine_for,
    machine_of,
    placed,
)
from hwsim.engine import EngineName
from hwsim.errors import UsageError
from hwsim.example import EXAMPLE, trace_file
from hwsim.later import function
from hwsim.printable import one_line
from hwsim.report.assemble import assemble
from hwsim.report.judgement import judge
from hwsim.report.price import PricedRun, price
from hwsim.report.report import Report
from hwsim.run.kept_play import first_kept, kept_play
from hwsim.run.play import Tallies, play
from hwsim.traces.codings import is_trace
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.footprint import check_playable
from hwsim.traces.io import read_trace
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace
from hwsim.units import ns_from_text

if TYPE_CHECKING:
    from hwsim.traces.plastic.session import Session

_exit_curve = function("hwsim.report.early_exit", "exit_curve")
_exits_of = function("hwsim.report.early_exit", "exits_of")
_occupancies = function("hwsim.run.occupancy", "occupancy")
_without_effect = function("hwsim.effects", "without_effect")

__all__ = [
    "Architecture",
    "Simulated",
    "components",
    "load_architecture",
    "load_example",
    "load_trace",
    "simulate",
    "simulated",
]


@dataclass(frozen=True, slots=True)
class Simulated:
    """A report with what it was made of: the design, the trace that was played, and runs with their prices."""

    report: Report
    architecture: Architecture
    trace: AnyTrace
    runs: Sequence[PricedRun]
    baselines: Sequence[PricedRun]
    engine: EngineName

    def run(self, name: str | None = None) -> PricedRun:
        """A run or baseline by its name, as `Report.run` takes it; without one the last run.

        Raises UsageError with a guess if the simulation had none of that name.
        """
        wanted = self.report.runs[-1].name if name is None else self.report.run(name).name
        return next(run for run in (*self.runs, *self.baselines) if run.name == wanted)


def load_trace(path: str | Path) -> AnyTrace:
    """A trace file, checked before use; `example` is the one that comes with hwsim, unless there is such a file.

    Raises TraceError in one line for anything wrong with the file, UsageError for what is no path.
    """
    arguments.instance("path", path, (str, Path), "a path")
    return read_trace(trace_file(path))


def load_example() -> AnyTrace:
    """The trace that comes with hwsim: 16 images of MNIST on a small convolutional network of four timesteps."""
    return read_trace(EXAMPLE)


def simulate(
    architecture: Architecture | str | Path,
    trace: AnyTrace | str | Path,
    *,
    set: Settings = None,  # noqa: A002 - as on the command line
    samples: int | None = None,
    timesteps: int | None = None,
    engine: EngineName = "auto",
    functional: bool = False,
    exit_thresholds: bool | None = False,
    baselines: Sequence[BaselineKind] = (),
    jobs: int = 1,
    accuracy_samples: int | None = None,
    session: Session | None = None,
    keep: bool = False,
    period: float | str | None = None,
    stream: bool = False,
    occupancy: bool = False,
) -> Report:
    """Play a trace on an architecture: energy, time, area and memory of every part.

    Args:
        architecture: the name of a shipped design, a path, or what `load_architecture` gave.
        trace: a path, `example`, or what `load_trace`, a constructor or `hwsim.traces.direct.synth` gave.
        set: values to change, as `{"adc.bits": 6}`, `{"adc": {"bits": 6}}`, `[("adc.bits", 6)]` or `["adc.bits=6"]`.
        samples: only the first recorded samples.
        timesteps: only the first timesteps.
        engine: `simpy` (the reference), `compiled` (equal, faster) or `auto`, the compiled one.
        functional: first run the network on its raw inputs in the machine's own arithmetic, and play what that gives.
        exit_thresholds: also say what every threshold of early exit would cost, in `Report.exit_curve`; None: where
            samples can leave early.
        baselines: also run the same network without spikes: `ann`, `qann` or both.
        accuracy_samples: raw inputs that are run for the accuracy of this hardware where it may differ from the exact
            network's; 0 for none; unless given up to 128, fewer where that is much work.
        jobs: processes that share the samples; the report is the same for any number.
        session: for machines that learn, which phases to run, what to tell of progress and where to keep the outcome.
        keep: keep with the trace what this simulation finds, for designs that differ little: one with other prices is
            then only priced anew, one with other times only timed.
        period: one inference every so many ns, or `"1s"`, `"20ms"`, `"5us"`: short for `operating.period_ns`.
        occupancy: also say what every stage does over time while the first sample of each run is played, in
            `Run.occupancy`.
        stream: also play samples as closely as they can follow each other: short for `operating.stream`.

    Raises:
        HwsimError: the network does not fit the machine, options contradict the trace, or an argument is no such thing
            at all, which the message names.

    """
    return simulated(
        architecture,
        trace,
        set=set,
        samples=samples,
        timesteps=timesteps,
        engine=engine,
        functional=functional,
        exit_thresholds=exit_thresholds,
        baselines=baselines,
        jobs=jobs,
        accuracy_samples=accuracy_samples,
        session=session,
        keep=keep,
        period=period,
        stream=stream,
        occupancy=occupancy,
    ).report


def simulated(
    architecture: Architecture | str | Path,
    trace: AnyTrace | str | Path,
    *,
    set: Settings = None,  # noqa: A002 - as on the command line
    samples: int | None = None,
    timesteps: int | None = None,
    engine: EngineName = "auto",
    functional: bool = False,
    exit_thresholds: bool | None = False,
    baselines: Sequence[BaselineKind] = (),
    jobs: int = 1,
    accuracy_samples: int | None = None,
    session: Session | None = None,
    keep: bool = False,
    period: float | str | None = None,
    stream: bool = False,
    occupancy: bool = False,
) -> Simulated:
    """What `simulate` does, with what the report was made of; with `keep` nothing can be played again.

    Raises HwsimError as `simulate` does.
    """
    arguments.instance(
        "architecture", architecture, (str, Path, Loaded), "a name, a path or what load_architecture gives"
    )
    overrides = [*as_overrides(set), *operated_so(period, arguments.flag("stream", stream))]
    if not isinstance(architecture, Loaded) or set is not None or overrides:
        architecture = load_architecture(architecture, overrides)
    if isinstance(trace, str | Path):
        trace = load_trace(trace)
    arguments.such("trace", trace, is_trace, "a path or what load_trace gives")
    samples = arguments.whole_or_none("samples", samples)
    timesteps = arguments.whole_or_none("timesteps", timesteps)
    accuracy_samples = arguments.whole_or_none("accuracy_samples", accuracy_samples)
    jobs = arguments.whole("jobs", jobs)
    engine = engines.resolve(arguments.one_of("engine", engine, get_args(EngineName)))
    functional = arguments.flag("functional", functional)
    if exit_thresholds is not None:
        exit_thresholds = arguments.flag("exit_thresholds", exit_thresholds)
    for kind in arguments.texts("baselines", baselines):
        arguments.one_of("baselines", kind, get_args(BaselineKind))
    if session is not None:
        from hwsim.traces.plastic.session import Session

        arguments.instance("session", session, Session, "a Session")
    keep = arguments.flag("keep", keep) and session is None and not functional
    check_coding(architecture, trace)
    check_unchanged(trace)
    short = recorded = _first(trace, samples, timesteps, keep)
    check_playable(short)
    notes: Mapping[str, Any] = {}
    tallies: Tallies | None = None
    unsized = machine_of(architecture)
    with placed(architecture, lambda design: lowered(design, trace)):
        machine = machine_for(architecture, short)
        if functional:
            run = machine.functional(short)
            short, notes = run.trace, run.notes
            machine = unsized.sized_for(short)
        if keep:
            workload, tallies = kept_play(machine, short, lambda workload: _play(workload, engine, jobs))
        else:
            asked = machine.lower(short) if session is None else machine.learn(short, session)
            workload = operated(asked, machine.spec.operating)
        parts = machine.components(workload)
        # Like the exits below: what cannot be is refused before the time is spent.
        their_machines = {kind: unsized.sized_for(short, kind) for kind in baselines}
        without_spikes = {kind: other.baseline(short, kind) for kind, other in their_machines.items()}
        their_parts = {kind: their_machines[kind].components(other) for kind, other in without_spikes.items()}
        workload, accuracy_of = judge(machine, recorded, workload, short if functional else None, accuracy_samples)
    if exit_thresholds:
        _exits_of(workload)
    if unsized.spec.auto_memories:
        runs_on = {"": machine, **{f", {kind}": other for kind, other in their_machines.items()}}
        taken = {f"capacity_kib: auto{run}": other.sizes_beside(unsized) for run, other in runs_on.items()}
        notes = {**notes, **taken}
    runs = price(tallies or _play(workload, engine, jobs), workload, parts, machine.clock_mhz)
    dense: dict[RunName, PricedRun] = {}
    for kind, other in without_spikes.items():
        (only,) = price(_play(other, engine, jobs), other, their_parts[kind], machine.clock_mhz)
        dense[RunName(kind)] = replace(only, name=RunName(kind))

    def options() -> Mapping[str, Any]:
        return {
            "without_effect": _without_effect(architecture, recorded, baselines),
            "engine": engine,
            "functional": functional,
        }

    occupied = _occupancies(workload, engine) if arguments.flag("occupancy", occupancy) else {}
    check_unchanged(trace)
    curved = workload.exits is not None if exit_thresholds is None else exit_thresholds
    curve = _exit_curve(workload, runs, accuracy_of.whose) if curved else None
    sized = replace(architecture, spec=machine.spec)
    report = assemble(sized, short, runs, notes, options, machine.arithmetic, accuracy_of, dense, curve, occupied)
    return Simulated(report, sized, short, runs, [*dense.values()], engine)


def operated_so(period: float | str | None, stream: bool) -> list[str]:
    """Overrides that a period, in ns or as a text with its unit, and a stream are short for.

    Raises UsageError for what is no time.
    """
    found = ["operating.stream=true"] if stream else []
    if period is None:
        return found
    try:
        if isinstance(period, bool):
            raise ValueError(f"wanted a time in ns or such as '20ms', got {period}")
        period_ns = ns_from_text(period) if isinstance(period, str) else float(period)
    except (TypeError, ValueError) as error:
        raise UsageError(f"period: {one_line(str(error))}") from None
    return [*found, f"operating.period_ns={period_ns!r}"]


def _first(trace: AnyTrace, samples: int | None, timesteps: int | None, keep: bool) -> AnyTrace:
    """The first samples and timesteps, one and the same object for each if something is to be kept with it."""
    return (first_kept if keep else first)(trace, samples, timesteps)


def _play(workload: Workload, engine: EngineName, jobs: int) -> Tallies:
    if jobs == 1:
        return play(workload, engine)
    from hwsim.run.processes import play_in_processes

    return play_in_processes(workload, engine, jobs)
