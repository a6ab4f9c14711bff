"""What every machine answers: how a trace lowers to work, what its parts cost, and how much of them there is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hwsim.arch.schema import Spec
from hwsim.components.price import Priced
from hwsim.engine.schedule import Schedule
from hwsim.errors import UsageError
from hwsim.ledger import Ledger
from hwsim.traces.session import Session
from hwsim.traces.trace import AnyTrace

STATIC = "static"
"""The run with every decision off: all timesteps of the trace."""
EARLY_EXIT = "early exit"
"""The run in which each sample stops at its own timestep, which it does not go beyond before the decision."""
OVERLAPPED = "early exit, overlapped"
"""The same with later timesteps under way during a decision; what has started when it says exit ran in vain."""
STREAMED = "stream"
"""The run in which samples follow each other as closely as they can; the others begin with an empty machine."""
# Machines that learn have a run for each phase instead, `TRAIN` and `INFER`, with samples of its own.
OPERATIONS = "operations"
"""The one component without prices: what the network asked for (MAC, AC, membrane updates), posted like actions."""

BaselineKind = Literal["ann", "qann"]
"""The same network without spikes: every weight multiplied, or few-bit activations with zeros, the fair opponent."""
SpecT = TypeVar("SpecT", bound=Spec)
TraceT = TypeVar("TraceT", bound=AnyTrace)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, lowered: one ledger, and schedules for every run.

    Where runs have samples of their own, as learning and inference do, a batch has those of one run only.
    A run of which `step_ends` speaks has one schedule a sample, with all timesteps, and what happens up to the end of
    a timestep is what a sample costs that leaves then.  Of others each sample has a schedule for every timestep after
    which it may leave, in that order, whose answer is the end of that timestep: [sample * timesteps + timestep].
    `streamed`, for machines that have it, is one schedule of all samples with the jobs of the static run, sample by
    sample on every stage.
    """

    samples: range
    ledger: Ledger
    schedules: Mapping[str, Sequence[Schedule]]
    step_ends: Mapping[str, tuple[str, NDArray[np.int64]]]  # run -> stage and job [timestep] that ends each timestep
    streamed: Schedule | None = None


class Batches(ABC):
    """The batches of samples that do not depend on each other, lowered each time they are asked for.

    Any samples can be asked for by themselves, so that several processes can share them out.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """All samples."""

    @property
    @abstractmethod
    def most_at_once(self) -> int:
        """Samples that are lowered together, at least 1: memory does not grow with their number."""

    @abstractmethod
    def lower(self, samples: range) -> Batch:
        """Some consecutive samples in one batch."""

    def within(self, samples: range) -> Iterator[Batch]:
        """Batches of some consecutive samples."""
        for start in range(samples.start, samples.stop, self.most_at_once):
            yield self.lower(range(start, min(start + self.most_at_once, samples.stop)))

    def __iter__(self) -> Iterator[Batch]:
        """Batches of all samples."""
        return self.within(range(self.n_samples))


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
class Outcomes:
    """What each threshold would do; neighbouring thresholds that do the same are one outcome."""

    thresholds: NDArray[np.float64]  # [outcome, 2] the lowest and the highest that were tried
    histogram: NDArray[np.int64]  # [outcome, timestep] how many of the reported samples leave after each
    accuracy: NDArray[np.float64]  # [outcome] on the reported samples
    recorded: NDArray[np.int64]  # [outcome, recorded sample] timesteps run


@dataclass(frozen=True, slots=True)
class Exits:
    """When samples leave: the decision's rule and its outcome."""

    runs: tuple[str, ...]  # the runs in which they do
    unit: str  # the component that decides
    criterion: str  # the rule up to its threshold
    threshold: float
    chosen_on: str
    reported_on: str
    recorded: NDArray[np.int64]  # [recorded sample] timesteps run
    histogram: NDArray[np.int64]  # [timestep] how many of the reported samples leave after each
    accuracy: float  # on the reported samples
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Workload:
    """A trace on a machine: what happened (ledgers) and how long each job takes (schedules), in batches made when
    asked for.
    """

    batches: Iterable[Batch]  # `Batches` where samples do not depend on each other
    n_samples: int  # of all runs together where they have samples of their own
    n_jobs: int  # of all schedules of all samples
    timesteps: int
    runs: tuple[str, ...]
    hardware: Hardware
    accuracy: tuple[float | None, int]  # at the last timestep, and over how many samples; not of a run that learns
    exits: Exits | None = None


@dataclass(frozen=True, slots=True)
class FunctionalRun(Generic[TraceT]):
    """What a machine's own arithmetic makes of a trace's raw inputs."""

    trace: TraceT  # the same network and inputs, with the spikes and logits of this hardware
    notes: Mapping[str, Any]  # accuracy beside that of the exact network, share of conversions that clipped ...


class Accelerator(ABC, Generic[SpecT, TraceT]):
    """A machine built from a typed specification; subclasses are found by the name of their module."""

    spec_type: ClassVar[type[Spec]]
    arithmetic: ClassVar[frozenset[str]] = frozenset()  # components that multiply and add, of machines with baselines
    trace_type: ClassVar[type[Any] | UnionType]  # the coding that it plays, or those that it can be set to play

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

    def learn(self, trace: TraceT, session: Session) -> Workload:
        """Lower a trace that is learned from, as the session says; `lower` does it all.

        Raises UsageError where the machine does not learn.
        """
        raise UsageError(f"--phase, --save-trace: this machine does not learn, and {trace.provenance.name} is played")

    def baseline(self, trace: TraceT, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, in one pass on this machine, as its one run `static`.

        `ann` multiplies every weight with activations of the bits that the machine states, `qann` has activations of
        ceil(log2(T + 1)) bits, as many as a rate over T timesteps, and zeros.

        Raises UsageError where the machine cannot run one.
        """
        raise UsageError(f"--baseline: this machine runs spikes only, so it has no {kind} of {trace.provenance.name}")

    def functional(self, trace: TraceT) -> FunctionalRun[TraceT]:
        """Run the network of a trace on its raw inputs in this machine's own arithmetic.

        Raises UsageError where the machine has no arithmetic of its own, or the trace no raw inputs.
        """
        raise UsageError(
            "--functional: this machine computes what the trace records, so it has no functional mode; "
            f"{trace.provenance.name} can be played without"
        )
