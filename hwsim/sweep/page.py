"""One page to explore a sweep with: data, drawing and style in a single file that asks no network."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hwsim.sweep.figures import FIGURES, LARGER_IS_BETTER, PREFIXED, SHOWN, Constraint, Objective, word
from hwsim.sweep.robust import BEATS, FRONT
from hwsim.sweep.row import Row
from hwsim.sweep.space import Point, Space

_PARTS = Path(__file__).parent / "explorer"
_HIDDEN = {"draws", "host", "seconds", "error"}


def to_html(
    space: Space, rows: Sequence[Row], objectives: Sequence[Objective], constraints: Sequence[Constraint] = ()
) -> str:
    """The page of some rows of a space; those that could not be run are counted and not drawn."""
    found = [row for row in rows if row["error"] is None]
    used = [name for name in FIGURES if any(row.get(name) is not None for row in found)]
    shares = [name for name in (FRONT, BEATS) if any(row.get(name) is not None for row in found)]
    data: dict[str, Any] = {
        "title": f"{', '.join(space.names)} on {', '.join(source.name for source in space.traces)}",
        "knobs": [*(["design"] if len(space.designs) > 1 else []), *(["trace"] if len(space.traces) > 1 else [])]
        + [axis.key for axis in space.axes],
        "figures": [*used, *shares],
        "shares": shares,
        "shown": {name: SHOWN.get(name, (word(name), "", 1.0)) for name in [*used, *shares]},
        "prefixed": sorted(PREFIXED),
        "larger": [*LARGER_IS_BETTER, *shares],
        "objectives": [each.figure for each in objectives if each.figure in used] or used[:1],
        "constraints": [
            {"text": str(c), "figure": c.figure, "relation": c.relation, "bound": c.bound} for c in constraints
        ],
        "traces": len(space.traces),
        "failed": len(rows) - len(found),
        "rows": [{**_drawn(row), "command": command(space, row)} for row in found],
    }
    # Nothing in the data can end the element that it stands in.
    as_json = json.dumps(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    page = _part("explorer.html")
    for mark, text in (("css", _part("explorer.css")), ("js", _part("explorer.js")), ("data", as_json)):
        page = page.replace("/* data */" if mark == "data" else f"/* explorer.{mark} */", text)
    return page


def command(space: Space, row: Row) -> str:
    """The command that simulates a row's point again, with a `--set` for each of its settings."""
    point = space.point(row["point"])
    settings = *space.designs[point.design].overrides, *space.settings(point)
    return with_settings(space, point, settings)


def with_settings(space: Space, point: Point, settings: Iterable[str]) -> str:
    """The command that simulates a point's design and trace with some settings."""
    words = ["hwsim", "simulate", space.names[point.design], space.traces[point.trace].written]
    for setting in settings:
        words += ["--set", setting]
    for option in ("samples", "timesteps"):
        if (value := getattr(space.asked, option)) is not None:
            words += [f"--{option}", str(value)]
    return shlex.join(words)


def _drawn(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _HIDDEN}


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")
