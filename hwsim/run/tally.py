"""One run over all samples: what was done and when, in whole numbers; nothing has a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.ledger import Action, Done
from hwsim.contract.run import RunName
from hwsim.kept import Keeps, kept_with
from hwsim.named import concatenated

Counts = NDArray[np.int64]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Speculation:
    """What ran in vain, of timesteps after the one after which a sample leaves: [sample, timestep left after]."""

    counts: Mapping[Action, Counts]
    busy_cycles: Mapping[str, Counts]  # by stage


@dataclass(frozen=True, slots=True)
class Tally(Keeps):
    """One run over all samples: counts, busy cycles and times.

    Counts and busy cycles of a timestep are what staying for it adds: summed up to a timestep they are what a sample
    has done that leaves then, work in vain included.
    """

    counts: Mapping[Action, Counts]  # [sample, timestep]
    busy_cycles: Mapping[str, Counts]  # stage -> [sample, timestep]
    stall_cycles: Mapping[str, Counts]  # stage -> [account] summed over samples, in the order of ACCOUNTS
    span_cycles: Mapping[str, Counts]  # layer -> first start and last done, summed over samples
    layer_of: Mapping[str, str]  # stage -> layer
    unit_of: Mapping[str, tuple[str, int]]  # stage -> the unit that it shares, or itself, and how many slots that has
    step_end_cycles: Counts  # [sample, timestep] when the sample would answer if it left then
    on_cycles: Counts  # [sample, timestep] until everything that started is done if it left then
    latency_cycles: Counts  # [sample] of all timesteps, as the makespan
    makespan_cycles: Counts  # [sample]
    speculation: Speculation | None = None  # None where nothing starts before the decision on it
    done_by: Sequence[Done] = ()

    @property
    def parts_of(self) -> Mapping[str, frozenset[str]]:
        """Components whose actions the jobs of each stage do, those without a price among them."""

        def find() -> Mapping[str, frozenset[str]]:
            found: dict[str, set[str]] = {}
            for stage, actions in self.done_by:
                found.setdefault(stage, set()).update(component for component, _, _ in actions)
            return {stage: frozenset(parts) for stage, parts in found.items()}

        return kept_with(self).once("parts of stages", find)


Tallies = Mapping[RunName, Tally]


def join(parts: Sequence[Tally]) -> Tally:
    """One run over the samples of all parts, in their order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    in_vain = [part.speculation for part in parts if part.speculation is not None]
    return Tally(
        counts=concatenated([part.counts for part in parts]),
        busy_cycles=concatenated([part.busy_cycles for part in parts]),
        stall_cycles=_added([part.stall_cycles for part in parts]),
        span_cycles=_added([part.span_cycles for part in parts]),
        layer_of=first.layer_of,
        unit_of=first.unit_of,
        done_by=first.done_by,
        step_end_cycles=np.concatenate([part.step_end_cycles for part in parts]),
        on_cycles=np.concatenate([part.on_cycles for part in parts]),
        latency_cycles=np.concatenate([part.latency_cycles for part in parts]),
        makespan_cycles=np.concatenate([part.makespan_cycles for part in parts]),
        speculation=Speculation(
            concatenated([part.counts for part in in_vain]), concatenated([part.busy_cycles for part in in_vain])
        )
        if in_vain
        else None,
    )


def _added(parts: Sequence[Mapping[Key, Counts]]) -> Mapping[Key, Counts]:
    return {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]}
