"""What the steps of a cell do and how long each takes, as a value; it computes neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.sequence.trace import GATES

IntArray = NDArray[np.int64]

DETECT, MAC, NEURONS, ELEMENTWISE = "detect", "mac", "gates", "elementwise"
AC = tuple(f"ac.{gate}" for gate in GATES)
READOUT = "readout"


class Posted(NamedTuple):
    """Counts of one action of one engine: int64 [sample or 1, element, timestep]."""

    role: str
    component: str
    action: str
    counts: IntArray


@dataclass(frozen=True, slots=True)
class StepWork:
    """All steps of one layer, or of the readout."""

    services: Mapping[str, IntArray]  # engine -> cycles [sample or 1, element, timestep], in the order of a step
    posted: tuple[Posted, ...]


class Poster:
    """Collects what the engines of a step do."""

    def __init__(self, elements: int, timesteps: int) -> None:
        self._shape = elements, timesteps
        self._found: list[Posted] = []

    def post(self, role: str, component: str, action: str, counts: int | IntArray) -> None:
        """Add counts that broadcast to [sample or 1, element, timestep]."""
        array = np.asarray(counts, np.int64)
        samples = array.shape[0] if array.ndim == 3 else 1
        self._found.append(Posted(role, component, action, np.broadcast_to(array, (samples, *self._shape))))

    def __iter__(self) -> Iterator[Posted]:
        """Everything so far."""
        return iter(self._found)
