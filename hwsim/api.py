"""The three verbs from Python: lower a trace on an architecture, run it, price it."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hwsim import accelerators, arch
from hwsim import engine as engines
from hwsim.arch.loader import Loaded
from hwsim.components.pricing.price import Priced
from hwsim.contract.machine import Accelerator, BaselineKind
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.errors import ArchitectureError, UsageError
from hwsim.report.assemble import area_figure, area_rows, comparisons, leakage_figure, run_figures, storage_rows
from hwsim.report.baselines import baseline_ratios
from hwsim.report.early_exit import exit_curve, exit_summary, exits_of
from hwsim.report.price import PricedRun, price
from hwsim.report.report import Report, Run
from hwsim.run.processes import play_in_processes
from hwsim.traces.codings import CODINGS, name_of
from hwsim.traces.io import read_trace
from hwsim.traces.plastic.session import Session
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace

Architecture = Loaded[Any]


def load_architecture(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Architecture:
    """An architecture by shipped name or path, with `KEY=VALUE` overrides.

    Raises ArchitectureError in one line for anything wrong with the file or an override.
    """
    return arch.load(name_or_path, accelerators.spec_type, overrides)


def load_trace(path: str | Path) -> AnyTrace:
    """A trace file, checked before use.

    Raises TraceError in one line for anything wrong with the file.
    """
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
        jobs: processes that share the samples; the report is the same for any number.
        session: for machines that learn, which phases to run, what to tell of progress and where to keep the outcome.

    Raises:
        HwsimError: the network does not fit the machine, or options contradict the trace.

    """
    machine = accelerators.machine(architecture.machine)(architecture.spec)
    _check_coding(architecture, machine, trace)
    short = first(trace, samples, timesteps)
    notes: Mapping[str, Any] = {}
    with _placed(architecture):
        if functional:
            run = machine.functional(short)
            short, notes = run.trace, run.notes
        workload = machine.lower(short) if session is None else machine.learn(short, session)
        parts = machine.components(workload)
        # Like the exits below: what cannot be is refused before the time is spent.
        without_spikes = {kind: machine.baseline(short, kind) for kind in baselines}
        their_parts = {kind: machine.components(other) for kind, other in without_spikes.items()}
    if exit_thresholds:
        exits_of(workload)

    def play_and_price(played: Workload, prices: Mapping[str, Priced]) -> list[PricedRun]:
        tallies = play_in_processes(played, engines.resolve(engine, played.n_jobs), jobs)
        return price(tallies, played, prices, machine.clock_mhz)

    runs = play_and_price(workload, parts)
    dense: dict[str, PricedRun] = {}
    for kind, other in without_spikes.items():
        (only,) = play_and_price(other, their_parts[kind])
        dense[kind] = replace(only, name=kind)
    ratios = baseline_ratios(runs, dense, machine.arithmetic)
    chosen = {"engine": engines.resolve(engine, workload.n_jobs), "functional": functional}
    report = _report(architecture, short, runs, notes, chosen)
    return replace(
        report,
        exit_curve=exit_curve(workload, runs) if exit_thresholds else None,
        baselines=[run_figures(run) for run in dense.values()],
        baseline_ratios=ratios,
    )


def _report(
    architecture: Architecture,
    trace: AnyTrace,
    runs: Sequence[PricedRun],
    notes: Mapping[str, Any],
    chosen: Mapping[str, Any],
) -> Report:
    """Everything but what is asked for beside it; `notes` and `chosen` options are shown as they are."""
    workload = runs[-1].workload
    area = area_rows(workload.hardware, runs[-1])
    figures = [run_figures(run) for run in runs]
    _check_finite(architecture, figures)
    return Report(
        architecture=_describe_architecture(architecture),
        trace=_describe_trace(trace),
        options={"samples": trace.n_samples, "timesteps": workload.timesteps, **chosen},
        versions={"hwsim": version("hwsim"), "python": platform.python_version(), "numpy": version("numpy")},
        runs=figures,
        early_exit=exit_summary(workload, figures, area),
        exit_curve=None,
        comparisons=comparisons(runs),
        baselines=[],
        baseline_ratios=[],
        accuracy_by_timestep=trace.accuracy_by_timestep(),
        area=area,
        area_mm2=area_figure(area),
        leakage_uw=leakage_figure(runs[-1]),
        storage=storage_rows(workload.hardware),
        notes={"spikes per neuron and timestep": dict(trace.spike_rates()), **workload.hardware.notes, **notes},
    )


def _check_finite(architecture: Architecture, runs: Sequence[Run]) -> None:
    for run in runs:
        if not all(math.isfinite(figure) for figure in (run.energy_pj.high, run.edp_pj_ns.high, run.power_uw)):
            raise ArchitectureError(
                f"{architecture.path}: prices or sizes are so extreme that the energy of run '{run.name}' is no number"
            )


def _describe_architecture(architecture: Architecture) -> dict[str, Any]:
    return {
        "machine": architecture.machine,
        "file": architecture.path.name,
        "sha256": architecture.sha256,
        "overrides": list(architecture.overrides),
        "description": architecture.spec.description,
    }


def _describe_trace(trace: AnyTrace) -> dict[str, Any]:
    origin = trace.provenance
    return {
        "name": origin.name,
        "dataset": origin.dataset,
        "split": origin.split,
        "licence": origin.licence,
        "seed": origin.seed,
        "synthetic": origin.synthetic,
        "sha256": trace.sha256,
    }


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
    with _placed(architecture):
        return accelerators.machine(architecture.machine)(architecture.spec).components()


@contextmanager
def _placed(architecture: Architecture) -> Iterator[None]:
    """Put file and line of the key that an error begins with in front of it."""
    try:
        yield
    except ArchitectureError as error:
        key = str(error).partition(":")[0]
        raise ArchitectureError(f"{architecture.place(key)}: {error}") from None
