"""Chips beside their predictions as the text of documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from validation import machine_pages, marks
from validation.figures import FOLDER, Chip, Figure, Kind, Seen
from validation.markdown import digits, table

_TARGETS: Sequence[tuple[Kind, str, float, int]] = (
    ("energy", "energy within a factor of 2", 1.0, 3),
    ("energy", "energy within 25 %", 0.25, 1),
    ("time", "time within 25 %", 0.25, 2),
    ("area", "area within 30 %", 0.3, 2),
)
"""What was asked of the comparison before it was made, and of how many chips."""
_SEEN: Mapping[Seen, str] = {"read": "read", "typed": "typed by others", "derived": "derived", "recalled": "recalled"}


def documents(chips: Mapping[str, Chip]) -> dict[Path, str]:
    """Every document that shows chips, with what they are now in it."""
    return marks.documents(FOLDER, _PARTS, chips)


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
    """A line for each thing that was asked, with what files as first committed would have given where that is less."""
    lines = []
    for kind, what, share, wanted in _TARGETS:
        compared = {
            chip.name: each for chip in chips.values() for each in chip.figures if each.headline and each.kind == kind
        }
        near = [name for name, each in compared.items() if is_near(each.ratio, share)]
        first = [name for name in near if is_near(compared[name].first_ratio, share)]
        held = "held" if len(near) >= wanted else "missed"
        if len(first) < wanted <= len(near):
            held = f"held, but missed with files as first committed ({', '.join(first) or 'none'})"
        names = ", ".join(near) or "none"
        lines.append(f"- {what}: {len(near)} of {len(compared)} chips ({names}), {wanted} wanted: {held}.")
    return lines


def is_near(ratio: float, share: float) -> bool:
    """Whether a ratio is within a factor of 2 either way (a share of 1), or so near to 1."""
    return 1 / 2 <= ratio <= 2 if share == 1 else abs(ratio - 1) <= share


def chip_section(chip: Chip) -> str:
    """All of a chip."""
    parts = [f"### {chip.title}", f"`arch/published/{chip.file}`.", *chip.notes, _predicted(chip)]
    if any(each.fitted_on for each in chip.figures):
        parts.append(_fitted(chip))
    for each in chip.tables:
        parts += [f"{each.title}:", table(each.columns, each.rows)]
    return "\n\n".join(parts)


def _predicted(chip: Chip) -> str:
    """Figures in which nothing is fitted."""
    columns = ("figure", "published", "seen", "predicted", "by its prices", "ratio", "what is off")
    return table(
        columns,
        [
            (each.figure, _number(each.published, each.unit), _SEEN[each.seen], *_prediction(each), _why(each))
            for each in chip.figures
            if not each.fitted_on
        ],
    )


def _fitted(chip: Chip) -> str:
    """Those with one factor that was fitted on another one."""
    columns = ("with one factor fitted", "on", "published", "predicted", "by its prices", "ratio")
    return table(
        columns,
        [
            (each.figure, each.fitted_on, _number(each.published, each.unit), *_prediction(each))
            for each in chip.figures
            if each.fitted_on
        ],
    )


def _why(each: Figure) -> str:
    if each.first is None:
        return each.why
    first = f"as first committed {each.first_ratio:.2f}"
    return f"{each.why}; {first}" if each.why else first


def chips_page(chips: Mapping[str, Chip]) -> str:
    """The summary and a section a chip."""
    return "\n\n".join([summary(chips), *(chip_section(chip) for chip in chips.values())])


def _prediction(each: Figure) -> tuple[str, str, str]:
    interval = f"{digits(each.low)} to {digits(each.high)}" if each.low != each.high else ""
    return _number(each.predicted, each.unit), interval, f"{each.ratio:.2f}"


def _number(value: float, unit: str) -> str:
    return digits(value) if unit == "accesses" else f"{digits(value)} {unit}"


_PARTS: Sequence[tuple[str, str, Callable[[Mapping[str, Chip]], str]]] = (
    ("README.md", "verdicts", lambda chips: "\n".join(verdicts(chips))),
    ("docs/evidence.md", "silicon", summary),
    ("docs/validation.md", "chips", chips_page),
    ("docs/machines/stdp.md", "odin", machine_pages.odin),
    ("docs/machines/digital.md", "eyeriss", machine_pages.eyeriss),
    ("docs/decisions/0017-converters.md", "converters", machine_pages.converters),
)
"""Document, name of the part and what makes it."""
