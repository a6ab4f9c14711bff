"""What the steps of a cell do and how long each takes, as a value; it computes neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.lstm.plan import Plan
from hwsim.contract.ledger import Posting
from hwsim.traces.sequence.trace import GATES

IntArray = NDArray[np.int64]

DETECT, MAC, NEURONS, ELEMENTWISE = "detect", "mac", "gates", "elementwise"
AC = tuple(f"ac.{gate}" for gate in GATES)
READOUT = "readout"


@dataclass(frozen=True, slots=True)
class StepWork:
    """All steps of one layer, or of the readout."""

    services: Mapping[str, IntArray]  # engine -> cycles [sample or 1, element, timestep], in the order of a step
    posted: tuple[Posting, ...]  # `stage` is the engine, counts are [sample or 1, element, timestep]


class Poster:
    """Collects what the engines of a step do."""

    def __init__(self, elements: int, timesteps: int) -> None:
        self._shape = elements, timesteps
        self._found: list[Posting] = []

    def post(self, role: str, component: str, action: str, counts: int | IntArray) -> None:
        """Add counts that broadcast to [sample or 1, element, timestep]."""
        array = np.asarray(counts, np.int64)
        samples = array.shape[0] if array.ndim == 3 else 1
        self._found.append(Posting(role, component, action, np.broadcast_to(array, (samples, *self._shape))))

    def __iter__(self) -> Iterator[Posting]:
        """Everything so far."""
        return iter(self._found)


def by_layer(plan: Plan, works: list[StepWork]) -> Mapping[str, StepWork]:
    """Work by the layer of its engines."""
    names = [*(layer.name for layer in plan.network.layers), READOUT]
    return dict(zip(names, works, strict=True))
