"""A published figure of a chip beside what hwsim predicts for it, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).resolve().parents[2]
PUBLISHED = FOLDER / "arch" / "published"

Seen = Literal["read", "typed", "derived", "recalled"]
"""How a published figure was seen: in its own document, typed by others, worked out from these, or recalled."""

Kind = Literal["energy", "time", "area", "traffic", "accesses"]
"""What a figure is of."""


Bounds = tuple[float, float, float]
"""A prediction, and what it is at the lowest and at the highest prices."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: nothing in `predicted` was fitted unless `fitted_on` says on what.

    `low` and `high` are the prediction at the lowest and the highest prices, equal to it where no price enters.
    `headline` marks the figure by which a chip counts: of one kind a chip has one at most.  `first` is what the chip's
    file predicted as it was first committed, where that is another one now.
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
    first: float | None = None

    @classmethod
    def of(cls, figure: str, kind: Kind, unit: str, published: float, seen: Seen, found: Bounds, **more: Any) -> Figure:
        """One of a prediction with its bounds."""
        return cls(figure, kind, unit, published, seen, *found, **more)

    @classmethod
    def exact(
        cls, figure: str, kind: Kind, unit: str, published: float, seen: Seen, found: float, **more: Any
    ) -> Figure:
        """One that no price enters."""
        return cls(figure, kind, unit, published, seen, found, found, found, **more)

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.published

    @property
    def first_ratio(self) -> float:
        """The same of the chip's file as first committed."""
        return self.ratio if self.first is None else self.first / self.published


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
