"""What posting and timing read: the plan of a network on the machine and the counts of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.plan.pipeline import Pipeline, Step
from hwsim.accelerators.imc.plan.placement import Placement
from hwsim.accelerators.imc.plan.traffic import Traffic
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.traces.network.layers import Network
from hwsim.traces.network.raw_input import follows_input, multiplies_input

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that posting and timing read: the plan of a network and the counts of a batch of samples."""

    spec: ImcSpec
    network: Network
    placement: Placement
    traffic: Traffic
    pipeline: Pipeline
    counts: Mapping[str, LayerCounts]  # of every weighted layer, [sample, timestep, row]
    n_samples: int

    @property
    def timesteps(self) -> int:
        """Timesteps lowered."""
        return self.pipeline.order.timesteps

    def input_runs(self) -> IntArray:
        """1 for timesteps at which the direct-coded input is read and multiplied, else 0: int64 [timestep]."""
        runs = np.ones(self.timesteps, np.int64)
        if self.spec.direct_input == "once":
            runs[1:] = 0
        return runs

    def runs(self, step: Step) -> IntArray:
        """1 for timesteps at which a step does its work: int64 [timestep, 1]."""
        on_crossbars = step.kind == "crossbar" and multiplies_input(self.network, step.layer)
        direct = on_crossbars or follows_input(self.network, step.layer.name)
        runs = self.input_runs() if direct else np.ones(self.timesteps, np.int64)
        return runs[:, None]
