"""A sweep on a terminal: the best points, the front, and which knob moves most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from hwsim.printable import printable
from hwsim.sweep.figures import PREFIXED, SHOWN, Constraint, Objective, word
from hwsim.sweep.pareto import feasible, front
from hwsim.sweep.robust import BEATS, FRONT
from hwsim.sweep.row import Row
from hwsim.sweep.sensitivity import sensitivities
from hwsim.sweep.space import REFERENCE, Space
from hwsim.sweep.tuning import Tuned
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import plain_table
from hwsim.view.terminal.plain_text import PlainConsole

_BEST, _FRONT = 5, 15
_UNBOUNDED = PlainConsole(width=1000)


def print_sweep(
    space: Space,
    rows: Sequence[Row],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    console: Console,
) -> None:
    """What a sweep found."""
    points = [row for row in feasible(rows, constraints) if row["settings"] != REFERENCE]
    _print_counts(space, rows, points, constraints, console)
    references = [row for row in rows if row["settings"] == REFERENCE and row["error"] is None]
    for objective in objectives:
        name = word(objective.figure)
        ranked = sorted((row for row in points if row.get(objective.figure) is not None), key=objective.loss)
        if ranked:
            title = f"With the {'most' if objective.largest else 'least'} {name}"
            console.print(_table(title, [*ranked[:_BEST], *references], objectives, space, console.width))
        elif points:
            console.print(f"\n{name} is not known of any point: ask for another figure with --minimize")
    on_front = front(points, objectives)
    if len(objectives) > 1 and on_front:
        on_front.sort(key=objectives[0].loss)
        names = ", ".join(word(each.figure) for each in objectives)
        more = f", {_FRONT} of them" if len(on_front) > _FRONT else ""
        step = max(1, -(-len(on_front) // _FRONT))
        title = f"The front of {names}: {len(on_front)} {'point' if len(on_front) == 1 else 'points'}{more}"
        console.print(_table(title, on_front[::step], objectives, space, console.width))
    for figure in dict.fromkeys(("edp_pj_ns", objectives[0].figure)):
        _print_sensitivity(rows, space, figure, console)
    if not space.asked.accuracy and any(row["error"] is None and row.get("accuracy") is None for row in rows):
        console.print("\naccuracy was not looked at: a design above may not get samples right (--accuracy)")


def _print_counts(
    space: Space, rows: Sequence[Row], points: Sequence[Row], constraints: Sequence[Constraint], console: Console
) -> None:
    """How many points there are and are left, why others failed, and how near they come where none is left."""
    failed = [row for row in rows if row["error"] is not None]
    of_grid = [row for row in failed if row["settings"] != REFERENCE]
    kept = f", {len(points)} within {' and '.join(map(str, constraints))}" if constraints else ""
    grid = len(rows) - space.n_references
    console.print(f"{grid} of {len(space) - space.n_references} points{kept}; {len(of_grid)} could not be built or run")
    for reason, n in Counter(row["error"] for row in of_grid).most_common(3):
        console.print(f"  {n} of them: {printable(str(reason))}", markup=False, highlight=False)
    for row in failed:
        if row["settings"] == REFERENCE:
            said = f"  {row['design']} as it stands: {printable(str(row['error']))}"
            console.print(said, markup=False, highlight=False)
    for each in () if points else constraints:
        known = [row for row in rows if row["settings"] != REFERENCE and row.get(each.figure) is not None]
        if known:
            (unit,), ((nearest,),) = _columns([each.figure], [min(known, key=each.excess)])
            said = f"  {each}: the nearest has {word(each.figure)} {nearest} {unit}".rstrip()
            console.print(said, markup=False, highlight=False)


def _print_sensitivity(rows: Sequence[Row], space: Space, figure: str, console: Console) -> None:
    moved = sensitivities(rows, [axis.key for axis in space.axes], figure)
    if not moved:
        return
    table = plain_table(
        f"What moves {word(figure)}, others as they are", "knob", "largest / least", "at most", "best at"
    )
    for each in moved:
        table.add_row(printable(each.key), f"{each.typical:.4g}", f"{each.most:.4g}", printable(str(each.best)))
    console.print(table)


def _table(title: str, rows: Sequence[Row], objectives: Sequence[Objective], space: Space, width: int) -> Table:
    """Points, a line each; where keys take too much room by the last of their words."""
    shown = list(dict.fromkeys([*(each.figure for each in objectives), "edp_pj_ns", "area_mm2", "accuracy"]))
    shown = [name for name in shown if any(row.get(name) is not None for row in rows)]
    shown += [name for name in (FRONT, BEATS) if any(row.get(name) is not None for row in rows)]
    places = [name for name in ("design", "trace") if len({row[name] for row in rows}) > 1]
    keys = [axis.key for axis in space.axes]
    units, columns = _columns(shown, rows)
    headings = list(map(_heading, shown, units))
    lines = [
        (
            REFERENCE if row["settings"] == REFERENCE else str(row["point"]),
            *(printable(str(row[name])) for name in places),
            *(_word(row[key]) for key in keys),
            *(cells[i] for cells in columns),
        )
        for i, row in enumerate(rows)
    ]
    for names in (keys, _shortened(keys)):
        table = plain_table(title, "point", *places, *map(printable, names), *headings, left=places)
        table.columns[0].no_wrap = True
        for column in table.columns[1:]:
            column.overflow = "fold"  # nothing of a heading or value is lost
        for line in lines:
            table.add_row(*line)
        if Measurement.get(_UNBOUNDED, _UNBOUNDED.options, table).maximum <= width:
            break
    return table


def _shortened(keys: Sequence[str]) -> list[str]:
    """The last words of keys, as many as tell each from the others."""

    def last(key: str) -> str:
        words = key.split(".")
        ends = (".".join(words[-n:]) for n in range(1, len(words) + 1))
        return next(end for end in ends if sum(f".{other}".endswith(f".{end}") for other in keys) == 1)

    return [last(key) for key in keys]


def _word(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else printable(str(value))


def _columns(figures: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Units of figures, each that suits the largest value, and the figures of all rows in them; empty if unknown."""
    found = [_in_unit(figure, [row.get(figure) for row in rows]) for figure in figures]
    return [unit for unit, _ in found], [cells for _, cells in found]


def _in_unit(figure: str, values: Sequence[float | None]) -> tuple[str, list[str]]:
    _, unit, factor = SHOWN.get(figure, ("", "", 1.0))
    scaled = [None if value is None else value * factor for value in values]
    if unit == "%":
        return unit, ["" if each is None else f"{each:.1f}" for each in scaled]
    divisor = 1.0
    if unit in PREFIXED:
        divisor, unit = number.unit_of(max((abs(each) for each in scaled if each is not None), default=0.0), unit)
    return unit, ["" if each is None else number.significant(each / divisor, 4) for each in scaled]


def _heading(figure: str, unit: str) -> str:
    return f"{word(figure)}, {unit}" if unit else word(figure)


def print_tuned(
    tuned: Tuned, objective: Objective, constraints: Sequence[Constraint], command: str, console: Console
) -> None:
    """What tuning changed, and what each change bought, and whether nothing is better than the design as it stands."""
    if _stands(tuned, objective, constraints):
        console.print(_nothing_better(tuned, objective, constraints), markup=False, highlight=False)
        if not tuned.changes:
            return
    name = objective.figure
    rows = [tuned.reference, *(change.after for change in tuned.changes), tuned.best]
    changes = ["as it stands", *(printable(change.setting) for change in tuned.changes), "all together"]
    times = ["", *(_times(name, change.before, change.after) for change in tuned.changes)]
    times.append(_times(name, tuned.reference, tuned.best))
    shown = list(dict.fromkeys((name, "area_mm2")))
    units, (figures, *others) = _columns(shown, rows)
    first, *headings = map(_heading, shown, units)
    title = f"From the design as it stands, {tuned.tried} designs tried"
    table = plain_table(title, "change", first, "times", *headings)
    for i, row in enumerate(rows):
        cell = "only with what follows" if row["error"] is not None else figures[i]
        table.add_row(changes[i], cell, times[i], *(cells[i] for cells in others))
    console.print(table)
    if broken := [str(each) for each in constraints if not each.met_by(tuned.reference)]:
        console.print(f"\nthe design as it stands breaks {' and '.join(broken)}", markup=False, highlight=False)
    if tuned.best.get("accuracy") is not None:
        console.print(f"\naccuracy {number.percent(tuned.best['accuracy'])}")
    console.print(f"\n{command}", markup=False, highlight=False, soft_wrap=True)


def _times(figure: str, before: Row, after: Row) -> str:
    if after["error"] is not None:
        return ""
    return f"{after[figure] / before[figure] if before[figure] else 1.0:.4g}"


def _stands(tuned: Tuned, objective: Objective, constraints: Sequence[Constraint]) -> bool:
    """Whether the design as it stands keeps the constraints and is no worse than what was found."""
    kept = all(each.met_by(tuned.reference) for each in constraints)
    return kept and objective.loss(tuned.reference) <= objective.loss(tuned.best)


def _nothing_better(tuned: Tuned, objective: Objective, constraints: Sequence[Constraint]) -> str:
    shown = list(dict.fromkeys((objective.figure, "area_mm2")))
    units, columns = _columns(shown, [tuned.reference])
    parts = zip(map(word, shown), (cells[0] for cells in columns), units, strict=True)
    here = ", ".join(" ".join(filter(None, part)) for part in parts)
    within = f" within {' and '.join(map(str, constraints))}" if constraints else ""
    more = "more" if objective.largest else "less"
    return (
        f"nothing better was found: of {tuned.tried} designs tried, none{within} has {more} {word(objective.figure)} "
        f"than the design as it stands ({here})"
    )
