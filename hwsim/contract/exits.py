"""When samples leave early: the decision's rule and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.run import RunName


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What each threshold would do; neighbouring thresholds that do the same are one outcome."""

    thresholds: NDArray[np.float64]  # [outcome, 2] the lowest and the highest that were tried
    histogram: NDArray[np.int64]  # [outcome, timestep] how many of the reported samples leave after each
    accuracy: NDArray[np.float64]  # [outcome] on the reported samples
    recorded: NDArray[np.int64]  # [outcome, recorded sample] timesteps run


@dataclass(frozen=True)
class Exits:
    """When samples leave: the decision's rule and its outcome."""

    runs: tuple[RunName, ...]  # the runs in which they do
    unit: str  # the component that decides
    criterion: str  # the rule up to its threshold
    threshold: float
    chosen_on: str
    reported_on: str
    recorded: NDArray[np.int64]  # [recorded sample] timesteps run
    histogram: NDArray[np.int64]  # [timestep] how many of the reported samples leave after each
    accuracy: float  # on the reported samples
    find_outcomes: Callable[[], Outcomes]

    @cached_property
    def outcomes(self) -> Outcomes:
        """What every other threshold would do; found when it is asked for."""
        return self.find_outcomes()
