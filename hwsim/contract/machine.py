"""What every machine answers: how a trace lowers to work, and what its parts cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from hwsim.components.pricing.price import Priced
from hwsim.contract.dense import BaselineKind
from hwsim.contract.exits import Exits
from hwsim.contract.facts import Facts
from hwsim.contract.judged import Judged
from hwsim.contract.levers import Lever, Limits
from hwsim.contract.run import RunName
from hwsim.contract.spec import MachineSpec
from hwsim.contract.workload import Workload
from hwsim.errors import ArchitectureError, UsageError
from hwsim.traces.trace import AnyTrace

if TYPE_CHECKING:
    from hwsim.traces.plastic.session import Session

SpecT = TypeVar("SpecT", bound=MachineSpec)
TraceT = TypeVar("TraceT", bound=AnyTrace)
Decides = Literal["exactly", "in its own way", "as it learned"]
"""Results are those of the exact network, may differ from them, or are of weights that the machine learned."""


@dataclass(frozen=True, slots=True)
class FunctionalRun(Generic[TraceT]):
    """What a machine's own arithmetic makes of a trace's raw inputs."""

    trace: TraceT  # the same network and inputs, with the spikes and logits of this hardware
    notes: Mapping[str, Any]  # for the reader
    judged: Judged | None  # after all timesteps; None where nothing is known to be right
    clipped: float = 0.0  # share of conversions that clipped


class Accelerator(ABC, Generic[SpecT, TraceT]):
    """A machine built from a typed specification; subclasses are found by the name of their module."""

    spec_type: ClassVar[type[MachineSpec]]
    arithmetic: ClassVar[frozenset[str]] = frozenset()  # components that multiply and add, of machines with baselines
    trace_type: ClassVar[type[Any] | UnionType]  # the coding that it plays, or those that it can be set to play
    facts: ClassVar[Facts]  # what the laws for all machines need to know of it

    def __init__(self, spec: SpecT) -> None:
        self.spec = spec

    @property
    def clock_mhz(self) -> float:
        """Frequency of the one clock that all cycles count."""
        return self.spec.clock.frequency_mhz

    @abstractmethod
    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every component with the price of each of its actions; for a workload, only those that it has."""

    @abstractmethod
    def lower(self, trace: TraceT) -> Workload:
        """Translate a trace to work; pure: the same trace gives the same workload."""

    def needed_bits(self, trace: TraceT, kind: BaselineKind | None = None) -> Mapping[str, int]:
        """Bits that a trace's network, or the one without spikes in its place, needs of each memory, by its key.

        Of all banks together where a memory has several, of one of those that are alike where a machine has many.  The
        machine's own capacities, which are numbers, make no difference and are not checked.

        Raises ArchitectureError where the machine does not say.
        """
        raise ArchitectureError(
            f"{self.spec.machine}: this machine does not say what a network needs, so capacity_kib must be a number"
        )

    def sized_for(self, trace: TraceT, kind: BaselineKind | None = None) -> Self:
        """The machine with each memory of `capacity_kib: auto` as large as a trace's network needs.

        Without this a machine with such memories can neither be priced nor lower anything.  What a network needs may
        follow from how fast memories are, so it is asked until nothing grows.

        Raises ArchitectureError as `lower` does, and where a machine does not say what a network needs.
        """
        keys = self.spec.auto_memories
        if not keys:
            return self
        bits, sized = dict.fromkeys(keys, 0), self
        while True:
            smaller, sized = sized, type(self)(self.spec.holding(bits))
            if smaller is not self and smaller.spec is sized.spec:
                return sized
            needed = sized.needed_bits(trace, kind)
            bits = {key: max(bits[key], needed.get(key, 0)) for key in keys}

    def sizes_beside(self, unsized: Accelerator[Any, Any]) -> str:
        """Capacities that a network decided, as a reader wants them; '' for none."""
        taken = ((key, getattr(self.spec, key)) for key in unsized.spec.auto_memories)
        return ", ".join(f"{key} {memory.kib:.4g} KiB" for key, memory in taken)

    def levers(self, trace: TraceT, limits: Limits) -> Iterable[Lever]:
        """Changes that may help against what limits a run, and leave every result as it is; none unless offered."""
        return ()

    def exits(self, trace: TraceT) -> Exits | None:
        """When samples leave early, as `lower` has it in its workload; None where none can.

        A machine that finds this without lowering lets designs with another rule share what was played.
        """
        return self.lower(trace).exits

    def knobs(self, trace: TraceT) -> Mapping[str, str]:
        """What may be tuned for a trace, `KEY` -> values as a sweep writes them: sizes that cost area and save time."""
        return {}

    def learn(self, trace: TraceT, session: Session) -> Workload:
        """Lower a trace that is learned from, as the session says; `lower` does it all.

        Raises UsageError where the machine does not learn.
        """
        raise UsageError(f"session: this machine does not learn, and {trace.provenance.name} is played")

    def baseline(self, trace: TraceT, kind: BaselineKind) -> Workload:
        """The network of a trace without spikes, in one pass on this machine, as its one run `static`.

        `ann` multiplies every weight with activations of the bits that the machine states, `qann` has activations of
        ceil(log2(T + 1)) bits, as many as a rate over T timesteps, and zeros.

        Raises UsageError where the machine cannot run one.
        """
        raise UsageError(f"baselines: this machine runs spikes only, so it has no {kind} of {trace.provenance.name}")

    def functional(self, trace: TraceT, samples: int | None = None) -> FunctionalRun[TraceT]:
        """Run the network of a trace on its raw inputs, or the first of them, in this machine's own arithmetic.

        Raises UsageError where the machine has no arithmetic of its own, or the trace no raw inputs.
        """
        raise UsageError(
            "functional: this machine computes what the trace records, so it has no functional mode; "
            f"{trace.provenance.name} can be played without"
        )

    def decides(self, trace: TraceT) -> Decides:
        """How it comes by its results: as the exact network does, unless a machine says otherwise."""
        return "exactly"

    def operations(self, trace: TraceT) -> int:
        """Weights times timesteps that `functional` works through for one raw input."""
        return 0

    def judge(self, exact: TraceT, own: TraceT, exits: Exits | None) -> Mapping[RunName, Judged]:
        """What is right in each run, from the logits of the exact network and those of this hardware."""
        return {}
