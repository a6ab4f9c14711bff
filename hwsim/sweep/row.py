"""A point to a row: what it costs, by the shortest way to the figures that a report would give."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping
from typing import Any

from hwsim.contract.machine import Accelerator
from hwsim.contract.run import RunName
from hwsim.designs import Architecture, check_coding, load_architecture, lowered, machine_for, machine_of, placed
from hwsim.errors import HwsimError, UsageError
from hwsim.kept import kept_with
from hwsim.report.assemble import area_figure
from hwsim.report.costs import steps
from hwsim.report.idle import periods
from hwsim.report.price import BOUNDS, PricedRun, area_of, price
from hwsim.run.kept_play import first_kept, kept_play
from hwsim.run.play import play
from hwsim.sweep.accuracy import judged
from hwsim.sweep.draws import drawn
from hwsim.sweep.figures import FIGURES
from hwsim.sweep.space import Asked, Point, Space
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.footprint import check_playable
from hwsim.traces.trace import AnyTrace

Row = dict[str, Any]
HERE_AND_NOW = ("host", "seconds")
"""Columns that are of the run and not of the point."""
_HOST = socket.gethostname()


class Designs:
    """Designs of a space, each made of the one before it where only the last setting differs."""

    def __init__(self, space: Space, outermost_first: tuple[int, ...]) -> None:
        self._space, self._order = space, outermost_first
        self._outer: tuple[Any, Architecture | None] = (None, None)

    def of(self, point: Point) -> Architecture:
        """The design of a point.

        Raises ArchitectureError where its settings break a rule.
        """
        base = self._space.designs[point.design]
        if not point.places:
            return base
        settings = [self._space.axes[i].setting(point.places[i]) for i in self._order]
        known, outer = point.design, settings[:-1]
        if self._outer[0] != (known, outer):
            self._outer = (known, outer), self._without(base, outer)
        around = self._outer[1]
        if around is not None:
            try:
                return load_architecture(around, settings[-1:])
            except HwsimError:
                pass  # to be said as if all settings had been given at once
        return load_architecture(base, self._space.settings(point))

    @staticmethod
    def _without(base: Architecture, outer: list[str]) -> Architecture | None:
        """The design of the outer settings, None where there is none without the last one."""
        try:
            return load_architecture(base, outer)
        except HwsimError:
            return None


def row_of(space: Space, designs: Designs, trace: AnyTrace, point: Point) -> Row:
    """The row of a point, with the reason where it cannot be built or played."""
    begin = time.perf_counter()
    found: Row = {**space.named(point), "error": None, "run": None, **dict.fromkeys(FIGURES)}
    try:
        found |= figures_of(designs.of(point), trace, space.asked)
    except HwsimError as error:
        found["error"] = str(error)
    return found | {"host": _HOST, "seconds": round(time.perf_counter() - begin, 6)}


def figures_of(design: Architecture, trace: AnyTrace, asked: Asked) -> Row:
    """What a design costs with a trace.

    Raises HwsimError as `hwsim.simulate` does.
    """
    short = first_kept(trace, asked.samples, asked.timesteps)
    check_coding(design, trace)
    check_unchanged(trace)
    kept_with(short).once("playable", lambda: check_playable(short))
    with placed(design, lambda other: lowered(other, trace)):
        machine = machine_for(design, short)
        workload, tallies = kept_play(machine, short, play)
        parts = machine.components(workload)
        runs = price(tallies, workload, parts, machine.clock_mhz)
        run = _run(runs, asked.run)
        found: Row = {**_figures(run), **_in_use(machine, runs, run), **judged(machine, short, run, asked)}
        if asked.draws:
            found["draws"] = drawn(run, asked.draws) | _chips(design, machine, short, run, asked)
    if not all(value is None or math.isfinite(value) for value in found.values() if not isinstance(value, str | dict)):
        raise UsageError("prices or sizes are so extreme that a figure is no number")
    check_unchanged(trace)
    return found


def _run(runs: list[PricedRun], wanted: str | None) -> PricedRun:
    if wanted is None:
        return runs[-1]
    for run in runs:
        if run.name == wanted:
            return run
    raise UsageError(f"run: there is no run '{wanted}', only {', '.join(run.name for run in runs)}")


def _figures(run: PricedRun) -> Row:
    """Means of a run, made as those of a report are, without the errors beside them."""
    mean, timed = run.leaving.mean, run.workload.timed
    energy = {bound: mean(run.totals[bound]) for bound in BOUNDS}
    edp: Mapping[str, float | None] = (
        {bound: mean(run.edp_pj_ns[bound]) for bound in BOUNDS} if timed else dict.fromkeys(BOUNDS)
    )
    standing_pj = mean(run.energies("value", clock=True)) + mean(run.leakages("value"))
    return {
        "run": str(run.name),
        "energy_pj": energy["value"],
        "energy_low_pj": energy["low"],
        "energy_high_pj": energy["high"],
        "latency_ns": mean(run.latency_ns) if timed else None,
        "edp_pj_ns": edp["value"],
        "edp_low_pj_ns": edp["low"],
        "edp_high_pj_ns": edp["high"],
        "area_mm2": area_figure(area_of(run)).value,
        "leakage_uw": run.leakage_uw("value"),
        "standing_share": standing_pj / energy["value"] if energy["value"] else 0.0,
        "timesteps": mean(steps(run.leaving)),
    }


def _in_use(machine: Accelerator[Any, Any], runs: list[PricedRun], run: PricedRun) -> Row:
    """Energy and power of a period of a run, and the rate of a stream, where the design asks for them.

    Raises UsageError where the run does not fit into the period.
    """
    found: Row = {}
    if machine.spec.operating.period_ns is not None:
        period = periods([run], machine.spec)[run.name]
        found |= {"period_energy_pj": period.energy_pj.value, "period_power_uw": period.power_uw.value}
    for each in runs:
        if each.name is RunName.STREAMED:
            found["stream_per_s"] = 1e9 / each.leaving.mean(each.time_ns(each.on_cycles))
    return found


def _chips(
    design: Architecture, machine: Accelerator[Any, Any], trace: AnyTrace, run: PricedRun, asked: Asked
) -> dict[str, list[float]]:
    """Accuracy at each draw, where it is asked for: that of one chip after another, whose cells are drawn anew."""
    if not asked.accuracy:
        return {}
    chips = [machine]
    devices: Any = getattr(design.spec, "devices", None)
    if hasattr(devices, "seed") and machine.decides(trace) == "in its own way":
        others = (f"devices.seed={devices.seed + i}" for i in range(1, asked.chips))
        chips += [machine_of(load_architecture(design, [seed])).sized_for(trace) for seed in others]
    known = [judged(chip, trace, run, asked).get("accuracy") for chip in chips]
    sure = [each for each in known if each is not None]
    return {"accuracy": [sure[k % len(sure)] for k in range(asked.draws)]} if len(sure) == len(known) else {}
