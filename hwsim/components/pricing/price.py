"""What an action, an area or a leakage costs, with bounds and where the number is from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hwsim.arch.schema import Bounded
from hwsim.errors import ArchitectureError


@dataclass(frozen=True, slots=True)
class Price:
    """A number that is never negative, the interval it is believed to lie in, and its source.

    The unit belongs to the name of what holds it (pJ for actions, um2, uW). `source` says law, citation and geometry.
    """

    value: float
    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.value <= self.high and math.isfinite(self.high)):
            found = f"{self.low:g}, {self.value:g}, {self.high:g}"
            raise ArchitectureError(f"a price must be finite, 0 <= low <= value <= high, got {found}")

    @classmethod
    def exact(cls, value: float, source: str) -> Price:
        """A price without an interval."""
        return cls(value, value, value, source)

    @classmethod
    def among(cls, value: float, others: Iterable[float], source: str) -> Price:
        """A price whose interval reaches to the other readings of the same thing."""
        all_readings = (value, *others)
        return cls(value, min(all_readings), max(all_readings), source)

    @classmethod
    def of(cls, bounded: Bounded, source: str) -> Price:
        """A price as an architecture file gives it."""
        return cls(bounded.value, bounded.low, bounded.high, source)

    def __add__(self, other: Price) -> Price:
        """Both together; the interval assumes that they err the same way, so it is never too narrow."""
        source = self.source if self.source == other.source else f"{self.source} + {other.source}"
        return Price(self.value + other.value, self.low + other.low, self.high + other.high, source)

    def scaled(self, factor: float, why: str = "") -> Price:
        """Multiply by a factor >= 0; `why` is added to the source."""
        source = f"{self.source}, {why}" if why else self.source
        return Price(self.value * factor, self.low * factor, self.high * factor, source)


@dataclass(frozen=True, slots=True)
class Priced:
    """What one instance of a part costs."""

    actions: Mapping[str, Price]  # pJ each
    area_um2: Price
    leakage_uw: Price
    times_ns: Mapping[str, float] = field(default_factory=dict)  # how long an action takes, where the part decides it
    delay_ns: float | None = None  # of the slowest action; None where prices are given or times are those of `times_ns`
    cycles: int = 1  # that it may take, 0 for as many as it needs
    flip_flops: int = 0  # that the clock reaches
    writes: Mapping[str, Price] = field(default_factory=dict)  # pJ of what only writes weights, by action

    @property
    def period_ns(self) -> float | None:
        """The shortest clock period at which the part works, None where it sets none."""
        return self.delay_ns / self.cycles if self.delay_ns is not None and self.cycles else None

    def over(self, cycles: int) -> Priced:
        """The part where its slowest action may take so many cycles; 0 for as many as it needs."""
        return replace(self, cycles=cycles)

    def only(self, *actions: str) -> Priced:
        """The part restricted to the actions that a machine takes."""
        return self.doing({name: self.actions[name] for name in actions})

    def doing(self, actions: Mapping[str, Price]) -> Priced:
        """The part with other actions."""
        return replace(self, actions=actions)
