"""One simulation with what explains it, from a report or from a design and a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from hwsim import arguments
from hwsim.api import Simulated, simulated
from hwsim.arch.settings import Settings
from hwsim.contract.dense import BaselineKind
from hwsim.contract.run import RunName
from hwsim.designs import Architecture
from hwsim.errors import UsageError, guess
from hwsim.explanation.path import Fold, PathJob, PathRun, by_stage, folded, jobs_on, merged
from hwsim.explanation.remedies import Remedy, remedies
from hwsim.explanation.terms import AreaTerm, EnergyTerm, area_terms, energy_terms, named
from hwsim.originals import originals
from hwsim.report.price import PricedRun
from hwsim.report.report import Report
from hwsim.run.replay import replay
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.trace import AnyTrace

if TYPE_CHECKING:
    from hwsim.traces.plastic.session import Session

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class LatencyPath:
    """The jobs that a sample's answer hangs on, which together take as long as its latency."""

    run: RunName
    sample: int
    samples: int  # of the run
    timesteps: int  # that the sample takes
    latency_cycles: int
    mean_cycles: float  # latency of all samples
    clock_mhz: float
    jobs: Sequence[PathJob]  # in the order of time; of a stage, layer or unit those of it alone
    remedies: Sequence[Remedy]  # the best first
    wake_ns: float | None  # that a period has on top of it

    @property
    def runs(self) -> list[PathRun]:
        """Neighbours of one stage and cause as one."""
        return merged(self.jobs)

    @property
    def folds(self) -> list[Fold]:
        """The path in order with patterns that repeat told once."""
        return folded(self.jobs)

    @property
    def by_stage(self) -> list[PathRun]:
        """All of one stage and cause as one, most cycles first."""
        return by_stage(self.jobs)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A simulation that can be asked where its energy, area and latency come from."""

    simulated: Simulated
    of: Report | None = None  # that was to be explained, where it was read

    def __repr__(self) -> str:
        """What is explained."""
        return f"<Explanation of {self.report!r}>"

    @property
    def report(self) -> Report:
        """Of the simulation."""
        return self.simulated.report

    @property
    def differs(self) -> str:
        """In words where a report that was read has another energy than the simulation; '' where not."""
        for before in [] if self.of is None else self.of.runs:
            now = self.report.run(before.name)
            if abs(now.energy_pj.value - before.energy_pj.value) > _SAME * before.energy_pj.value:
                return (
                    f"the report has {before.energy_pj.value:.6g} pJ for run {before.name}, and this hwsim finds "
                    f"{now.energy_pj.value:.6g} pJ, which is what is explained"
                )
        return ""

    def energy(self, name: str | None = None, run: str | None = None) -> list[EnergyTerm]:
        """Count, price and energy of every action of a run by component and layer, the largest first.

        `name` picks a component or a layer, `run` a run or baseline; without one it is the last run.  All terms
        together are the mean energy of an inference.

        Raises UsageError for what there is not.
        """
        return named(energy_terms(self.simulated.run(run)), name, "the energy")

    def area(self, name: str | None = None) -> list[AreaTerm]:
        """Number, area and leakage of every component, the largest first, or of the one that is named.

        Raises UsageError for what there is not; layers have no area of their own.
        """
        return named(area_terms(self.simulated.runs[-1]), name, "the area")

    def latency(self, name: str | None = None, run: str | None = None, sample: int | None = None) -> LatencyPath:
        """The critical path of a sample of a run, and what would shorten it.

        `name` picks jobs of a stage, layer or unit and what would shorten those; `run` is a run or baseline, without
        one the last; `sample` is one by its place among those of the run, without one that of a latency nearest the
        mean.

        Raises UsageError for what there is not, and where nothing is timed.
        """
        this = self.simulated.run(run)
        if not this.workload.timed:
            raise UsageError("latency: this design is an equation of energy, which has no time")
        leaves = self.report.run(this.name).samples.timesteps
        ends = this.tally.step_end_cycles[np.arange(this.n_samples), np.array(leaves) - 1]
        mean = float(ends.mean())
        at = int(np.abs(ends - mean).argmin()) if sample is None else _sample(sample, this)
        of_batches = this.name if this.name in this.workload.runs else this.workload.runs[0]
        played = replay(this.workload, of_batches, at, leaves[at], self.simulated.engine)
        check_unchanged(self.simulated.trace)
        jobs = _of(jobs_on(played), name)
        period = self.report.run(this.name).period
        mean_latency = self.report.run(this.name).latency_ns
        return LatencyPath(
            run=this.name,
            sample=at,
            samples=this.n_samples,
            timesteps=leaves[at],
            latency_cycles=played.latency_cycles,
            mean_cycles=mean,
            clock_mhz=this.clock_mhz,
            jobs=jobs,
            remedies=remedies(played, by_stage(jobs), self.simulated.engine),
            wake_ns=None if period is None or mean_latency is None else period.latency_ns.value - mean_latency.value,
        )


def explain(
    subject: Report | Architecture | str | Path,
    trace: AnyTrace | str | Path | None = None,
    *,
    architecture: Architecture | str | Path | None = None,
    set: Settings = None,  # noqa: A002 - as on the command line
    samples: int | None = None,
) -> Explanation:
    """Where energy, area and latency come from: of a report, or of a design on a trace.

    Args:
        subject: a report, a path of one that ends in `.json`, or a design as `simulate` takes it.
        trace: a trace as `simulate` takes it; of a report the file it was made of, where that is not found.
        architecture: of a report the file of its design, where that is not found.
        set: values to change, of a design.
        samples: only the first recorded samples, of a design.

    Raises:
        HwsimError: as `simulate` does; UsageError where the design or the trace of a report is not found, or is another
            one than the report has by its digest.

    """
    if isinstance(subject, str | Path) and str(subject).endswith(".json"):
        from hwsim.report.file import read_report

        return _of_report(read_report(Path(subject)), Path(subject).parent, architecture, trace)
    if isinstance(subject, Report):
        return _of_report(subject, Path(), architecture, trace)
    if trace is None:
        raise UsageError("trace: a design is explained on a trace, which is missing")
    return Explanation(simulated(subject, trace, set=set, samples=samples, accuracy_samples=0))


def _of_report(
    report: Report, beside: Path, architecture: Architecture | str | Path | None, trace: AnyTrace | str | Path | None
) -> Explanation:
    found = originals(report, beside, architecture, trace)
    options = report.options
    again = partial(
        simulated,
        found.architecture,
        found.trace,
        samples=options["samples"],
        functional=options["functional"],
        baselines=_baselines(report),
        session=_session(report),
        accuracy_samples=0,
    )
    played = again()
    if played.report.options["timesteps"] != options["timesteps"]:
        played = again(timesteps=options["timesteps"])
    return Explanation(played, report)


def _baselines(report: Report) -> list[BaselineKind]:
    """Those that a report has."""
    names = {str(run.name) for run in report.baselines}
    return [kind for kind in get_args(BaselineKind) if kind in names]


def _session(report: Report) -> Session | None:
    """The phases of a report of a machine that learns."""
    phases = [run.name for run in report.runs if run.name.is_phase]
    if len(phases) != 1:
        return None
    from hwsim.traces.plastic.session import Session

    return Session(phase="train" if phases[0] is RunName.TRAIN else "infer")


def _sample(sample: int, run: PricedRun) -> int:
    return arguments.within("sample", sample, 0, run.n_samples - 1)


def _of(jobs: list[PathJob], name: str | None) -> list[PathJob]:
    """Those of a stage, a layer or a unit."""
    if name is None:
        return jobs
    for field in ("stage", "layer", "unit"):
        if found := [job for job in jobs if getattr(job, field) == name]:
            return found
    known = list(dict.fromkeys(each for job in jobs for each in (job.stage, job.layer, job.unit) if each))
    raise UsageError(f"NAME: nothing on the path is called '{name}'{guess(name, known)}; there are {', '.join(known)}")
