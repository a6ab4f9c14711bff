"""What is compared, under names that tell one from the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwsim.designs import Architecture
from hwsim.report.report import Report


@dataclass(frozen=True, slots=True)
class Subject:
    """A simulation with its design where that is known."""

    name: str  # of the report's file, or to be found
    report: Report
    design: Architecture | None
    coding: str


def labelled(subjects: Sequence[Subject]) -> list[Subject]:
    """Each with a name that no other has: its own, else its design, with the settings or the trace if it takes them."""
    names = [[_bare(each), f"{_bare(each)} {_settings(each)}".strip(), _with_trace(each)] for each in subjects]
    found: list[Subject] = []
    for place, subject in enumerate(subjects):
        others = [choices for i, choices in enumerate(names) if i != place]
        free = [name for i, name in enumerate(names[place]) if all(choices[i] != name for choices in others)]
        found.append(replace(subject, name=free[0] if free else f"{names[place][0]} #{place + 1}"))
    return found


def _bare(subject: Subject) -> str:
    return subject.name or str(subject.report.architecture["file"]).removesuffix(".yaml")


def _settings(subject: Subject) -> str:
    return " ".join(subject.report.architecture["overrides"])


def _with_trace(subject: Subject) -> str:
    return f"{_bare(subject)} on {subject.report.trace['name']}"
