"""Early exit in the report: rule and outcome, the deciding unit's share, the curve over all thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hwsim.contract.exits import Exits
from hwsim.contract.workload import Workload
from hwsim.errors import UsageError
from hwsim.report.costs import costs, mean_timesteps
from hwsim.report.price import LEAKAGE, PricedRun, leaving
from hwsim.report.report import AreaRow, CurvePoint, ExitCurve, ExitSummary, Run, UnitShare
from hwsim.traces.accuracy import fraction_error


def exit_summary(exits: Exits, runs: Sequence[Run], area: Sequence[AreaRow]) -> ExitSummary:
    """The rule, its outcome and the share of the unit that decides."""
    return ExitSummary(
        rule=f"{exits.criterion} {exits.threshold:g}",
        threshold=exits.threshold,
        chosen_on=exits.chosen_on,
        reported_on=exits.reported_on,
        histogram=[int(n) for n in exits.histogram],
        recorded_timesteps=[int(t) for t in exits.recorded],
        unit=_unit_share(exits, runs, area),
    )


def _unit_share(exits: Exits, runs: Sequence[Run], area: Sequence[AreaRow]) -> UnitShare:
    deciding = [run for run in runs if run.name in exits.runs]
    rows = {run.name: [row for row in run.rows if row.component == exits.unit] for run in deciding}
    energy_pj = {name: math.fsum(row.energy_pj for row in own) for name, own in rows.items()}
    area_um2 = math.fsum(row.area_um2 for row in area if row.component == exits.unit)
    return UnitShare(
        component=exits.unit,
        energy_pj=energy_pj,
        dynamic_pj={
            name: math.fsum(row.energy_pj for row in own if row.action != LEAKAGE) for name, own in rows.items()
        },
        energy_share={run.name: energy_pj[run.name] / run.energy_pj.value for run in deciding},
        area_um2=area_um2,
        area_share=area_um2 / math.fsum(row.area_um2 for row in area),
    )


def exits_of(workload: Workload) -> Exits:
    """When samples leave.

    Raises UsageError where none can leave early.
    """
    if workload.exits is None:
        raise UsageError(
            f"exit_thresholds: no sample can leave early here: {workload.no_exits or 'this machine does not decide'}"
        )
    return workload.exits


def exit_curve(workload: Workload, runs: Sequence[PricedRun], accuracy_of: str) -> ExitCurve:
    """Accuracy, timesteps and costs over all thresholds, each outcome once, from the one simulation.

    Raises UsageError where no sample can leave early.
    """
    exits = exits_of(workload)
    early = [run for run in runs if run.name in exits.runs]
    points = [_point(workload, exits, early, index) for index in range(len(exits.outcomes.accuracy))]
    return ExitCurve(exits.criterion, exits.reported_on, accuracy_of, points)


def _point(workload: Workload, exits: Exits, early: Sequence[PricedRun], index: int) -> CurvePoint:
    outcomes = exits.outcomes
    lowest, highest = (float(threshold) for threshold in outcomes.thresholds[index])
    left = leaving(outcomes.histogram[index], outcomes.recorded[index])
    known, n_samples = workload.accuracy
    accuracy = None if known is None else float(outcomes.accuracy[index])
    return CurvePoint(
        lowest_threshold=lowest,
        highest_threshold=highest,
        in_use=lowest <= exits.threshold <= highest,
        timesteps=mean_timesteps(left),
        accuracy=accuracy,
        accuracy_standard_error=None if accuracy is None else fraction_error(accuracy, n_samples),
        histogram=[int(n) for n in outcomes.histogram[index]],
        runs=[costs(left, run) for run in early],
    )
