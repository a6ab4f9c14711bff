"""A search that walks the grid of a space: Optuna proposes points, workers run those that are not known."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwsim.errors import UsageError
from hwsim.sweep.figures import Constraint, Objective
from hwsim.sweep.grid import Told, checked, run_points
from hwsim.sweep.journal import Rows
from hwsim.sweep.order import ordered, outermost_first
from hwsim.sweep.pareto import feasible, front
from hwsim.sweep.row import Row
from hwsim.sweep.runner import Executors
from hwsim.sweep.space import Space

Method = Literal["nsga2", "tpe", "random"]
DESIGN = "design"
_ASKS_A_TRIAL = 20
"""Proposals in vain, of points that are known, for each trial before a search says that it finds no more."""


@dataclass(frozen=True, slots=True)
class Search:
    """How to search, and for what."""

    method: Method
    trials: int  # points that are run; those that are proposed again count once
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    seed: int = 0
    study: Path | None = None  # file of the study
    shared: bool = False  # with other commands, so that what they are about to write is not touched


def check_search(space: Space, search: Search) -> None:
    """Raise UsageError for a search that cannot be, and where Optuna is not installed."""
    if search.trials < 1:
        raise UsageError(f"trials: must be at least 1, got {search.trials}")
    if not search.objectives:
        raise UsageError("search: wants something to minimize, such as energy_pj,area_mm2")
    if len(space.traces) != 1:
        raise UsageError(f"search: is of one trace, got {len(space.traces)}")
    if not space.axes:
        raise UsageError("search: there is nothing to vary")
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise UsageError("search: optuna is not installed; pip install 'hwsim[search]'") from None


def run_search(
    space: Space, search: Search, into: Rows, executors: Executors | None = None, told: Told = lambda *_: None
) -> None:
    """Add rows of points that a search proposes, until there are as many as it has trials.

    Proposals come in generations, so that the same seed proposes the same points however many processes run them.

    Raises UsageError as `check_search`, and where a study is of another space or of other objectives.
    """
    check_search(space, search)
    references = [n for n in range(space.n_references) if n not in into.rows]
    run_points(space, checked(space, references, into, None), (), into, None)
    study = _study(space, search)
    _catch_up(study, space, search, into)
    order = _order(space)
    wanted, vain = search.trials, 0
    while (missing := wanted - _n_run(space, into)) > 0 and vain < _ASKS_A_TRIAL * wanted:
        batch = _ask(study, space, search, into, min(missing, _generation(search)))
        new = sorted({number for _, number in batch} - into.rows.keys())
        vain = 0 if new else vain + len(batch)
        sound = checked(space, new, into, None)
        run_points(space, ordered(space, sound, order), order, into, executors)
        for trial, number in batch:
            _tell(study, trial, into.rows[number], search)
        told(_n_run(space, into), wanted)


def _n_run(space: Space, into: Rows) -> int:
    return sum(number >= space.n_references for number in into.rows)


def _order(space: Space) -> tuple[int, ...]:
    middle = tuple(len(axis.values) // 2 for axis in space.axes)
    return outermost_first(space, [space.point(space.number(0, 0, middle))])


def _generation(search: Search) -> int:
    """Proposals at once: a generation of NSGA-II, or few where each learns from those before."""
    return _population(search) if search.method == "nsga2" else 4


def _population(search: Search) -> int:
    """Our choice: some fifteen generations, of no fewer than 10 and no more than 50."""
    return max(2, min(max(10, search.trials // 15), 50, search.trials))


def _study(space: Space, search: Search) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [each.figure for each in search.objectives]
    if search.study is not None and not search.shared:
        _cut_torn(search.study)
    storage = None if search.study is None else _storage(search.study, search.shared)
    study = optuna.create_study(
        study_name=f"hwsim {space.sha256[:16]} {' '.join(names)}",
        storage=storage,
        sampler=_sampler(search, 0),
        directions=["minimize"] * len(names),
        load_if_exists=True,
    )
    study.sampler = _sampler(search, len(study.trials))
    return study


def _cut_torn(path: Path) -> None:
    """Cut off what a kill left of a last line, behind which nothing could be read any more."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


class _Unlocked:
    """No lock, where that of the journal of rows keeps others out: one that a kill left would be waited for."""

    def acquire(self) -> bool:
        """Take what nobody else can want."""
        return True

    def release(self) -> None:
        """Give it back."""


def _storage(path: Path, shared: bool) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=None if shared else _Unlocked()))
    except Exception as error:
        raise UsageError(
            f"study: {path} cannot be used: {str(error).splitlines()[0] if str(error) else error!r}"
        ) from None


def _sampler(search: Search, known: int) -> Any:
    """The sampler, from another place of its random numbers where a study goes on."""
    import optuna

    seed = search.seed * 1_000_003 + known
    if search.method == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if search.method == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=10)
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=_population(search))


def _distributions(space: Space) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    found: dict[str, Any] = {}
    if len(space.designs) > 1:
        found[DESIGN] = CategoricalDistribution(list(range(len(space.designs))))
    for axis in space.axes:
        n = len(axis.values)
        numbers = all(isinstance(axis.shown(i), int | float) and type(axis.shown(i)) is not bool for i in range(n))
        found[axis.key] = IntDistribution(0, n - 1) if numbers else CategoricalDistribution(list(range(n)))
    return found


def _ask(study: Any, space: Space, search: Search, into: Rows, n: int) -> list[tuple[Any, int]]:
    """Proposals: trials with the numbers of their points.

    In the place of a point that is known comes one beside the front so far, a step along one axis away from it.
    """
    asked: list[tuple[Any, int]] = []
    near = _beside_front(space, search, into)
    random.Random(f"{search.seed}/{len(into.rows)}").shuffle(near)
    for _ in range(n):
        asked.append(_proposal(study, space))
        taken = into.rows.keys() | {number for _, number in asked[:-1]}
        if asked[-1][1] in taken and search.method != "random":
            while near and near[-1] in taken:
                near.pop()
            if near:
                study.enqueue_trial(_parameters(space, near.pop()))
                asked.append(_proposal(study, space))
    return asked


def _proposal(study: Any, space: Space) -> tuple[Any, int]:
    trial = study.ask(_distributions(space))
    number = _number(space, trial.params)
    trial.set_user_attr("point", number)
    return trial, number


def _beside_front(space: Space, search: Search, into: Rows) -> list[int]:
    """Points that are a step along one axis away from one on the front."""
    rows = [into.rows[number] for number in sorted(into.rows) if number >= space.n_references]
    near = set()
    for row in front(feasible(rows, search.constraints), search.objectives):
        point = space.point(row["point"])
        for axis, place in enumerate(point.places):
            for other in {max(place - 1, 0), min(place + 1, len(space.axes[axis].values) - 1)} - {place}:
                places = (*point.places[:axis], other, *point.places[axis + 1 :])
                near.add(space.number(point.design, point.trace, places))
    return sorted(near - into.rows.keys())


def _parameters(space: Space, number: int) -> dict[str, int]:
    """What a study calls a point."""
    point = space.point(number)
    design = {DESIGN: point.design} if len(space.designs) > 1 else {}
    return design | {axis.key: place for axis, place in zip(space.axes, point.places, strict=True)}


def _number(space: Space, parameters: Mapping[str, Any]) -> int:
    return space.number(parameters.get(DESIGN, 0), 0, tuple(parameters[axis.key] for axis in space.axes))


def _values(row: Row, search: Search) -> list[float] | None:
    losses = [each.loss(row) for each in search.objectives]
    return losses if row["error"] is None and all(map(math.isfinite, losses)) else None


def _tell(study: Any, trial: Any, row: Row, search: Search) -> None:
    from optuna.trial import TrialState

    values = _values(row, search)
    if values is None:
        study.tell(trial, state=TrialState.FAIL)
        return
    for constraint in search.constraints:
        trial.set_constraint(str(constraint), min(constraint.excess(row), 1e300))
    study.tell(trial, values)


def _catch_up(study: Any, space: Space, search: Search, into: Rows) -> None:
    """Let a study know the rows that it does not, and end trials that a kill left open, which are proposed anew."""
    import optuna
    from optuna.trial import TrialState

    known = {trial.user_attrs.get("point") for trial in study.trials if trial.state == TrialState.COMPLETE}
    mine = into.rows.keys()
    for trial in study.trials:
        if trial.state == TrialState.RUNNING and (not search.shared or trial.user_attrs.get("point") in mine):
            with contextlib.suppress(ValueError, RuntimeError):
                study.tell(trial.number, state=TrialState.FAIL)
    for number in sorted(mine - known):
        values = _values(into.rows[number], search)
        if number < space.n_references or values is None:
            continue
        trial = optuna.trial.create_trial(
            params=_parameters(space, number),
            distributions=_distributions(space),
            values=values,
            user_attrs={"point": number},
            constraints={str(each): min(each.excess(into.rows[number]), 1e300) for each in search.constraints},
        )
        study.add_trial(trial)
