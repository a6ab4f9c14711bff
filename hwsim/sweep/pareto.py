"""Points that no other beats in every objective at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.sweep.figures import Constraint, Objective
from hwsim.sweep.row import Row


def feasible(rows: Sequence[Row], constraints: Sequence[Constraint]) -> list[Row]:
    """Rows of points that could be run and keep every constraint."""
    return [row for row in rows if row["error"] is None and all(each.met_by(row) for each in constraints)]


def front(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """Rows that are on the front, those of each trace by themselves, by the first objective; of equals the first.

    Rows that do not know an objective are on none.
    """
    found = []
    for trace in dict.fromkeys(row["trace"] for row in rows):
        own = [row for row in rows if row["trace"] == trace]
        losses = np.array([[each.loss(row) for each in objectives] for row in own]).reshape(len(own), -1)
        found += [own[i] for i in on_front(losses)]
    return found


def on_front(losses: NDArray[np.float64]) -> list[int]:
    """Places of rows [row, objective] that none is at least as good as in all and better in one, by the first."""
    kept: list[int] = []
    best = np.empty((0, losses.shape[1]))
    # After those that are less in the first differing objective none can come that beats them.
    for i in np.lexsort(losses.T[::-1]) if losses.size else ():
        row = losses[i]
        if np.isfinite(row).all() and not (best <= row).all(axis=1).any():
            kept.append(int(i))
            best = np.vstack([best, row])
    return kept
