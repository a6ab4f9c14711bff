"""How much each knob moves a figure: its largest over its least value where all other knobs stay as they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwsim.sweep.figures import LARGER_IS_BETTER
from hwsim.sweep.row import Row
from hwsim.sweep.space import REFERENCE


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What one knob does."""

    key: str
    typical: float  # largest over least, the geometric mean over all settings of the others
    most: float  # the same where it moves most
    best: Any  # the value at which it is best most often
    settings: int  # of the other knobs at which it was seen to move or not to


def sensitivities(rows: Sequence[Row], keys: Sequence[str], figure: str) -> list[Sensitivity]:
    """Every knob that was tried at several values with the others as they were, the one that moves most first."""
    known = [row for row in rows if row["error"] is None and row.get(figure) and row["settings"] != REFERENCE]
    found = [each for key in keys if (each := _of(known, key, [k for k in keys if k != key], figure))]
    return sorted(found, key=lambda each: -each.typical)


def _of(rows: Sequence[Row], key: str, others: Sequence[str], figure: str) -> Sensitivity | None:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["design"], row["trace"], *(repr(row[other]) for other in others)].append(row)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return None
    factors = [max(row[figure] for row in group) / min(row[figure] for row in group) for group in several]
    pick = max if figure in LARGER_IS_BETTER else min
    winners = [pick(group, key=lambda row: row[figure])[key] for group in several]
    return Sensitivity(
        key,
        math.exp(math.fsum(math.log(factor) for factor in factors) / len(factors)),
        max(factors),
        max(dict.fromkeys(winners), key=winners.count),
        len(several),
    )
