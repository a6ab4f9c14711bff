"""Costs at equal accuracy: the settings of a term in the order of its weight, with straight lines between them.

Weights are compared on held-out samples, and the accuracy that is reported is that of the test samples at the same
place between two settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from training.cost.journal import Line, of_kind
from training.cost.terms import NONE

Key = tuple[str, str]
"""Machine and figure."""
ACTIVITY = ("spikes", "synapses")


@dataclass(frozen=True, slots=True)
class Point:
    """A setting in the mean over seeds, or a place between two."""

    weight: float
    held: float
    test: float
    costs: Mapping[Key, float]
    activity: tuple[float, ...]
    last: bool = False  # the strongest weight, which lost less than was allowed

    def towards(self, other: Point, share: float) -> Point:
        """The place at a share of the way to another."""

        def between(a: float, b: float) -> float:
            return a + share * (b - a)

        return Point(
            between(self.weight, other.weight),
            between(self.held, other.held),
            between(self.test, other.test),
            {key: between(value, other.costs[key]) for key, value in self.costs.items()},
            tuple(between(a, b) for a, b in zip(self.activity, other.activity, strict=True)),
        )


def point(lines: Sequence[Line]) -> Point:
    """The mean of lines of one setting."""
    first = lines[0]
    keys = [(machine, figure) for machine, figures in first["costs"].items() for figure in figures]
    return Point(
        first.get("weight", 0.0),
        fmean(line["held_accuracy"] for line in lines),
        fmean(line["test_accuracy"] for line in lines),
        {key: fmean(line["costs"][key[0]][key[1]] for line in lines) for key in keys},
        tuple(fmean(line[name] for line in lines) for name in ACTIVITY),
    )


def terms(lines: Sequence[Line]) -> list[str]:
    """Terms in the order in which they were first done, machines' before proxies."""
    found = dict.fromkeys(line["term"] for line in of_kind(lines, "tuned") if line["term"] != NONE)
    return sorted(found, key=lambda name: (":" not in name, name))


def seeds(lines: Sequence[Line]) -> list[int]:
    """Seeds with all settings of the first one: a seed that was stopped has no part in a mean."""
    by_seed: dict[int, set[tuple[str, float]]] = {}
    for line in of_kind(lines, "tuned"):
        by_seed.setdefault(line["seed"], set()).add((line["term"], line["weight"]))
    return sorted(seed for seed, found in by_seed.items() if found == max(by_seed.values(), key=len))


def front(lines: Sequence[Line], term: str, chosen: Sequence[int]) -> list[Point]:
    """Points of a term in the order of its weight, the first without it, in the mean over some seeds."""
    by_weight: dict[float, list[Line]] = {}
    for line in of_kind(lines, "tuned"):
        if line["seed"] in chosen and line["term"] in (NONE, term):
            by_weight.setdefault(line["weight"], []).append(line)
    return [point(by_weight[weight]) for weight in sorted(by_weight)]


def at_accuracy(points: Sequence[Point], held: float) -> Point:
    """Where the largest weights that keep a held-out accuracy end: between two settings, or at the strongest.

    The first of the two is the last in the order of weights that is at least so accurate; without any it is the first
    of all.
    """
    good = [k for k, each in enumerate(points) if each.held >= held]
    if not good:
        return points[0]
    k = good[-1]
    if k + 1 == len(points):
        end = points[k]
        return Point(end.weight, end.held, end.test, end.costs, end.activity, last=True)
    here, after = points[k], points[k + 1]
    return here.towards(after, (here.held - held) / (here.held - after.held))


def won(points: Sequence[Point], floor: Mapping[Key, float], key: Key, held: float) -> float:
    """The share of the way from the setting without a term to no spike at all, at a held-out accuracy."""
    base = points[0].costs[key]
    return (base - at_accuracy(points, held).costs[key]) / (base - floor[key])
