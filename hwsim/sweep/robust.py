"""How sure an order is: in how many draws of all prices a point is on the front, and beats the design as it stands."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.sweep.figures import Objective
from hwsim.sweep.pareto import on_front
from hwsim.sweep.row import Row
from hwsim.sweep.space import REFERENCE

FRONT, BEATS = "front_probability", "beats_reference"


def with_probabilities(rows: Sequence[Row], eligible: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """Rows with the share of draws in which each is on the front of the eligible, and beats its reference.

    It beats the reference, the first design as it stands with the same trace, where its first objective is better.
    Columns stay empty for rows without draws.
    """
    import numpy as np

    found = {id(row): {**row, FRONT: None, BEATS: None} for row in rows}
    for trace in dict.fromkeys(row["trace"] for row in rows):
        own = [row for row in eligible if row["trace"] == trace and row.get("draws")]
        if not own:
            continue
        losses = np.array([[_losses(row, each) for each in objectives] for row in own])  # [row, objective, draw]
        n_draws = losses.shape[2]
        counts = np.zeros(len(own), np.int64)
        for draw in range(n_draws):
            counts[on_front(losses[:, :, draw])] += 1
        reference = next((row for row in rows if row["trace"] == trace and row["settings"] == REFERENCE), None)
        known = None if reference is None or not reference.get("draws") else _losses(reference, objectives[0])
        for row, count, loss in zip(own, counts, losses[:, 0], strict=True):
            beats = None if known is None else float(np.mean(loss < np.array(known)))
            found[id(row)] |= {FRONT: int(count) / n_draws, BEATS: beats}
    return list(found.values())


def _losses(row: Row, objective: Objective) -> list[float]:
    """An objective at every draw; a figure that no price moves is the same at all."""
    draws = row["draws"]
    some: list[float] = next(iter(draws.values()))
    values = draws.get(objective.figure, [row.get(objective.figure)] * len(some))
    return [objective.loss({objective.figure: value}) for value in values]
