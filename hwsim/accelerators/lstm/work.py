"""What the steps of a cell do and how long each takes."""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.lstm.plan import Plan
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import Posting
from hwsim.traces.sequence.trace import GATES

DETECT, MAC, NEURONS, ELEMENTWISE = "detect", "mac", "gates", "elementwise"
AC = tuple(f"ac.{gate}" for gate in GATES)
READOUT = "readout"


class StepWork:
    """All steps of one layer, or of the readout; what is given must broadcast to [sample or 1, element, timestep]."""

    def __init__(self, plan: Plan) -> None:
        self._steps = plan.network.n_elements, plan.timesteps
        self.services: dict[str, IntArray] = {}  # engine -> cycles, in the order of a step
        self.posted: list[Posting] = []  # `stage` is the engine

    def takes(self, role: str, cycles: int | IntArray) -> None:
        """Say how long an engine takes."""
        self.services[role] = self._of_steps(cycles)

    def post(self, role: str, component: str, action: str, counts: int | IntArray) -> None:
        """Say how often an engine does something."""
        self.posted.append(Posting(role, component, action, self._of_steps(counts)))

    def _of_steps(self, values: int | IntArray) -> IntArray:
        array = np.asarray(values, np.int64)
        return np.broadcast_to(array, (array.shape[0] if array.ndim == 3 else 1, *self._steps))
