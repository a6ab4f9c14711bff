"""What a comparison found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hwsim.report.report import Figure


@dataclass(frozen=True, slots=True)
class Compared:
    """One of those that are compared: one run of a simulation."""

    name: str
    design: str  # its file
    settings: tuple[str, ...]
    machine: str
    trace: str
    coding: str  # empty of a report whose trace was not found
    run: str
    samples: int
    timesteps: float  # that a sample takes, on average
    accuracy: float | None
    accuracy_standard_error: float | None
    accuracy_of: str
    energy_pj: Figure
    latency_ns: Figure | None
    edp_pj_ns: Figure | None  # mean energy times mean latency
    area_mm2: Figure


@dataclass(frozen=True, slots=True)
class Payer:
    """A component or layer, and what it takes of an inference of each, in pJ; 0 where one has none."""

    name: str  # of no layer: empty
    energy_pj: float
    reference_pj: float

    @property
    def difference_pj(self) -> float:
        """What it takes more."""
        return self.energy_pj - self.reference_pj


@dataclass(frozen=True, slots=True)
class EqualAccuracy:
    """Ratios where both are as accurate, as far as thresholds of early exit can be chosen for it."""

    accuracy: float  # that both reach
    threshold: float | None  # None where it stays as it is
    reference_threshold: float | None
    reached: float
    reference_reached: float
    energy: float
    latency: float | None
    edp: float | None


@dataclass(frozen=True, slots=True)
class Versus:
    """One against the first: ratios below 1 where it takes less, intervals over the bounds of prices.

    Prices that both have move together, others each by itself.  EDP is mean energy times mean latency.
    """

    name: str
    reference: str
    energy: Figure
    latency: Figure | None
    edp: Figure | None
    area: Figure | None  # None where the reference has none
    shared: float  # of the energy of both, what is of prices that both have
    paired: bool  # whether samples are the same, so that their spread partly cancels
    unlike: tuple[str, ...]  # what else differs, in words
    components: tuple[Payer, ...]  # by the size of their difference
    layers: tuple[Payer, ...]
    differences: Mapping[str, tuple[Any, Any]] | None  # keys of the design files; None where not known
    equal_accuracy: EqualAccuracy | None
    no_equal_accuracy: str  # why there is none though accuracies differ
    sentences: tuple[str, ...] = ()  # all of it in words


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several simulations against the first of them."""

    compared: tuple[Compared, ...]
    versus: tuple[Versus, ...]

    def __repr__(self) -> str:
        """Each against the first."""
        ratios = (f"{each.name} takes {each.energy.value:.4g} x the energy of {each.reference}" for each in self.versus)
        return f"<Comparison: {'; '.join(ratios)}>"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists, numbers and texts."""
        return asdict(self)
