"""What would help a design most: changes that its machine offers against what limits it, each simulated."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hwsim import api
from hwsim.arch.nodes import plain
from hwsim.arch.settings import as_overrides, as_text
from hwsim.contract.levers import Lever, Limits
from hwsim.designs import Architecture, load_architecture, machine_of
from hwsim.errors import HwsimError
from hwsim.report.report import Report, Run
from hwsim.report.shares import energy_shares
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace

SAMPLES_TO_CHOOSE, SAMPLES_TO_SAY = 4, 64
JOBS = 200_000
BITS = 400_000_000
"""Recorded samples that candidates are chosen on, and those on which their gains are found; jobs that either plays in
all; and bits of memory in use, which are as good a measure as any of what laying a network out takes, of all
candidates together.  Bounds of work, not of time, so that the same call gives the same advice everywhere; our choice.
"""
_MOST_CANDIDATES, _FEWEST_CANDIDATES = 16, 3
LEAST_GAIN = 0.05
SAME_AREA = 0.01


@dataclass(frozen=True, slots=True)
class Advice:
    """A change by itself, and what it does; ratios are with it over without, on the same samples, below 1 less."""

    what: str
    settings: tuple[str, ...]  # as `--set` takes them
    energy: float
    latency: float | None  # None, as EDP, where nothing is timed
    edp: float | None
    area: float
    samples: int
    run: str  # of which the ratios are
    before: str = ""  # what the key was, where it is one and has a plain value

    @property
    def options(self) -> str:
        """The change as options of the command line."""
        return " ".join(f"--set {shlex.quote(setting)}" for setting in self.settings)

    @property
    def merit(self) -> float:
        """What candidates are ordered by: EDP times area, of equations without time energy times area."""
        return (self.energy if self.edp is None else self.edp) * self.area

    @property
    def helps(self) -> bool:
        """Whether it gains enough in energy or latency, and not at the expense of their product."""
        gained = min(self.energy, 1.0 if self.latency is None else self.latency)
        return gained <= 1 - LEAST_GAIN and (self.edp is None or self.edp < 1)


def advise(architecture: Architecture, trace: AnyTrace, most: int = 3) -> list[Advice]:
    """The changes that help most, each with what it gains when simulated on a few samples.

    Results stay as they are under all of them.  Of each lever that step is taken which costs no area, if any does, and
    of those the one with the least EDP times area; by that levers are ordered then.  What gains less than 5 % in energy
    and in latency is left out, as is what raises the EDP.  None where one sample alone is more work than is spent
    unasked.

    Raises HwsimError as `simulate` does.
    """
    one = max(machine_of(architecture).sized_for(first(trace, 1)).lower(first(trace, 1)).batches.n_jobs, 1)
    if one > JOBS:
        return []
    few = min(trace.n_samples, SAMPLES_TO_CHOOSE, max(JOBS // _MOST_CANDIDATES // one, 1))
    more = min(trace.n_samples, SAMPLES_TO_SAY, JOBS // (most + 1) // one)
    chosen = _chosen(architecture, first(trace, few))[:most]
    if more <= few or not chosen:
        return chosen
    larger = first(trace, more)
    before = _simulated(architecture, larger)
    said = [
        _compared(each.what, each.settings, each.before, before, _with(architecture, each.settings, larger))
        for each in chosen
    ]
    return sorted((each for each in said if each.helps), key=lambda each: each.merit)


def _chosen(architecture: Architecture, trace: AnyTrace) -> list[Advice]:
    """What helps on few samples, best first."""
    before, found = _simulated(architecture, trace), []
    bits = sum(row.used_bits for row in before.storage)
    left = min(_MOST_CANDIDATES, max(_FEWEST_CANDIDATES, BITS // max(bits, 1)))
    for lever in machine_of(architecture).levers(trace, limits_of(before)):
        tried = []
        for advice in _tried(architecture, trace, before, lever):
            left -= 1
            tried += [advice] if advice.helps else []
            if not left:
                break
        if tried:
            found.append(min(tried, key=lambda each: (each.area > 1 + SAME_AREA, each.merit)))
        if not left:
            break
    return sorted(found, key=lambda each: each.merit)


def limits_of(report: Report) -> Limits:
    """What its fullest run comes down to."""
    run = report.runs[0] if report.runs[0].name.learns else report.runs[-1]
    limit = run.bottleneck
    layers = {stage.layer for stage in run.stages if limit is not None and stage.stage == limit.unit}
    used = {row.storage: row.used_bits / row.provided_bits for row in report.storage if row.provided_bits}
    return Limits(
        unit="" if limit is None else limit.unit,
        layer=layers.pop() if len(layers) == 1 else "",
        energy=energy_shares(run).components,
        used=used,
    )


def _simulated(architecture: Architecture, trace: AnyTrace) -> Report:
    return api.simulate(architecture, trace, accuracy_samples=0, keep=True)


def _with(architecture: Architecture, settings: tuple[str, ...], trace: AnyTrace) -> Report:
    return _simulated(load_architecture(architecture, settings), trace)


def _tried(architecture: Architecture, trace: AnyTrace, before: Report, lever: Lever) -> Iterator[Advice]:
    """The steps of a lever that can be built, as far as each is better than the one before."""
    best = math.inf
    for setting in lever.settings:
        settings = tuple(as_overrides(setting))
        try:
            after = _with(architecture, settings, trace)
        except HwsimError:
            continue
        advice = _compared(lever.what, settings, _value(architecture, settings), before, after)
        yield advice
        if advice.merit >= best:
            return
        best = advice.merit


def _compared(what: str, settings: tuple[str, ...], was: str, before: Report, after: Report) -> Advice:
    old, new = before.runs, after.runs
    latency = edp = None
    if all(run.latency_ns is not None for run in old):
        latency = _ratio(old, new, "latency_ns")
        edp = _ratio(old, new, "edp_pj_ns")
    area = after.area_mm2.value / before.area_mm2.value if before.area_mm2.value else 1.0
    this = old[_place(old)]
    return Advice(
        what,
        settings,
        _ratio(old, new, "energy_pj"),
        latency,
        edp,
        area,
        len(this.samples.timesteps),
        str(this.name),
        was,
    )


def _ratio(old: list[Run], new: list[Run], field: str) -> float:
    """Of the last runs; of a machine that learns of learning."""
    place = _place(old)
    return float(getattr(new[place], field).value / getattr(old[place], field).value)


def _place(runs: list[Run]) -> int:
    return 0 if runs[0].name.learns else -1


def _value(architecture: Architecture, settings: Sequence[str]) -> str:
    """What a design has for the key of the only setting; empty for several, and for what is no plain value."""
    if len(settings) != 1:
        return ""
    value: Any = plain(architecture.tree)
    for step in settings[0].partition("=")[0].split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict | list | tuple) else as_text(value, "value")
