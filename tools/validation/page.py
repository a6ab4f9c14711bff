"""Chips beside their predictions as the text of documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from validation.figures import FOLDER, Chip, Figure, Kind, Table
from validation.marks import replaced

_TARGETS: Sequence[tuple[Kind, str, float, int]] = (
    ("energy", "energy within a factor of 2", 2.0, 3),
    ("energy", "energy within 25 %", 1.25, 1),
    ("time", "time within 25 %", 1.25, 2),
    ("area", "area within 30 %", 1.3, 2),
)
"""What was asked of the comparison before it was made, and of how many chips."""
_SEEN = {"read": "read", "typed": "typed by others", "derived": "derived", "recalled": "recalled"}


def documents(chips: Mapping[str, Chip]) -> dict[Path, str]:
    """Every document that shows chips, with what they are now in it."""
    texts: dict[Path, str] = {}
    for place, name, body in _PARTS:
        path = FOLDER / place
        before = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = replaced(path, before, name, body(chips))
    return texts


def summary(chips: Mapping[str, Chip]) -> str:
    """The figures by which chips count, and how many are how near."""
    rows = [
        (chip.name, each.figure, _number(each.published, each.unit), *_prediction(each))
        for chip in chips.values()
        for each in chip.figures
        if each.headline
    ]
    columns = ("chip", "figure", "published", "predicted", "by its prices", "ratio")
    return "\n\n".join([table(columns, rows), "\n".join(verdicts(chips))])


def verdicts(chips: Mapping[str, Chip]) -> list[str]:
    """A line for each thing that was asked."""
    lines = []
    for kind, what, factor, wanted in _TARGETS:
        compared = {
            chip.name: figure
            for chip in chips.values()
            for figure in chip.figures
            if figure.headline and figure.kind == kind
        }
        near = [name for name, figure in compared.items() if not figure.fitted_on and near_enough(figure, factor)]
        held = "held" if len(near) >= wanted else "missed"
        lines.append(
            f"- {what}: {len(near)} of {len(compared)} chips ({', '.join(near) or 'none'}), {wanted} wanted: {held}."
        )
    return lines


def near_enough(figure: Figure, factor: float) -> bool:
    """Within a factor of 2 either way, or within a share of what was published."""
    return figure.within(factor) if factor >= 2 else abs(figure.ratio - 1) <= factor - 1


def chip_section(chip: Chip) -> str:
    """All of a chip."""
    rows = [
        (each.figure, _number(each.published, each.unit), _SEEN[each.seen], *_prediction(each), each.why)
        for each in chip.figures
    ]
    columns = ("figure", "published", "how it was seen", "predicted", "by its prices", "ratio", "what is off")
    parts = [f"### {chip.title}", f"`arch/published/{chip.file}`.", *chip.notes, table(columns, rows)]
    for each in chip.tables:
        parts += [f"{each.title}:", table(each.columns, each.rows)]
    return "\n\n".join(parts)


def chips_page(chips: Mapping[str, Chip]) -> str:
    """The summary and a section a chip."""
    return "\n\n".join([summary(chips), *(chip_section(chip) for chip in chips.values())])


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def one_table(chip: str, index: int) -> Callable[[Mapping[str, Chip]], str]:
    """A chip's table for the page of its machine."""

    def body(chips: Mapping[str, Chip]) -> str:
        found: Table = chips[chip].tables[index]
        return table(found.columns, found.rows)

    return body


def _prediction(each: Figure) -> tuple[str, str, str]:
    interval = f"{_digits(each.low)} to {_digits(each.high)}" if each.low != each.high else ""
    return _number(each.predicted, each.unit), interval, f"{each.ratio:.2f}"


def _number(value: float, unit: str) -> str:
    return f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    """Three digits, all of larger whole numbers."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


_PARTS: Sequence[tuple[str, str, Callable[[Mapping[str, Chip]], str]]] = (("docs/validation.md", "chips", chips_page),)
"""Document, name of the part and what makes it."""
