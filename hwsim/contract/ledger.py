"""How often each action happened, as exact integers per sample and timestep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.engine.stage import BatchStage, Stage
from hwsim.engine.timesteps import Timesteps
from hwsim.errors import ModelError
from hwsim.named import Named, Places

Counts = NDArray[np.int64]
AnyStage = Stage | BatchStage
OPERATIONS = "operations"
"""The one component without prices: what the network asked for (MAC, AC, membrane updates), posted like actions."""


class Action(NamedTuple):
    """Something that a component does for a layer, and that has a price."""

    layer: str
    component: str
    action: str


Done = tuple[str, Sequence[tuple[str, str, int]]]
"""A stage and what its jobs do, those actions without a price among them: component, action and a number."""


class Posting(NamedTuple):
    """Counts of one action by the jobs of one stage: int64 [job], or [sample, job] where samples differ."""

    stage: str
    component: str
    action: str
    counts: Counts


class Postings(NamedTuple):
    """Counts of several actions by the jobs of one stage, of which some may share theirs."""

    stage: str
    actions: Sequence[tuple[str, str, int]]  # component, action and which of the counts
    counts: Counts  # int64 [count, 1 or sample, job]


class Posted(NamedTuple):
    """One action as it was posted: `rows` int64 [1 or sample, job], one where samples do not differ."""

    stage: str
    component: str
    action: str
    rows: Counts
    n_samples: int

    @property
    def counts(self) -> Counts:
        """Counts of every job: int64 [sample, job]."""
        return np.broadcast_to(self.rows, (self.n_samples, self.rows.shape[1]))


@dataclass(frozen=True, slots=True)
class Checked:
    """Postings that were checked, with sums that are found once."""

    stage: str
    actions: tuple[tuple[str, str, int], ...]
    rows: Counts  # [count, 1 or sample, job]
    _sums: dict[tuple[int, int], Counts] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, postings: Posting | Postings, n_samples: int = 1) -> Checked:
        """Those of so many samples, or what is the same for any.

        Raises ModelError for counts that are not integers, are negative or have another number of samples.
        """
        if isinstance(postings, Postings):
            stage, actions, counts = postings
            shaped = counts.ndim == 3
        else:
            stage, component, action, given = postings
            actions, counts, shaped = [(component, action, 0)], np.atleast_2d(given)[None], given.ndim <= 2
        if counts.dtype != np.int64 or not shaped or (counts.size and np.minimum.reduce(counts, axis=None) < 0):
            wrong = next((each for each in actions if counts[each[2]].min(initial=0) < 0), actions[0])
            raise ModelError(f"{_named(stage, wrong)}: counts must be int64 >= 0, [job] or [sample, job]")
        if counts.shape[1] not in (1, n_samples):
            raise ModelError(f"{_named(stage, actions[0])}: counts of {counts.shape[1]} samples, not {n_samples}")
        return cls(stage, tuple(actions), counts)

    def sums(self, timestep: NDArray[np.int32], timesteps: int, n_samples: int) -> Counts:
        """Sums over the jobs of each timestep: int64 [count, sample, timestep]."""
        asked = timesteps, n_samples
        if asked not in self._sums:
            self._sums[asked] = for_all(Timesteps.of(timestep).sums(self.rows, timesteps), n_samples)
        return self._sums[asked]


Posters = tuple[tuple[str, tuple[tuple[str, str, int], ...], int], ...]
"""Of each posting its layer, its actions with which of its counts they have, and how many counts there are."""


class _Layout(NamedTuple):
    """Where actions lie among all counts one after another, and behind them those with several."""

    places: Places[Action]
    several: NDArray[np.intp]  # which counts those add up, one after another
    starts: NDArray[np.intp]  # where among these each begins


@lru_cache(maxsize=1 << 4)  # of a network of 4,000 layers each takes 7 MB
def _laid_out(posters: Posters) -> _Layout:
    """That of some postings, made once, as every batch posts the same."""
    places: dict[Action, list[int]] = {}
    n = 0
    for layer, actions, n_counts in posters:
        for component, action, place in actions:
            places.setdefault(Action(layer, component, action), []).append(n + place)
        n += n_counts
    added = [which for which in places.values() if len(which) > 1]
    behind = iter(range(n, n + len(added)))
    return _Layout(
        Places({key: which[0] if len(which) == 1 else next(behind) for key, which in places.items()}),
        np.array([place for which in added for place in which], np.intp),
        np.cumsum([0, *map(len, added)], dtype=np.intp)[:-1],
    )


def _named(stage: str, action: tuple[str, str, int]) -> str:
    return f"{action[0]}.{action[1]} of {stage}"


class Ledger:
    """Postings of a batch of samples whose schedules have the same stages and jobs."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self._checked: list[Checked] = []

    @classmethod
    def of(cls, n_samples: int, postings: Iterable[Posting | Postings | Checked]) -> Ledger:
        """A ledger of everything that some samples do; what any samples do alike may have been checked before."""
        ledger = cls(n_samples)
        ledger._checked = [each if isinstance(each, Checked) else Checked.of(each, n_samples) for each in postings]
        return ledger

    @property
    def postings(self) -> list[Posted]:
        """Everything that was posted, action by action."""
        return [
            Posted(each.stage, component, action, each.rows[place], self.n_samples)
            for each in self._checked
            for component, action, place in each.actions
        ]

    def post(self, stage: str, component: str, action: str, counts: ArrayLike) -> None:
        """Add counts [job] or [sample, job] of an action done by the jobs of `stage`; zero counts are posted too.

        Raises ModelError as `Checked.of` does.
        """
        posting = Posting(stage, component, action, np.atleast_1d(np.asarray(counts)))
        self._checked.append(Checked.of(posting, self.n_samples))

    def done_by(self) -> Sequence[Done]:
        """What the jobs of each stage do, posting by posting, without how often."""
        return [(each.stage, each.actions) for each in self._checked]

    def tally(
        self, stages: Sequence[AnyStage], timesteps: int, ran: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> Mapping[Action, Counts]:
        """Sum the postings over the jobs that ran: int64 [sample, timestep] for every action.

        `ran` is [sample, job] by stage; without it all did.  Stages that a run does not have are left out of it.
        Raises ModelError where counts and jobs disagree.
        """
        if ran is None:
            return self._by_action(
                stages, lambda stage, checked: checked.sums(stage.timestep, timesteps, self.n_samples)
            )
        found = ran

        def of_those(stage: AnyStage, checked: Checked) -> Counts:
            return Timesteps.of(stage.timestep).sums(checked.rows * found[stage.name], timesteps)

        return self._by_action(stages, of_those)

    def until(self, stages: Sequence[AnyStage], ends: Mapping[str, Counts]) -> Mapping[Action, Counts]:
        """Sum the postings over the first jobs of every stage, as many as `ends` [sample, end] says: [sample, end]."""
        return self._by_action(stages, lambda stage, checked: first_jobs(checked.rows, ends[stage.name]))

    def _by_action(
        self, stages: Sequence[AnyStage], total: Callable[[AnyStage, Checked], Counts]
    ) -> Mapping[Action, Counts]:
        """Totals of each posting under its layer and action, added up where several have one."""
        by_name = {stage.name: stage for stage in stages}
        posters, rows = [], []
        for checked in self._checked:
            stage = by_name.get(checked.stage)
            if stage is None:
                continue
            if checked.rows.shape[2] != stage.n_jobs:
                raise ModelError(
                    f"{_named(stage.name, checked.actions[0])}: "
                    f"counts of {checked.rows.shape[2]} jobs, the stage has {stage.n_jobs}"
                )
            posters.append((stage.layer, checked.actions, len(checked.rows)))
            rows.append(for_all(total(stage, checked), self.n_samples))
        if not rows:
            return {}
        layout, found = _laid_out(tuple(posters)), np.concatenate(rows)
        if layout.starts.size:
            found = np.concatenate([found, np.add.reduceat(found[layout.several], layout.starts)])
        return Named(layout.places, found)


def for_all(rows: Counts, n_samples: int) -> Counts:
    """Counts [..., 1 or sample, timestep] as those of every sample, read-only where they are alike.

    np.broadcast_to is slow.
    """
    if rows.shape[-2] == n_samples:
        return rows
    shape, strides = (*rows.shape[:-2], n_samples, rows.shape[-1]), (*rows.strides[:-2], 0, rows.strides[-1])
    spread = np.ndarray(shape, rows.dtype, rows, 0, strides)
    spread.flags.writeable = False
    return spread


def first_jobs(values: Counts, ends: Counts) -> Counts:
    """Sums of values [..., 1 or sample, job] over the first jobs, as many as `ends` [sample, end] says.

    They are [..., sample, end].
    """
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1), np.int64)
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    leading = values.shape[:-2]
    each = np.broadcast_to(sums, (*leading, len(ends), sums.shape[-1]))
    return np.take_along_axis(each, np.broadcast_to(ends, (*leading, *ends.shape)), axis=-1)
