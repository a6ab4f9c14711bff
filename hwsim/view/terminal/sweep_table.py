"""A sweep on a terminal: the best points, the front, and which knob moves most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from hwsim.printable import printable
from hwsim.sweep.figures import Constraint, Objective
from hwsim.sweep.pareto import feasible, front
from hwsim.sweep.robust import BEATS, FRONT
from hwsim.sweep.row import Row
from hwsim.sweep.sensitivity import sensitivities
from hwsim.sweep.space import REFERENCE, Space
from hwsim.sweep.tuning import Tuned
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import plain_table

_BEST, _FRONT = 5, 15
_UNITS = {"energy": number.energy, "latency": number.time, "edp": number.edp, "leakage": number.power}


def print_sweep(
    space: Space,
    rows: Sequence[Row],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    console: Console,
) -> None:
    """What a sweep found."""
    good = feasible(rows, constraints)
    points = [row for row in good if row["settings"] != REFERENCE]
    failed = [row for row in rows if row["error"] is not None]
    kept = f", {len(points)} within {' and '.join(map(str, constraints))}" if constraints else ""
    grid = len(rows) - space.n_references
    console.print(f"{grid} of {len(space) - space.n_references} points{kept}; {len(failed)} could not be built or run")
    for reason, n in Counter(row["error"] for row in failed).most_common(3):
        console.print(f"  {n} of them: {printable(str(reason))}", markup=False, highlight=False)
    references = [row for row in rows if row["settings"] == REFERENCE and row["error"] is None]
    for objective in objectives:
        ranked = sorted((row for row in points if row.get(objective.figure) is not None), key=objective.loss)
        word = "most" if objective.largest else "least"
        chosen = [*ranked[:_BEST], *references]
        console.print(_table(f"With the {word} {objective.figure}", chosen, objectives, space))
    on_front = front(points, objectives)
    if len(objectives) > 1:
        on_front.sort(key=objectives[0].loss)
        names = ", ".join(each.figure for each in objectives)
        more = f", {_FRONT} of them" if len(on_front) > _FRONT else ""
        step = max(1, -(-len(on_front) // _FRONT))
        title = f"The front of {names}: {len(on_front)} {'point' if len(on_front) == 1 else 'points'}{more}"
        console.print(_table(title, on_front[::step], objectives, space))
    for figure in dict.fromkeys(("edp_pj_ns", objectives[0].figure)):
        _print_sensitivity(rows, space, figure, console)
    if not space.asked.accuracy and any(row["error"] is None and row.get("accuracy") is None for row in rows):
        console.print("\naccuracy was not looked at: a design above may not get samples right (--accuracy)")


def _print_sensitivity(rows: Sequence[Row], space: Space, figure: str, console: Console) -> None:
    moved = sensitivities(rows, [axis.key for axis in space.axes], figure)
    if not moved:
        return
    table = plain_table(f"What moves {figure}, others as they are", "knob", "largest / least", "at most", "least at")
    for each in moved:
        table.add_row(printable(each.key), f"{each.typical:.4g}", f"{each.most:.4g}", printable(str(each.best)))
    console.print(table)


def _table(title: str, rows: Sequence[Row], objectives: Sequence[Objective], space: Space) -> Table:
    shown = list(dict.fromkeys([*(each.figure for each in objectives), "edp_pj_ns", "area_mm2", "accuracy"]))
    shown = [name for name in shown if any(row.get(name) is not None for row in rows)]
    shown += [name for name in (FRONT, BEATS) if any(row.get(name) is not None for row in rows)]
    places = [name for name in ("design", "trace") if len({row[name] for row in rows}) > 1]
    keys = [axis.key for axis in space.axes]
    table = plain_table(title, "point", *places, *(printable(key) for key in keys), *shown, left=places)
    for row in rows:
        settings = [_word(row[key]) for key in keys]
        table.add_row(
            REFERENCE if row["settings"] == REFERENCE else str(row["point"]),
            *(printable(str(row[name])) for name in places),
            *settings,
            *(shown_figure(name, row.get(name)) for name in shown),
        )
    return table


def _word(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else printable(str(value))


def shown_figure(name: str, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return ""
    if name in ("accuracy", FRONT, BEATS):
        return number.percent(value)
    unit = _UNITS.get(name.partition("_")[0])
    return f"{value:.4g} mm2" if name == "area_mm2" else unit(value) if unit else f"{value:.4g}"


def print_tuned(tuned: Tuned, objective: Objective, command: str, console: Console) -> None:
    """What tuning changed, and what each change bought."""
    name = objective.figure
    table = plain_table(f"From the design as it stands, {tuned.tried} designs tried", "change", name, "times", "area")
    start = tuned.reference
    table.add_row("as it stands", shown_figure(name, start[name]), "", shown_figure("area_mm2", start["area_mm2"]))
    for change in tuned.changes:
        before, after = change.before, change.after
        if after["error"] is not None:
            table.add_row(printable(change.setting), "only with what follows", "", "")
            continue
        times = after[name] / before[name] if before[name] else 1.0
        cells = shown_figure(name, after[name]), f"{times:.4g}", shown_figure("area_mm2", after["area_mm2"])
        table.add_row(printable(change.setting), *cells)
    all_in_all = tuned.best[name] / start[name] if start[name] else 1.0
    cells = shown_figure(name, tuned.best[name]), f"{all_in_all:.4g}", shown_figure("area_mm2", tuned.best["area_mm2"])
    table.add_row("all together", *cells)
    console.print(table)
    if tuned.best.get("accuracy") is not None:
        console.print(f"\naccuracy {number.percent(tuned.best['accuracy'])}")
    console.print(f"\n{command}", markup=False, highlight=False, soft_wrap=True)
