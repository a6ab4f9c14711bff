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
    return parts[CLOCK].flip_flops or _counted(hardware, parts)


def flip_flops_of(hardware: Hardware, parts: Mapping[str, Priced]) -> FlipFlops:
    """Those of a machine, counted from instances and what each of them has.

    A stage keeps running what `Hardware.clocked` says of its parts, rounded down; of a number that the design states,
    the same share as of those that are counted.
    """
    counted, total = _counted(hardware, parts), total_of(hardware, parts)
    running = {}
    for stage, shares in hardware.clocked.items():
        own = sum(
            hardware.instances[name] * parts[name].flip_flops * share.numerator // share.denominator
            for name, share in shares.items()
        )
        running[stage] = own if total == counted or not counted else own * total // counted
    return FlipFlops(total, running)


def _counted(hardware: Hardware, parts: Mapping[str, Priced]) -> int:
    return sum(n * parts[name].flip_flops for name, n in hardware.instances.items() if name != CLOCK)
