"""The three verbs from Python: lower a trace on an architecture, run it, price it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, cast, get_args

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
from hwsim.errors import UsageError, guess
from hwsim.example import EXAMPLE, trace_file
from hwsim.later import function
from hwsim.printable import one_line
from hwsim.report.assemble import assemble
from hwsim.report.judgement import judge
from hwsim.report.price import PricedRun, price
from hwsim.report.report import Report
from hwsim.run.kept_play import first_kept, kept_play
from hwsim.run.play import play
from hwsim.run.tally import Tallies
from hwsim.traces.codings import is_trace
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.footprint import check_playable
from hwsim.traces.io import read_trace
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace
from hwsim.units import ns_from_text

if TYPE_CHECKING:
    from hwsim.components.pricing.price import Priced
    from hwsim.contract.machine import Accelerator
    from hwsim.traces.plastic.session import Session

_P = ParamSpec("_P")
_PLAYS = "Play a trace on an architecture: energy, time, area and memory of every part.\n\n"
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
    """Play a trace on an architecture, as `simulate` does, and give what its report was made of, too.

    With `keep` nothing of it can be played again.

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

    Returns:
        a Report: `.energy` (pJ), `.latency` (ns), `.edp` (pJ x ns) and `.bottleneck` of its last run, `.run(name)` any
        run, `.to_table()` the first screen, `.rows()` and `.summary()` for data frames, `.to_json(path)`.

    Raises:
        HwsimError: the network does not fit the machine, options contradict the trace, or an argument is no such thing
            at all, which the message names.

    """
    design = _design(architecture, set, period, stream)
    if isinstance(trace, str | Path):
        trace = load_trace(trace)
    arguments.such("trace", trace, is_trace, "a path or what load_trace gives")
    asked = _Asked(
        samples=arguments.whole_or_none("samples", samples),
        timesteps=arguments.whole_or_none("timesteps", timesteps),
        accuracy_samples=arguments.whole_or_none("accuracy_samples", accuracy_samples),
        jobs=arguments.whole("jobs", jobs),
        engine=engines.resolve(arguments.one_of("engine", engine, get_args(EngineName))),
        functional=arguments.flag("functional", functional),
        exit_thresholds=None if exit_thresholds is None else arguments.flag("exit_thresholds", exit_thresholds),
        baselines=_kinds(baselines),
        session=session,
        keep=arguments.flag("keep", keep) and session is None and not functional,
        occupancy=arguments.flag("occupancy", occupancy),
    )
    if session is not None:
        from hwsim.traces.plastic.session import Session

        arguments.instance("session", session, Session, "a Session")
    check_coding(design, trace)
    check_unchanged(trace)
    return _simulated(design, trace, asked)


def _reporting(call: Callable[_P, Simulated]) -> Callable[_P, Report]:
    """The same call for the report alone; an argument that there is not is named with a guess."""
    form = signature(call)
    known = form.parameters.keys()

    def simulate(*arguments: _P.args, **named: _P.kwargs) -> Report:
        if not named.keys() <= known:
            name = next(name for name in named if name not in known)
            raise TypeError(f"simulate() has no argument '{name}'{guess(name, known)}")
        return call(*arguments, **named).report

    simulate.__doc__ = _PLAYS + "".join((call.__doc__ or "").partition("    Args:")[1:])
    simulate.__signature__ = form.replace(return_annotation="Report")  # type: ignore[attr-defined]
    simulate.__qualname__ = "simulate"
    return simulate


simulate = _reporting(simulated)


class _Asked(NamedTuple):
    """Arguments of `simulated` beside the design and the trace, each of them what it is to be."""

    samples: int | None
    timesteps: int | None
    accuracy_samples: int | None
    jobs: int
    engine: EngineName
    functional: bool
    exit_thresholds: bool | None
    baselines: Sequence[BaselineKind]
    session: Session | None
    keep: bool
    occupancy: bool


def _design(
    architecture: Architecture | str | Path, settings: Settings, period: float | str | None, stream: bool
) -> Architecture:
    """A design with some values changed; one that is loaded already is taken as it is where none are."""
    arguments.instance(
        "architecture", architecture, (str, Path, Loaded), "a name, a path or what load_architecture gives"
    )
    overrides = [*as_overrides(settings), *operated_so(period, arguments.flag("stream", stream))]
    if isinstance(architecture, Loaded) and not overrides:
        return architecture
    return load_architecture(architecture, overrides)


def _kinds(baselines: Sequence[BaselineKind]) -> list[BaselineKind]:
    """Kinds of networks without spikes; raises UsageError for what is none."""
    names, known = arguments.texts("baselines", baselines), get_args(BaselineKind)
    return [cast("BaselineKind", arguments.one_of("baselines", name, known)) for name in names]


def _simulated(design: Architecture, trace: AnyTrace, asked: _Asked) -> Simulated:
    """Lower, play and price a trace; what cannot be is refused before any of it is played."""
    recorded = (first_kept if asked.keep else first)(trace, asked.samples, asked.timesteps)
    check_playable(recorded)

    def played(workload: Workload) -> Tallies:
        return _play(workload, asked.engine, asked.jobs)

    with placed(design, lambda other: lowered(other, trace)):
        work = _lowered(design, recorded, asked, played)
        dense = {RunName(kind): _without_spikes(design, work.trace, kind) for kind in asked.baselines}
        own = work.trace if asked.functional else None
        judged, accuracy_of = judge(work.machine, recorded, work.workload, own, asked.accuracy_samples)
        work = work._replace(workload=judged)
    if asked.exit_thresholds:
        _exits_of(work.workload)
    runs = work.priced(played)
    baselines = {name: replace(*other.priced(played), name=name) for name, other in dense.items()}
    occupied = _occupancies(work.workload, asked.engine) if asked.occupancy else {}
    check_unchanged(trace)

    def options() -> Mapping[str, Any]:
        return {
            "without_effect": _without_effect(design, recorded, asked.baselines),
            "engine": asked.engine,
            "functional": asked.functional,
        }

    curved = work.workload.exits is not None if asked.exit_thresholds is None else asked.exit_thresholds
    curve = _exit_curve(work.workload, runs, accuracy_of.whose) if curved else None
    sized, arithmetic = replace(design, spec=work.machine.spec), work.machine.arithmetic
    notes = {**work.notes, **_capacities(design, work, dense)}
    report = assemble(sized, work.trace, runs, notes, options, arithmetic, accuracy_of, baselines, curve, occupied)
    return Simulated(report, sized, work.trace, runs, [*baselines.values()], asked.engine)


class _Work(NamedTuple):
    """What is to be played, or of what is kept was, on a machine with memories for it."""

    machine: Accelerator[Any, Any]
    trace: AnyTrace
    workload: Workload
    parts: Mapping[str, Priced]
    notes: Mapping[str, Any]
    tallies: Tallies | None = None

    def priced(self, played: Callable[[Workload], Tallies]) -> list[PricedRun]:
        """Its runs with their prices, played now where they were not."""
        return price(self.tallies or played(self.workload), self.workload, self.parts, self.machine.clock_mhz)


def _lowered(design: Architecture, trace: AnyTrace, asked: _Asked, played: Callable[[Workload], Tallies]) -> _Work:
    """The work of a trace, or of what the machine's own arithmetic makes of it; played and kept where that is asked."""
    notes: Mapping[str, Any] = {}
    machine = machine_for(design, trace)
    if asked.functional:
        run = machine.functional(trace)
        trace, notes = run.trace, run.notes
        machine = machine_of(design).sized_for(trace)
    if asked.keep:
        workload, tallies = kept_play(machine, trace, played)
        return _Work(machine, trace, workload, machine.components(workload), notes, tallies)
    work = machine.lower(trace) if asked.session is None else machine.learn(trace, asked.session)
    workload = operated(work, machine.spec.operating)
    return _Work(machine, trace, workload, machine.components(workload), notes)


def _without_spikes(design: Architecture, trace: AnyTrace, kind: BaselineKind) -> _Work:
    """The work of the same network without spikes."""
    machine = machine_of(design).sized_for(trace, kind)
    workload = machine.baseline(trace, kind)
    return _Work(machine, trace, workload, machine.components(workload), {})


def _capacities(design: Architecture, work: _Work, dense: Mapping[RunName, _Work]) -> Mapping[str, str]:
    """What memories of `capacity_kib: auto` are taken to be for the network, and for those in its place."""
    unsized = machine_of(design)
    if not unsized.spec.auto_memories:
        return {}
    works = {"": work, **{f", {name}": other for name, other in dense.items()}}
    return {f"capacity_kib: auto{whose}": each.machine.sizes_beside(unsized) for whose, each in works.items()}


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


def _play(workload: Workload, engine: EngineName, jobs: int) -> Tallies:
    if jobs == 1:
        return play(workload, engine)
    from hwsim.run.processes import play_in_processes

    return play_in_processes(workload, engine, jobs)
