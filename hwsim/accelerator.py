"""What every machine answers: how a trace lowers to work, what its parts cost, and how much of them there is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim.arch.schema import Spec
from hwsim.components.price import Priced
from hwsim.engine.schedule import Schedule
from hwsim.ledger import Ledger
from hwsim.traces.trace import AnyTrace

STATIC = "static"
"""The run with every decision off: all timesteps of the trace."""
EARLY_EXIT = "early exit"
"""The run in which each sample stops at its own timestep."""
OPERATIONS = "operations"
"""The one component without prices: what the network asked for (MAC, AC, membrane updates), posted like actions."""

SpecT = TypeVar("SpecT", bound=Spec)
TraceT = TypeVar("TraceT", bound=AnyTrace)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, lowered: one ledger, and for every run one schedule a sample."""

    samples: range
    ledger: Ledger
    schedules: Mapping[str, Sequence[Schedule]]
    step_ends: Mapping[str, tuple[str, NDArray[np.int64]]]  # run -> stage and job [timestep] that ends each timestep


@dataclass(frozen=True, slots=True)
class Storage:
    """One kind of memory: what the network needs of it and what the machine has."""

    used_bits: int
    provided_bits: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """How much of each part there is for this network."""

    instances: Mapping[str, int]  # component -> number, for area and leakage
    clocked: Mapping[str, int]  # stage -> clock domains of one `clock` component that it keeps busy
    clock_domains: int
    storage: Mapping[str, Storage]
    notes: Mapping[str, Any]  # facts of the mapping for the reader: loop order, crossbars, lossless ADC bits ...


@dataclass(frozen=True, slots=True)
class Exits:
    """When samples leave: the decision's rule and its outcome."""

    run: str  # the run in which they do
    rule: str
    threshold: float
    chosen_on: str
    reported_on: str
    recorded: NDArray[np.int64]  # [recorded sample] timesteps run
    histogram: NDArray[np.int64]  # [timestep] how many of the reported samples leave after each
    accuracy: float  # on the reported samples


@dataclass(frozen=True, slots=True)
class Workload:
    """A trace on a machine: what happened (ledgers) and how long each job takes (schedules), in batches made when
    asked for.
    """

    batches: Iterable[Batch]
    n_samples: int
    n_jobs: int  # of all schedules of all samples
    timesteps: int
    runs: tuple[str, ...]
    hardware: Hardware
    accuracy: tuple[float | None, int]  # at the last timestep, and over how many samples
    exits: Exits | None = None


class Accelerator(ABC, Generic[SpecT, TraceT]):
    """A machine built from a typed specification; subclasses are found by the name of their module."""

    spec_type: ClassVar[type[Spec]]
    trace_type: ClassVar[type[Any]]  # the coding that it plays

    def __init__(self, spec: SpecT) -> None:
        self.spec = spec

    @property
    @abstractmethod
    def clock_mhz(self) -> float:
        """Frequency of the one clock that all cycles count."""

    @abstractmethod
    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component with the price of each of its actions; for a workload, only those that it has."""

    @abstractmethod
    def lower(self, trace: TraceT) -> Workload:
        """Translate a trace to work; pure: the same trace gives the same workload."""
