"""A trace on a machine: what happened and how long each job takes, in batches made when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hwsim.contract.batches import Batches
from hwsim.contract.dense import Dense
from hwsim.contract.exits import Exits
from hwsim.contract.hardware import Hardware
from hwsim.contract.judged import Judged
from hwsim.contract.run import RunName
from hwsim.contract.streams import Streaming


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything that is played and priced."""

    batches: Batches
    timesteps: int
    runs: tuple[RunName, ...]
    hardware: Hardware
    accuracy: tuple[float | None, int]  # at the last timestep, and over how many samples; not of a run that learns
    exits: Exits | None = None
    no_exits: str = ""  # why no sample can leave early, on machines that could let them
    dense: Dense | None = None  # what takes the place of spikes in a baseline
    count_units: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (component, action) -> counts are in 1/n
    together: int = 1  # inferences that run as one: counts and cycles are of all of them
    timed: bool = True  # whether its cycles mean anything; equations of energy alone have no time
    stream: Streaming | None = None  # how an inference may begin before the one before it ends; None where none may
    no_stream: str = ""  # why none may
    judged: Mapping[RunName, Judged] = field(default_factory=dict)  # in arithmetic of the machine's own
    spike_rates: Mapping[str, float] | None = None  # layer -> spikes per neuron and timestep; None: those of the trace
