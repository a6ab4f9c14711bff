"""What every machine's architecture file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from hwsim import units
from hwsim.arch.schema import Source, Spec
from hwsim.components.clock import Clock
from hwsim.components.link import Link
from hwsim.components.memory import Sram
from hwsim.components.operating import Operating
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError
from hwsim.kept import kept_with


class MachineSpec(Spec):
    """A machine in one technology with one clock; subclasses name theirs in `machine` and add its parts.

    `operating` says how it is used, `io` what bits cost on their way to the chip and from it, which is no part of the
    chip's own energy.
    """

    paced: ClassVar[frozenset[str]] = frozenset()  # memories whose accesses take as many cycles as they need
    machine: str
    description: str
    source: Source
    technology: Technology
    clock: Clock
    operating: Operating = Operating()
    io: Link | Literal["none"] = "none"

    def access_cycles(self, memory: Sram) -> int:
        """Cycles from one access of a memory of this machine to the next."""
        key = next((name for name, part in vars(self).items() if part is memory), "memory")
        priced = memory.priced_as(key, self.technology)
        return units.cycles_from_ns(priced.times_ns["cycle"], self.clock.frequency_mhz)

    @property
    def auto_memories(self) -> tuple[str, ...]:
        """Keys of the memories that are as large as a network needs."""

        def find() -> tuple[str, ...]:
            parts = ((name, getattr(self, name)) for name in type(self).model_fields)
            return tuple(name for name, part in parts if isinstance(part, Sram) and part.is_auto)

        return kept_with(self).once("auto memories", find)

    def holding(self, bits: Mapping[str, int]) -> Self:
        """The machine with numbers in the place of `capacity_kib: auto`: so many bits, by key, and at least a word.

        One object for the same bits. Raises ArchitectureError where no memory may be so large.
        """
        keys = self.auto_memories

        if not keys:
            return self
        memories = {key: self._sized(key, bits.get(key, 0)) for key in keys}
        sizes = tuple(memory.kib for memory in memories.values())
        return kept_with(self).once(("holding", *sizes), lambda: self.model_copy(update=memories))

    def _sized(self, key: str, bits: int) -> Sram:
        memory: Sram = getattr(self, key)
        try:
            return memory.holding(bits)
        except ArchitectureError as error:
            raise ArchitectureError(f"{key}.{error}") from None
