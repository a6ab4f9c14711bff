"""How many flip-flops a machine has, and how many of them its stages keep running."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from hwsim.components.pricing.price import Priced

if TYPE_CHECKING:
    from hwsim.contract.hardware import Hardware

CLOCK = "clock"


class FlipFlops(NamedTuple):
    """All flip-flops that the clock reaches, and those that run while a stage works, by stage."""

    total: int
    running: Mapping[str, int]


def total_of(hardware: Hardware, parts: Mapping[str, Priced]) -> int:
    """Flip-flops of all instances of all parts, or as many as the design states."""
    return each_of(parts, CLOCK) or _counted(hardware, parts)


def each_of(parts: Mapping[str, Priced], name: str) -> int:
    """Flip-flops of one instance; none of a part that has no price, which is refused elsewhere."""
    return parts[name].flip_flops if name in parts else 0


def flip_flops_of(hardware: Hardware, parts: Mapping[str, Priced]) -> FlipFlops:
    """Those of a machine, counted from instances and what each of them has.

    A stage keeps running what `Hardware.clocked` says of its parts, rounded down; of a number that the design states,
    the same share as of those that are counted.
    """
    counted = _counted(hardware, parts)
    total = each_of(parts, CLOCK) or counted
    running = {}
    for stage, shares in hardware.clocked.items():
        own = sum(
            hardware.instances[name] * each_of(parts, name) * share.numerator // share.denominator
            for name, share in shares.items()
        )
        running[stage] = own if total == counted or not counted else own * total // counted
    return FlipFlops(total, running)


def _counted(hardware: Hardware, parts: Mapping[str, Priced]) -> int:
    return sum(n * each_of(parts, name) for name, n in hardware.instances.items() if name != CLOCK)
