"""Sums over the jobs of a stage by their timestep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import kept_with


@dataclass(frozen=True, slots=True)
class Timesteps:
    """The jobs of a stage by timestep, so that all sums over the jobs of a timestep take one pass."""

    order: NDArray[np.int64] | None  # jobs by timestep, None where they are in that order already
    present: NDArray[np.int32]  # timesteps that have jobs
    starts: NDArray[np.int64]  # place in that order of the first job of each

    @classmethod
    def of(cls, timestep: NDArray[np.int32]) -> Timesteps:
        """Those of labels [job], which many samples and stages share."""
        return kept_with(timestep).once("by timestep", lambda: cls._sorted(timestep))

    @classmethod
    def _sorted(cls, timestep: NDArray[np.int32]) -> Timesteps:
        in_order = bool((timestep[1:] >= timestep[:-1]).all())
        order = None if in_order else np.argsort(timestep, kind="stable")
        present, starts = np.unique(timestep if order is None else timestep[order], return_index=True)
        return cls(order, present, starts)

    def sums(self, values: NDArray[np.int64], timesteps: int) -> NDArray[np.int64]:
        """Sums of values [..., job] over the jobs of each timestep: [..., timestep]."""
        ordered = values if self.order is None else values[..., self.order]
        if self.starts.size == timesteps:  # all of them have jobs
            return np.add.reduceat(ordered, self.starts, axis=-1)
        total = np.zeros((*values.shape[:-1], timesteps), np.int64)
        if self.starts.size:
            total[..., self.present] = np.add.reduceat(ordered, self.starts, axis=-1)
        return total
