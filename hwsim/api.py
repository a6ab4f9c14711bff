"""The three verbs from Python: lower a trace on an architecture, run it, price it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hwsim import accelerators, arch
from hwsim import engine as engines
from hwsim.accelerator import STATIC, Accelerator, Workload
from hwsim.arch.loader import Loaded
from hwsim.components.price import Priced
from hwsim.engine import EngineName
from hwsim.errors import ArchitectureError, UsageError
from hwsim.figures import ExitSummary, Report
from hwsim.play import play
from hwsim.report import price
from hwsim.summary import area_figure, area_rows, compare, leakage_figure, run_figures, storage_rows
from hwsim.traces.codings import CODINGS, name_of
from hwsim.traces.io import read_trace
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
) -> Report:
    """Play a trace on an architecture: energy, time, area and memory of every part.

    Args:
        architecture: what `load_architecture` gave.
        trace: what `load_trace` or `hwsim.traces.synth` gave.
        samples: only the first recorded samples.
        timesteps: only the first timesteps.
        engine: `simpy` (the reference), `compiled` (equal, faster) or `auto`.

    Raises:
        HwsimError: the network does not fit the machine, or options contradict the trace.

    """
    machine = accelerators.machine(architecture.machine)(architecture.spec)
    _check_coding(architecture, machine, trace)
    short = first(trace, samples, timesteps)
    with _placed(architecture):
        workload = machine.lower(short)
        parts = machine.components(workload)
    chosen = engines.resolve(engine, workload.n_jobs)
    tallies = play(workload, lambda schedule: engines.run(schedule, chosen))
    runs = price(tallies, workload, parts, machine.clock_mhz)
    area = area_rows(workload.hardware, runs[-1])
    by_name = {run.name: run for run in runs}
    return Report(
        architecture=_describe_architecture(architecture),
        trace=_describe_trace(short),
        options={"samples": short.n_samples, "timesteps": workload.timesteps, "engine": chosen},
        versions={"hwsim": version("hwsim"), "python": platform.python_version(), "numpy": version("numpy")},
        runs=[run_figures(run) for run in runs],
        early_exit=_exit_summary(workload),
        comparisons=[compare(run, by_name[STATIC]) for run in runs if run.name != STATIC],
        accuracy_by_timestep=short.accuracy_by_timestep(),
        area=area,
        area_mm2=area_figure(area),
        leakage_uw=leakage_figure(runs[-1]),
        storage=storage_rows(workload.hardware),
        notes=dict(workload.hardware.notes) | {"spikes per neuron and timestep": dict(short.spike_rates())},
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


def _exit_summary(workload: Workload) -> ExitSummary | None:
    exits = workload.exits
    if exits is None:
        return None
    return ExitSummary(
        rule=exits.rule,
        threshold=exits.threshold,
        chosen_on=exits.chosen_on,
        reported_on=exits.reported_on,
        histogram=[int(n) for n in exits.histogram],
        recorded_timesteps=[int(t) for t in exits.recorded],
    )


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
