"""The part that limits the clock, and the refusal of one that is faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from hwsim.components.pricing.price import Priced
from hwsim.errors import ArchitectureError

if TYPE_CHECKING:
    from hwsim.contract.spec import MachineSpec


class Slowest(NamedTuple):
    """The part with the longest delay for the cycles that it may take."""

    component: str
    delay_ns: float
    cycles: int

    @property
    def highest_mhz(self) -> float:
        """The clock at which it just works."""
        return 1e3 * self.cycles / self.delay_ns

    def __str__(self) -> str:
        within = "a cycle" if self.cycles == 1 else f"{self.cycles} cycles"
        return f"{self.component} takes {self.delay_ns:.3g} ns, which has to fit {within}"


def slowest(parts: Mapping[str, Priced]) -> Slowest | None:
    """The part that limits the clock; None where none has a delay, as those with given prices."""
    found = [(part.period_ns, name) for name, part in parts.items() if part.period_ns is not None]
    if not found:
        return None
    _, name = max(found)
    part = parts[name]
    assert part.delay_ns is not None
    return Slowest(name, part.delay_ns, part.cycles)


def check_clock(spec: MachineSpec, parts: Mapping[str, Priced]) -> None:
    """Refuse a clock that is faster than a part of a machine with this specification.

    Raises ArchitectureError that names the slowest part and the highest clock.
    """
    limit, technology, clock_mhz = slowest(parts), spec.technology, spec.clock.frequency_mhz
    if limit is not None and clock_mhz > limit.highest_mhz * (1 + 1e-9):
        raise ArchitectureError(
            f"clock.frequency_mhz: {clock_mhz:g} MHz is too fast: {limit} ({technology.node_nm} nm "
            f"{technology.corner}, {technology.vdd_v:g} V); at most {_rounded_down(limit.highest_mhz)} MHz"
        )


def _rounded_down(mhz: float) -> str:
    """Three digits that are not more than the number."""
    text = f"{mhz:.3g}"
    return text if float(text) <= mhz else f"{mhz * (1 - 0.005):.3g}"
