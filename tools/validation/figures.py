"""A published figure of a chip beside what hwsim predicts for it, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).resolve().parents[2]
PUBLISHED = FOLDER / "arch" / "published"

Seen = Literal["read", "typed", "derived", "recalled"]
"""How a published figure was seen: in its own document, typed by others, worked out from these, or recalled."""

Kind = Literal["energy", "time", "area", "traffic", "accesses"]
"""What a figure is of."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: nothing in `predicted` was fitted unless `fitted_on` says on what.

    `low` and `high` are the prediction at the lowest and the highest prices, equal to it where no price enters.
    `headline` marks the figure by which a chip counts: of one kind a chip has one at most.
    """

    figure: str
    kind: Kind
    unit: str
    published: float
    seen: Seen
    predicted: float
    low: float
    high: float
    why: str = ""
    headline: bool = False
    fitted_on: str = ""

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.published

    def within(self, factor: float) -> bool:
        """Whether prediction and publication are at most this factor apart, either way."""
        return 1 / factor <= self.ratio <= factor


@dataclass(frozen=True, slots=True)
class Table:
    """A table of its own below a chip's figures, such as one of its layers; cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip that was attempted: its file, what it was compared by, and what has to be known to read that."""

    name: str
    title: str
    file: str  # in arch/published
    figures: Sequence[Figure]
    tables: Sequence[Table] = field(default=())
    notes: Sequence[str] = field(default=())
