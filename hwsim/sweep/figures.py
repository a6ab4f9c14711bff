"""Names of what a row says of a point, which way is better, and constraints on them."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwsim.errors import UsageError, guess
from hwsim.printable import shortened

FIGURES = {
    "energy_pj": "energy of an inference",
    "energy_low_pj": "the same with all prices at their low ends",
    "energy_high_pj": "the same with all prices at their high ends",
    "latency_ns": "time of an inference",
    "edp_pj_ns": "mean of energy times latency",
    "edp_low_pj_ns": "the same with all prices at their low ends",
    "edp_high_pj_ns": "the same with all prices at their high ends",
    "area_mm2": "area of all instances",
    "leakage_uw": "leakage power of all instances",
    "standing_share": "share of the energy that is clock and leakage",
    "timesteps": "mean timesteps run",
    "period_energy_pj": "energy of a period of operating.period_ns, where there is one",
    "period_power_uw": "mean power of such a period",
    "stream_per_s": "inferences a second of a full pipeline, with operating.stream",
    "accuracy": "fraction right in the machine's own arithmetic",
    "accuracy_error": "its standard error, of so many samples",
    "exact_accuracy": "fraction of the same samples that the exact network decides rightly",
    "clipped": "fraction of conversions beyond the range of the converter",
}
"""What can be optimised and constrained; all but accuracies and rates are better where less."""
SHOWN = {
    "energy_pj": ("energy", "J", 1e-12),
    "energy_low_pj": ("energy at low prices", "J", 1e-12),
    "energy_high_pj": ("energy at high prices", "J", 1e-12),
    "latency_ns": ("latency", "s", 1e-9),
    "edp_pj_ns": ("EDP", "J s", 1e-21),
    "edp_low_pj_ns": ("EDP at low prices", "J s", 1e-21),
    "edp_high_pj_ns": ("EDP at high prices", "J s", 1e-21),
    "area_mm2": ("area", "mm2", 1.0),
    "leakage_uw": ("leakage", "W", 1e-6),
    "standing_share": ("clock and leakage", "%", 100.0),
    "period_energy_pj": ("energy of a period", "J", 1e-12),
    "period_power_uw": ("power over a period", "W", 1e-6),
    "stream_per_s": ("stream inferences", "/s", 1.0),
    "accuracy": ("accuracy", "%", 100.0),
    "accuracy_error": ("error of accuracy", "%", 100.0),
    "exact_accuracy": ("exact accuracy", "%", 100.0),
    "clipped": ("clipped", "%", 100.0),
    "front_probability": ("on the front", "%", 100.0),
    "beats_reference": ("beats as it stands", "%", 100.0),
}
"""Figures for people: word, unit, and how many of the unit one of the row is; others are shown as they are called."""
PREFIXED = frozenset({"J", "s", "J s", "W"})
"""Units that take a prefix, such as the p of pJ, by the size of the value."""
LARGER_IS_BETTER = frozenset({"accuracy", "exact_accuracy", "stream_per_s"})
_RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_CONSTRAINT = re.compile(r"\s*([A-Za-z_0-9]+)\s*(<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on one figure."""

    figure: str
    relation: str
    bound: float

    def __str__(self) -> str:
        return f"{self.figure} {self.relation} {self.bound:g}"

    def met_by(self, row: Mapping[str, Any]) -> bool:
        """Whether a row keeps it; one that does not know the figure does not."""
        value = row.get(self.figure)
        return value is not None and bool(_RELATIONS[self.relation](value, self.bound))

    def excess(self, row: Mapping[str, Any]) -> float:
        """How far a row is off, relative to the bound: 0 or less where it is met."""
        value = row.get(self.figure)
        if value is None:
            return math.inf
        off = (value - self.bound) * (1 if self.relation in ("<", "<=") else -1)
        # A strict bound is missed at the bound itself, too.
        return off / max(abs(self.bound), 1e-300) if off or self.met_by(row) else 1e-300


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure to make as small, or as large, as can be."""

    figure: str
    largest: bool = False

    def loss(self, row: Mapping[str, Any]) -> float:
        """The figure of a row with its sign so that less is better; infinite where it is not known."""
        value = row.get(self.figure)
        return math.inf if value is None else -value if self.largest else value


def word(figure: str) -> str:
    """What a figure is called where people read it: without the unit in which rows hold it."""
    return SHOWN[figure][0] if figure in SHOWN else figure.replace("_", " ")


def parse_constraint(text: str, place: str | None = None) -> Constraint:
    """A constraint such as `area_mm2 <= 4`; raises UsageError in one line."""
    place = f"--constraint {shortened(text)}" if place is None else place
    match = _CONSTRAINT.fullmatch(text)
    try:
        bound = float(match[3]) if match else math.nan
    except ValueError:
        bound = math.nan
    if match is None or not math.isfinite(bound):
        raise UsageError(f"{place}: write FIGURE <= NUMBER, or with <, >= or >, such as area_mm2 <= 4")
    return Constraint(known_figure(match[1], place), match[2], bound)


def objectives(minimize: Sequence[str], maximize: Sequence[str] = ()) -> tuple[Objective, ...]:
    """Objectives from lists of names, commas allowed; raises UsageError for unknown ones and for one asked twice."""
    found = [
        Objective(known_figure(name.strip(), f"--{word}"), word == "maximize")
        for word, texts in (("minimize", minimize), ("maximize", maximize))
        for text in texts
        for name in text.split(",")
    ]
    names = [each.figure for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--minimize: {twice} is asked for twice")
    return tuple(Objective(each.figure, True) if each.figure in LARGER_IS_BETTER else each for each in found)


def known_figure(name: str, place: str, known: Collection[str] = FIGURES.keys()) -> str:
    """A name of a figure; raises UsageError with a guess for others."""
    if name not in known:
        written = {word(figure): figure for figure in known}  # tables say the word
        hint = guess(name, [*known, *written], written)
        raise UsageError(f"{place}: unknown figure '{shortened(name)}', known: {', '.join(known)}{hint}")
    return name
