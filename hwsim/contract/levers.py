"""Changes of a design that leave every result as it is: what a machine offers to try against what limits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwsim.components.memory import AUTO, Sram

_TIMES = (2, 4)
Setting = Mapping[str, Any]
"""Values by key, which are set together."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run came down to."""

    unit: str  # the busiest unit, empty where nothing is timed
    layer: str  # the layer of its stages, empty where it has several
    energy: Mapping[str, float]  # component -> share
    used: Mapping[str, float]  # storage -> share of it in use


@dataclass(frozen=True, slots=True)
class Lever:
    """One thing to change, and how far: settings to try, of which the best is taken."""

    what: str
    settings: Sequence[Setting]


def multiplied(what: str, values: Setting, times: Iterable[float] = _TIMES) -> Lever:
    """Numbers that grow together."""
    return Lever(what, [{key: _whole(value * factor) for key, value in values.items()} for factor in times])


def faster_clock(frequency_mhz: float) -> list[Lever]:
    """A faster clock, as far as the parts allow: what they refuse is not offered."""
    return [multiplied("clock", {"clock.frequency_mhz": frequency_mhz}, (1.5, 2))]


def fitting(key: str, memory: Sram, used: float) -> list[Lever]:
    """A memory as large as the network needs, where at least half of it is free."""
    return [Lever(f"smaller {key}", [{f"{key}.capacity_kib": AUTO}])] if used <= 0.5 and not memory.is_auto else []


def _whole(value: float) -> float:
    """A whole number without a point."""
    return int(value) if value == int(value) else value
