"""Simulations that are compared: each run that counts against that of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwsim.api import load_trace, simulate
from hwsim.arch.differences import differences
from hwsim.arch.settings import Settings, as_overrides
from hwsim.comparison.accuracy import Side, at_equal_accuracy
from hwsim.comparison.forms import area_form, energy_form, ratio, shared_share
from hwsim.comparison.found import Compared, Comparison, Payer, Versus
from hwsim.comparison.sentences import sentences
from hwsim.comparison.spread import Sampled, relative_error
from hwsim.comparison.subjects import Subject, labelled
from hwsim.contract.run import RunName
from hwsim.designs import Architecture, load_architecture
from hwsim.errors import UsageError
from hwsim.originals import complete, design_of
from hwsim.printable import cut
from hwsim.report.file import read_report
from hwsim.report.report import Figure, Report, Run
from hwsim.report.shares import sums
from hwsim.traces.trace import AnyTrace

Comparable = Report | Architecture | str | Path | tuple[Architecture | str | Path, AnyTrace | str | Path]
"""A report or the path of one, a design, or a design with a trace of its own."""


def compare(
    *subjects: Comparable,
    trace: AnyTrace | str | Path | None = None,
    set: Settings = None,  # noqa: A002 - as on the command line
    run: str | None = None,
    samples: int | None = None,
) -> Comparison:
    """Simulations against the first of them.

    Args:
        subjects: at least two: reports or paths of them that end in `.json`, designs as `simulate` takes them, or pairs
            of a design and its own trace.
        trace: of designs without one of their own.
        set: values to change, of the last design.
        run: which run of each; without it the last one that is neither a stream nor learning.
        samples: only the first recorded samples, of designs.

    Raises:
        HwsimError: as `simulate` does; UsageError for fewer than two, and for a design without a trace.

    """
    if len(subjects) < 2:
        raise UsageError("subjects: wanted at least two reports or designs to compare")
    settings = as_overrides(set, "set")
    kept: dict[str, AnyTrace] = {}
    found = []
    for place, subject in enumerate(subjects):
        own = settings if place == len(subjects) - 1 else []
        found.append(_subject(subject, trace, own, samples, kept))
    return _compared([(subject, _run(subject.report, run)) for subject in labelled(found)])


def _subject(
    subject: Comparable,
    trace: AnyTrace | str | Path | None,
    settings: Sequence[str],
    samples: int | None,
    kept: dict[str, AnyTrace],
) -> Subject:
    if isinstance(subject, str | Path) and str(subject).endswith(".json"):
        report = read_report(Path(subject))
        return _of_report(report, Path(subject).stem, Path(subject).parent, settings)
    if isinstance(subject, Report):
        return _of_report(subject, "", Path(), settings)
    design_part, trace_part = subject if isinstance(subject, tuple) else (subject, trace)
    if trace_part is None:
        raise UsageError("trace: designs are compared on a trace, which is missing")
    design = load_architecture(design_part, settings)
    if isinstance(trace_part, str | Path):
        trace_part = kept.setdefault(str(trace_part), load_trace(trace_part))
    report = simulate(design, trace_part, samples=samples, keep=True)
    if report.early_exit is not None:
        report = simulate(design, trace_part, samples=samples, keep=True, exit_thresholds=True)
    return Subject("", report, design, trace_part.coding)


def _of_report(report: Report, name: str, beside: Path, settings: Sequence[str]) -> Subject:
    if settings:
        raise UsageError("set: is of a design, and the last is a report")
    return Subject(name, complete(report), design_of(report, beside), "")


def _run(report: Report, name: str | None) -> Run:
    """The run that is asked for, else the last that is neither a stream nor learning."""
    if name is not None:
        return report.run(name)
    able = [run for run in report.runs if run.name is not RunName.STREAMED and not run.name.learns]
    return (able or report.runs)[-1]


def _compared(subjects: Sequence[tuple[Subject, Run]]) -> Comparison:
    described = tuple(_described(subject, run) for subject, run in subjects)
    first = subjects[0]
    versus = [_versus(other, first, described[place], described[0]) for place, other in enumerate(subjects) if place]
    return Comparison(described, tuple(versus))


def _described(subject: Subject, run: Run) -> Compared:
    report = subject.report
    summary = report.summary(run.name)
    return Compared(
        name=subject.name,
        design=str(report.architecture["file"]),
        settings=tuple(report.architecture["overrides"]),
        machine=str(report.architecture["machine"]),
        trace=str(report.trace["name"]),
        coding=subject.coding,
        run=str(run.name),
        samples=len(run.samples.timesteps),
        timesteps=run.timesteps.value,
        accuracy=summary["accuracy"],
        accuracy_standard_error=summary["accuracy_standard_error"],
        accuracy_of=str(summary["accuracy_of"]),
        energy_pj=run.energy_pj,
        latency_ns=run.latency_ns,
        edp_pj_ns=run.edp_of_means_pj_ns,
        area_mm2=report.area_mm2,
    )


def _versus(one: tuple[Subject, Run], first: tuple[Subject, Run], this: Compared, reference: Compared) -> Versus:
    (subject, run), (base, base_run) = one, first
    paired = _same_trace(subject.report, base.report) and this.samples == reference.samples
    forms = energy_form(subject.report, run), energy_form(base.report, base_run)
    energy, latency = _energy(one, first, paired), _latency(one, first, paired)
    area = ratio(area_form(subject.report), area_form(base.report))
    equal, why_not = at_equal_accuracy(
        Side.of(subject.name, subject.report, run), Side.of(base.name, base.report, base_run)
    )
    found = Versus(
        name=this.name,
        reference=reference.name,
        energy=energy,
        latency=latency,
        edp=_edp(one, first, paired, energy, latency),
        area=None if area is None else Figure(area[0], 0.0, *area[1:]),
        shared=shared_share(*forms),
        paired=paired,
        unlike=tuple(_unlike(subject, base, this, reference)),
        components=_payers(run, base_run, "component"),
        layers=_payers(run, base_run, "layer"),
        differences=_differences(subject.design, base.design),
        equal_accuracy=equal,
        no_equal_accuracy=why_not,
    )
    return replace(found, sentences=sentences(found, this, reference))


def _energy(one: tuple[Subject, Run], first: tuple[Subject, Run], paired: bool) -> Figure:
    (subject, run), (base, base_run) = one, first
    found = ratio(energy_form(subject.report, run), energy_form(base.report, base_run))
    if found is None:
        raise UsageError(
            f"compare: {cut(base.name, 40)} takes no energy at the lowest of prices, so nothing is a ratio"
        )
    value, low, high = found
    error = _error(one, first, "energy_pj", paired)
    return Figure(value, None if error is None else value * error, low, high)


def _latency(one: tuple[Subject, Run], first: tuple[Subject, Run], paired: bool) -> Figure | None:
    above, below = one[1].latency_ns, first[1].latency_ns
    if above is None or below is None or not below.value:
        return None
    value, error = above.value / below.value, _error(one, first, "latency_ns", paired)
    return Figure(value, None if error is None else value * error, value, value)


def _error(one: tuple[Subject, Run], first: tuple[Subject, Run], field: str, paired: bool) -> float | None:
    sides = [Sampled.of(subject.report, run, field) for subject, run in (one, first)]
    return relative_error(sides[0], sides[1], paired)


def _edp(
    one: tuple[Subject, Run], first: tuple[Subject, Run], paired: bool, energy: Figure, latency: Figure | None
) -> Figure | None:
    """Of the means: its interval is that of the energy, since latency has none; its error takes both as one sample."""
    if latency is None:
        return None
    products = []
    for subject, run in (one, first):
        pj, ns = (Sampled.of(subject.report, run, field) for field in ("energy_pj", "latency_ns"))
        products.append(Sampled(pj.relative() + ns.relative(), pj.leaving))
    error = relative_error(products[0], products[1], paired)
    value = energy.value * latency.value
    # The mean of a sum of two relative figures is 2, so that the error of the sum is twice what is asked for.
    return Figure(
        value,
        None if error is None else 2 * value * error,
        energy.low * latency.value,
        energy.high * latency.value,
    )


def _same_trace(report: Report, base: Report) -> bool:
    return bool(report.trace["sha256"]) and report.trace["sha256"] == base.trace["sha256"]


def _unlike(subject: Subject, base: Subject, this: Compared, reference: Compared) -> list[str]:
    """What makes a comparison one of more than hardware."""
    found = []
    if this.machine != reference.machine:
        found.append(f"machines {this.machine} and {reference.machine}")
    technologies = [_technology(each) for each in (subject, base)]
    if all(technologies) and technologies[0] != technologies[1]:
        found.append(f"technologies {technologies[0]} and {technologies[1]}")
    if not _same_trace(subject.report, base.report):
        found.append(f"traces '{this.trace}' and '{reference.trace}'")
    if this.coding and reference.coding and this.coding != reference.coding:
        found.append(f"codings {this.coding} and {reference.coding}")
    if subject.report.trace["dataset"] != base.report.trace["dataset"]:
        found.append(f"tasks {subject.report.trace['dataset']} and {base.report.trace['dataset']}")
    if this.run != reference.run:
        found.append(f"runs {this.run} and {reference.run}")
    if this.samples != reference.samples:
        found.append(f"samples {this.samples} and {reference.samples}")
    return found


def _technology(subject: Subject) -> str:
    if subject.design is None:
        return ""
    technology = subject.design.spec.technology
    return f"{technology.node_nm:g} nm at {technology.vdd_v:g} V"


def _payers(run: Run, base: Run, field: str) -> tuple[Payer, ...]:
    own, others = (dict(sums((getattr(row, field), row.energy_pj) for row in each.rows)) for each in (run, base))
    names = dict.fromkeys([*own, *others])
    payers = [Payer(name, own.get(name, 0.0), others.get(name, 0.0)) for name in names]
    return tuple(sorted(payers, key=lambda payer: -abs(payer.difference_pj)))


def _differences(design: Architecture | None, base: Architecture | None) -> Mapping[str, tuple[Any, Any]] | None:
    """The first's value, then this one's, of each key; none where machines differ, since hardly any key is of both."""
    if design is None or base is None or design.machine != base.machine:
        return None
    return differences(base, design)
