"""What every machine's architecture file says."""

from __future__ import annotations

from hwsim import units
from hwsim.arch.schema import Source, Spec
from hwsim.components.clock import Clock
from hwsim.components.memory import Sram
from hwsim.components.pricing.technology import Technology


class MachineSpec(Spec):
    """A machine in one technology with one clock; subclasses name theirs in `machine` and add its parts."""

    machine: str
    description: str
    source: Source
    technology: Technology
    clock: Clock

    def access_cycles(self, memory: Sram) -> int:
        """Cycles from one access of a memory of this machine to the next."""
        key = next((name for name, part in vars(self).items() if part is memory), "memory")
        priced = memory.priced_as(key, self.technology)
        return units.cycles_from_ns(priced.times_ns["cycle"], self.clock.frequency_mhz)
