"""Every picture of every design on every shipped trace that it plays: no warning, and the report's own numbers.

Warnings are errors here as everywhere in the tests.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import pytest
from contract.test_golden_reports import load, pairs
from view.plots.axis_data import CAUSES, area_of, bars_of, filled, names_of, scale_of, whiskers_of

from hwsim import api
from hwsim.errors import UsageError
from hwsim.report.price import LEAKAGE
from hwsim.view import plots

REL = pytest.approx


@cache
def report_of(design, trace):
    """With all that pictures can be of, where samples can leave early their curve too."""
    played = load(design, trace)
    options = {"accuracy_samples": 0, "occupancy": True}
    try:
        return api.simulate(design, played, exit_thresholds=True, **options)
    except UsageError:
        return api.simulate(design, played, **options)


def sums(rows, key, field):
    found = {}
    for row in rows:
        found[getattr(row, key)] = found.get(getattr(row, key), 0.0) + getattr(row, field)
    return found


def energy_is_the_report_s(report):
    run = report.runs[-1]
    top, bottom = plots.energy(report).axes
    scale = scale_of(bottom.get_xlabel(), "J") / 1e-12
    names = names_of(top)
    works, leaks = bars_of(top, len(names))[:2]
    whole = sums(run.rows, "component", "energy_pj")
    leaking = sums([row for row in run.rows if row.action == LEAKAGE], "component", "energy_pj")
    low, high = (sums(run.rows, "component", f"{end}_pj") for end in ("low", "high"))
    for i, name in enumerate(names):
        parts = [name] if name != "the rest" else [part for part in whole if part not in names]
        assert (works[i] + leaks[i]) * scale == REL(sum(whole[part] for part in parts), rel=1e-9, abs=1e-12)
        assert leaks[i] * scale == REL(sum(leaking.get(part, 0.0) for part in parts), rel=1e-9, abs=1e-12)
        ends = [end * scale for end in whiskers_of(top)[i]]
        assert ends == REL([sum(bound[part] for part in parts) for bound in (low, high)], rel=1e-9, abs=1e-9)
    assert sum(works + leaks) * scale == REL(run.energy_pj.value, rel=1e-9)
    layers = [name if name != "(whole chip)" else "" for name in names_of(bottom)]
    stacked = [sum(each) * scale for each in zip(*bars_of(bottom, len(layers)), strict=True)]
    known = {row.layer: row.energy_pj for row in run.layers}
    assert stacked == REL([known[name] for name in layers], rel=1e-9, abs=1e-9)
    assert sum(stacked) == REL(run.energy_pj.value, rel=1e-9)


def timesteps_are_the_report_s(report):
    axes, *below = plots.timesteps(report).axes
    scale, heights = scale_of(axes.get_ylabel(), "J") / 1e-12, [patch.get_height() for patch in axes.patches]
    wanted = [pj for run in report.runs for pj in run.energy_by_timestep_pj]
    assert [height * scale for height in heights] == REL(wanted, rel=1e-9, abs=1e-9)
    right = [float(y) / 100 for each in below for y in each.lines[0].get_ydata()]
    assert right == REL(report.accuracy_by_timestep)


def rates_are_the_report_s(report):
    run = report.runs[-1]
    (axes,) = plots.rates(report).axes
    scale = scale_of(axes.get_ylabel(), "J") / 1e-12
    energies = {row.layer: row.energy_pj for row in run.layers}
    wanted = [(r, energies.get(n, energies.get(n.partition("/")[0]))) for n, r in report.spike_rates.items()]
    found = [(float(x), float(y) * scale) for x, y in axes.collections[0].get_offsets()]
    assert found == [REL(each, rel=1e-9, abs=1e-12) for each in wanted if each[1] is not None]


def stalls_are_the_report_s(report):
    rows = {row.stage: row for row in report.runs[-1].stages}
    (axes,) = plots.stalls(report).axes
    names = names_of(axes)
    for cause, shares in zip(CAUSES, bars_of(axes, len(names)), strict=True):
        for name, share in zip(names, shares, strict=True):
            cycles = [getattr(rows[name], f"{each}_cycles") for each in CAUSES]
            assert share / 100 * sum(cycles) == REL(getattr(rows[name], f"{cause}_cycles"), abs=1e-9)


def timeline_is_the_report_s(report):
    """The area of a colour is the cycles of its cause, of all stages that are drawn."""
    occupancy = report.runs[-1].occupancy
    (axes,) = plots.timeline(report).axes
    names, scale = names_of(axes), scale_of(axes.get_xlabel(), "s") / 1e-9
    drawn = [each for each in occupancy.stages if each.stage in names]
    assert len(drawn) == len(names)
    wanted = [sum(getattr(each, c)) * occupancy.cycle_ns for each in drawn for c in CAUSES[:4] if any(getattr(each, c))]
    high = 0.84
    assert [area_of(each) * scale / high for each in filled(axes)] == REL(wanted, rel=1e-6)


def exits_are_the_report_s(report):
    points, panels = report.exit_curve.points, plots.exit_curve(report).axes
    accuracy, energy, edp, exits = panels
    ends = [end for point in points for end in (point.lowest_threshold, point.highest_threshold)]
    if points[0].accuracy is not None:
        assert list(accuracy.lines[0].get_xdata()) == ends
        assert list(accuracy.lines[0].get_ydata())[::2] == REL([100 * point.accuracy for point in points])
    for axes, field, unit, si in ((energy, "energy_pj", "J", 1e-12), (edp, "edp_pj_ns", "J s", 1e-21)):
        scale = scale_of(axes.get_ylabel(), unit) / si
        for number, costs in enumerate(points[0].runs):
            line = axes.lines[number]
            wanted = [getattr(point.runs[number], field).value for point in points]
            assert line.get_label() == costs.name and list(line.get_xdata()) == ends
            assert [float(y) * scale for y in line.get_ydata()[1::2]] == REL(wanted, rel=1e-9)
    steps = filled(exits)
    assert len(steps) == len(points[0].histogram)
    whole = area_of(steps[0]) / 100
    n, width = sum(points[0].histogram), ends[-1] - ends[0]
    assert whole <= width * (1 + 1e-9)
    first = [point.histogram[0] / n for point in points]
    area = sum(f * (p.highest_threshold - p.lowest_threshold) for f, p in zip(first, points, strict=True))
    area += sum(
        (a + b) / 2 * (after.lowest_threshold - before.highest_threshold)
        for (a, before), (b, after) in pairwise(zip(first, points, strict=True))
    )
    assert whole == REL(area, rel=1e-6)


def roofline_is_the_report_s(report):
    run = report.runs[-1]
    (axes,) = plots.roofline(report).axes
    dots = [line.get_data() for line in axes.lines if line.get_marker() == "o"]
    ticks = [line.get_data() for line in axes.lines if line.get_marker() == "_"]
    per = axes.get_xlabel().removeprefix("operations per ").removeprefix("byte of ")
    drawn = []
    for each in run.loads:
        amount = each.conversions if per == "conversion" else each.bytes_by_memory.get(per, 0.0)
        if each.operations and each.loaded and amount:
            drawn.append((each, each.operations / amount))
    assert drawn and len(drawn) == len(dots) == len(ticks)
    spans = {row.layer: row.end_ns - row.begin_ns for row in run.layers if row.end_ns is not None}
    for (each, intensity), (x, reached), (at, limit) in zip(drawn, dots, ticks, strict=True):
        assert (x[0], at[0]) == REL((intensity, intensity))
        assert limit[0] == REL(each.operations / max(unit.busy_ns for unit in each.loaded))
        assert reached[0] == REL(each.operations / spans[each.layer])


def floor_is_the_report_s(report):
    run, (axes, *_bar) = report.runs[-1], plots.floor(report).axes
    boxes = [patch for patch in axes.patches if hasattr(patch, "get_width")]
    if len(report.tiles) > 1:
        energies = {row.layer: row.energy_pj for row in run.layers}
        wanted = [sum(energies.get(layer, 0.0) * s for layer, s in tile.shares.items()) for tile in report.tiles]
        scale = scale_of(_bar[0].get_ylabel(), "J") / 1e-12
        assert _bar[0].get_ylim()[1] * scale == REL(max(wanted), rel=1e-6)
        assert [(box.get_x() + 0.36, box.get_y() + 0.36) for box in boxes] == [
            REL((tile.column, tile.row)) for tile in report.tiles
        ]
        dark = [sum(box.get_facecolor()[:3]) for box in boxes]
        assert wanted[dark.index(min(dark))] == REL(max(wanted))
        return
    areas = sorted((row.area_um2 for row in report.area if row.area_um2), reverse=True)
    found = [box.get_width() * box.get_height() for box in boxes]
    assert found == REL([area / math.fsum(areas) for area in areas])
    axes.figure.draw_without_rendering()
    extents = [box.get_window_extent() for box in boxes]
    for name in axes.texts:  # in its box, and at least a few letters of it
        (around,) = [box for box in extents if box.contains(*axes.transData.transform(name.get_position()))]
        own = name.get_window_extent()
        assert around.x0 <= own.x0 and own.x1 <= around.x1 and around.y0 <= own.y0 and own.y1 <= around.y1
        assert not name.get_text().endswith("...") or len(name.get_text()) >= 7
    unnamed = len(boxes) - len(axes.texts)
    assert (f", {unnamed} unnamed;" in axes.figure.get_supxlabel()) == (unnamed > 0)


CHECKS = {
    "energy": energy_is_the_report_s,
    "timesteps": timesteps_are_the_report_s,
    "rates": rates_are_the_report_s,
    "stalls": stalls_are_the_report_s,
    "timeline": timeline_is_the_report_s,
    "exit_curve": exits_are_the_report_s,
    "roofline": roofline_is_the_report_s,
    "floor": floor_is_the_report_s,
}


def lacks(report, figure):
    """Why a report has no such picture, as a user would put it; '' where it has."""
    if figure in ("stalls", "timeline", "roofline") and report.runs[-1].latency_ns is None:
        return "has no times"
    if figure == "exit_curve" and report.early_exit is None:
        return "has no early exit"
    if figure == "floor" and not any(row.area_um2 for row in report.area):
        return "has no areas"
    return ""


@pytest.mark.parametrize(("design", "trace"), pairs())
def test_every_picture_draws_the_numbers_of_the_report(design, trace):
    report = report_of(design, trace)
    for figure, check in CHECKS.items():
        if why := lacks(report, figure):
            with pytest.raises(UsageError, match=why):
                getattr(plots, figure)(report)
            continue
        getattr(plots, figure)(report).draw_without_rendering()
        check(report)


@pytest.mark.parametrize("run", ["static", "train"])
def test_another_run_is_drawn_by_its_name(run):
    report = report_of("imc", "synthetic") if run == "static" else report_of("stdp", "synthetic")
    _, bottom = plots.energy(report, run).axes
    scale = scale_of(bottom.get_xlabel(), "J") / 1e-12
    drawn = sum(sum(each) for each in bars_of(bottom, len(names_of(bottom)))) * scale
    assert drawn == REL(report.run(run).energy_pj.value, rel=1e-9)
    assert drawn != REL(report.runs[-1].energy_pj.value, rel=1e-3)
    with pytest.raises(UsageError, match="did you mean"):
        plots.energy(report, f"{run}s")
