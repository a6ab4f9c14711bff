"""What posting and timing read: the plan of a network on the machine and the counts of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Work(Plan):
    """A plan with what a batch of samples asks of it."""

    counts: Mapping[str, LayerCounts]  # of every weighted layer, [sample, timestep, row]
    n_samples: int

    @classmethod
    def of(cls, plan: Plan, counts: Mapping[str, LayerCounts], n_samples: int) -> Work:
        """That of a plan."""
        own = {field.name: getattr(plan, field.name) for field in fields(Plan)}
        return cls(**own, counts=counts, n_samples=n_samples)
