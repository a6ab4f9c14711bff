"""A claim beside what was found for it, as data and as a printed table."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console

from hwsim.view.terminal.plain_table import plain_table

Value = TypeVar("Value")


def timed(value: Value | None) -> Value:
    """A figure of a design that has time, as all designs here have."""
    assert value is not None
    return value


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `paper` is what its source prints (empty where it says nothing), `ours` what hwsim finds.

    `numbers` has the figures of `ours` by name.  `headline` marks what a paper is judged by.
    """

    what: str
    paper: str
    ours: str
    why: str = ""  # which assumption moves it, or what cannot be compared
    numbers: Mapping[str, float] = field(default_factory=dict)
    headline: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together, with what has to be known to read them."""

    title: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Paper:
    """All tables of a paper, and at their end the strongest that can be said against them, with what they say to it."""

    title: str
    sections: list[Section]
    objection: str
    answer: str


def percent(fraction: float, digits: int = 1) -> str:
    """0.354 as '35.4 %'."""
    return f"{100 * fraction:.{digits}f} %"


def ratio(value: float) -> str:
    """4.9 as '4.90x'."""
    return f"{value:.2f}x"


def both(*values: float) -> str:
    """Several ratios, as '5.20x, 7.39x'."""
    return ", ".join(ratio(value) for value in values)


def with_error(value: float, standard_error: float | None, digits: int = 3) -> str:
    """A value with its standard error."""
    return f"{value:.{digits}f}" + ("" if standard_error is None else f" +- {standard_error:.{digits}f}")


def print_sections(title: str, sections: Sequence[Section]) -> None:
    """All tables of a paper on the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    console = Console(width=max(width, 120), highlight=False)
    console.print(f"\n[bold]{title}[/bold]")
    for section in sections:
        table = plain_table(section.title, "", "paper", "ours", "what moves it", left=("", "what moves it"))
        for row in section.rows:
            table.add_row(row.what, row.paper or "-", row.ours, row.why)
        console.print(table)
        for note in section.notes:
            console.print(f"  {note}", soft_wrap=True, markup=False)


def print_paper(paper: Paper) -> None:
    """A paper's tables on the terminal, its objection last."""
    print_sections(paper.title, paper.sections)
    print(f"\nStrongest objection: {paper.objection}\nWhat the figures say: {paper.answer}")
