"""What every machine's architecture file says."""

from __future__ import annotations

from typing import Literal

from hwsim import units
from hwsim.arch.schema import Source, Spec
from hwsim.components.clock import Clock
from hwsim.components.link import Link
from hwsim.components.memory import Sram
from hwsim.components.operating import Operating
from hwsim.components.pricing.technology import Technology


class MachineSpec(Spec):
    """A machine in one technology with one clock; subclasses name theirs in `machine` and add its parts.

    `operating` says how it is used, `io` what bits cost on their way to the chip and from it, which is no part of the
    chip's own energy.
    """

    machine: str
    description: str
    source: Source
    technology: Technology
    clock: Clock
    operating: Operating = Operating()
    io: Link | Literal["none"] = "none"

    def access_cycles(self, memory: Sram) -> int:
        """Cycles from one access of a memory of this machine to the next."""
        key = next((name for name in type(self).model_fields if getattr(self, name) is memory), "memory")
        priced = memory.priced_as(key, self.technology)
        return units.cycles_from_ns(priced.times_ns["cycle"], self.clock.frequency_mhz)
