"""Names the cycle of jobs that a stopped engine is caught in; it does not search a schedule that has not been run."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.engine.schedule import Schedule
from hwsim.errors import ModelError


def deadlock(schedule: Schedule, heads: Sequence[int]) -> ModelError:
    """The error for a run that stopped with jobs left and nothing pending.

    `heads` is, per stage, the first job that neither ran nor became void. Unmet waits are followed from the first such
    job until one repeats, so the message ends with the job it begins with, whichever engine asks.
    """
    positions = schedule.positions
    position = next(p for p, stage in enumerate(schedule.stages) if heads[p] < stage.n_jobs)
    path: list[tuple[int, int]] = []  # (stage waiting with its head, job it waits for)
    seen: dict[int, int] = {}
    while position not in seen:
        seen[position] = len(path)
        awaited_position, awaited_job = _first_unmet(schedule, positions, heads, position)
        path.append((position, awaited_job))
        position = awaited_position
    cycle = path[seen[position] :]
    return ModelError(f"deadlock: {_sentence(schedule, heads, cycle)}")


def _first_unmet(schedule: Schedule, positions: dict[str, int], heads: Sequence[int], position: int) -> tuple[int, int]:
    job = heads[position]
    for wait in schedule.stages[position].waits:
        awaited = int(wait.needs[job])
        if awaited >= heads[positions[wait.stage]]:
            return positions[wait.stage], awaited
    raise AssertionError(f"{schedule.stages[position].name}[{job}] was left although all its waits are met")


def _sentence(schedule: Schedule, heads: Sequence[int], cycle: list[tuple[int, int]]) -> str:
    first = cycle[0][0]
    words = f"{schedule.stages[first].name}[{heads[first]}]"
    for step, (_, awaited) in enumerate(cycle):
        position = cycle[(step + 1) % len(cycle)][0]
        name = schedule.stages[position].name
        words += f"{', which' if step else ''} waits for {name}[{awaited}]"
        if awaited > heads[position]:
            words += f", which comes after {name}[{heads[position]}]"
    return words
