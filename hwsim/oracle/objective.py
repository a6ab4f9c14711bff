"""What a cost is made of: figures of a run, and weights for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hwsim import arguments
from hwsim.errors import UsageError, guess
from hwsim.printable import brief, shortened

FIGURES = {
    "energy_pj": "all energy of an inference: what parts do, clock and leakage",
    "dynamic_pj": "energy of what parts do, without clock and leakage, which alone need the schedule played",
    "latency_ns": "time of an inference",
    "edp_pj_ns": "energy times latency, sample by sample",
    "memory_kib": "memory that the network uses; no spike changes it",
    "area_mm2": "area of all instances; no spike changes it",
}
"""Figures that an objective may name."""
TIMED = frozenset({"energy_pj", "latency_ns", "edp_pj_ns"})
"""Those that need the schedule played."""
FIXED = frozenset({"memory_kib", "area_mm2"})
"""Those that follow from design and network alone."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A weighted sum of figures."""

    weights: Mapping[str, float]

    @classmethod
    def of(cls, given: str | Mapping[str, float]) -> Objective:
        """That of a figure's name, or of weights by name.

        Raises UsageError for unknown figures and for weights that are no finite numbers.
        """
        if isinstance(given, str):
            given = {given: 1.0}
        arguments.instance("objective", given, Mapping, "a figure's name or weights by name")
        if not given:
            raise UsageError(f"objective: wanted one figure or more of {', '.join(FIGURES)}, found none")
        for name, weight in given.items():
            if name not in FIGURES:
                near = guess(str(name), FIGURES)
                raise UsageError(f"objective: unknown figure '{shortened(name)}', known: {', '.join(FIGURES)}{near}")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
                raise UsageError(f"objective, {name}: wanted a finite weight, got {brief(weight)}")
        return cls({name: float(weight) for name, weight in given.items()})

    @property
    def plays(self) -> bool:
        """Whether the schedule has to be played for it."""
        return not TIMED.isdisjoint(self.weights)

    @property
    def counts(self) -> bool:
        """Whether any spike changes it."""
        return not FIXED.issuperset(self.weights)
