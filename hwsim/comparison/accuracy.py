"""Two simulations brought to the same accuracy, as far as thresholds of early exit allow."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.comparison.found import EqualAccuracy
from hwsim.report.report import Costs, CurvePoint, Report, Run

_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, with the outcomes of its thresholds if it has any."""

    name: str
    run: Run
    points: tuple[tuple[CurvePoint, Costs], ...]

    @classmethod
    def of(cls, name: str, report: Report, run: Run) -> Side:
        """A run of a report."""
        found = []
        for point in () if report.exit_curve is None else report.exit_curve.points:
            found += [(point, costs) for costs in point.runs if costs.name == run.name]
        return cls(name, run, tuple(found))

    @property
    def accuracy(self) -> float | None:
        """As it stands."""
        return self.run.accuracy

    def at(self, wanted: float) -> tuple[Costs, float, float | None] | None:
        """The cheapest that is as accurate as wanted: costs, its accuracy and its threshold; None where none is.

        Without thresholds it is the run as it stands, and of several the one of least energy.
        """
        if not self.points:
            reached = self.accuracy
            return None if reached is None or reached < wanted - _SAME else (self.run, reached, None)
        able = [
            (costs, point.accuracy, point.lowest_threshold)
            for point, costs in self.points
            if point.accuracy is not None and point.accuracy >= wanted - _SAME
        ]
        return min(able, key=lambda each: each[0].energy_pj.value, default=None)


def at_equal_accuracy(one: Side, other: Side) -> tuple[EqualAccuracy | None, str]:
    """Ratios of the first to the second at the same accuracy, or why there are none; neither where it is the same.

    It is the accuracy of the one that has no thresholds, and the lower one where both have some.
    """
    accuracies = one.accuracy, other.accuracy
    if accuracies[0] is None or accuracies[1] is None or abs(accuracies[0] - accuracies[1]) <= _SAME:
        return None, ""
    if not one.points and not other.points:
        return None, "neither has thresholds of early exit that could be chosen for it"
    fixed = [side.accuracy for side in (one, other) if not side.points and side.accuracy is not None]
    wanted = fixed[0] if fixed else min(accuracies[0], accuracies[1])
    own, others = one.at(wanted), other.at(wanted)
    if own is None or others is None:
        unable = one if own is None else other
        return None, f"no threshold of {unable.name} reaches the {100 * wanted:.2f} % of the other"
    (costs, reached_one, threshold), (base, reached_other, base_threshold) = own, others
    energy = _ratio(costs, base, "energy_pj")
    if energy is None:
        return None, f"{other.name} takes no energy"
    return (
        EqualAccuracy(
            accuracy=wanted,
            threshold=threshold,
            reference_threshold=base_threshold,
            reached=reached_one,
            reference_reached=reached_other,
            energy=energy,
            latency=_ratio(costs, base, "latency_ns"),
            edp=_ratio(costs, base, "edp_of_means_pj_ns"),
        ),
        "",
    )


def _ratio(costs: Costs, base: Costs, field: str) -> float | None:
    above, below = getattr(costs, field), getattr(base, field)
    return None if above is None or below is None or not below.value else float(above.value / below.value)
