"""On-chip SRAM: energy of an access, leakage, area and times."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hwsim.arch.schema import Cost
from hwsim.components.banks import KIB, arrange, built, rounded_bits
from hwsim.components.pricing.cacti import Kind, interpolated, port_widths
from hwsim.components.pricing.devices import Corner
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.memory_scaling import memory_scaling
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, refuse_gone
from hwsim.errors import ArchitectureError
from hwsim.units import um2_from_mm2, uw_from_mw

AUTO = "auto"
FLIP_FLOP_BITS = 1024
"""Up to so many a memory is built of flip-flops (our choice: Eyeriss has 384 of them, and SRAM for 3584)."""
MOST_KIB = 1 << 20
Capacity = Annotated[float, Field(gt=0, le=MOST_KIB)] | Literal["auto"]


class SramReference(Reference):
    """Geometry of given prices."""

    temperature_k: float
    corner: Corner
    capacity_kib: float
    port_bits: int
    ports: str

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, written: Any) -> Any:
        return refuse_gone(written)


class SramGiven(Given):
    """Given prices of an SRAM."""

    at: SramReference
    read_pj: Cost
    write_pj: Cost
    access_ns: float = Field(gt=0)
    cycle_ns: float = Field(gt=0)


class Sram(PricedSpec):
    """`read` and `write`: one access of the full port; times `access` (to the data) and `cycle` (to the next access).

    Law `cacti`: the shipped table in its order (`cacti`), from 1 to 32 KiB and for ports of 8 to 128 bits. Beyond them:
    - a wider port is as many macros side by side as it takes, all accessed together;
    - a larger memory is banks of macros of 32 KiB, of which one is accessed, with what selects it and the wires to it
      (`banks`);
    - a smaller memory is a register file (`register_file`), as fast as the smallest row;
    - a narrower port costs what one of 8 bits does, an upper bound.
    Supply, temperature, corner and node are those of the technology (see `memory_scaling`), unless the memory has cells
    of a `corner` of its own. `capacity_kib: auto` is as much as a network needs, rounded
    up to what can be built.
    Registers: an address a port and the word that is read, and every bit of a memory of at most `FLIP_FLOP_BITS`; cells
    of others, latches among them, see a clock only when they are written. All are in the area of the memory.
    """

    capacity_kib: Capacity
    port_bits: int = Field(ge=1, le=8192)
    ports: Literal["1rw", "1r1w"]
    corner: Corner | None = None
    law: Literal["cacti", "given"]
    given: SramGiven | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, written: Any) -> Any:
        return refuse_gone(written, "temperature_k")

    @model_validator(mode="after")
    def _holds_a_word(self) -> Sram:
        if not self.is_auto and self.capacity_bits < self.port_bits:
            raise ValueError(
                f"capacity_kib must hold at least one word of port_bits = {self.port_bits} bits, got "
                f"{self.capacity_bits} bits"
            )
        return self

    @property
    def is_auto(self) -> bool:
        """Whether a network decides the capacity."""
        return self.capacity_kib == AUTO

    @property
    def kib(self) -> float:
        """Capacity as a number.

        Raises ArchitectureError where a network decides it and none has.
        """
        if isinstance(self.capacity_kib, str):
            raise ArchitectureError("capacity_kib: auto is as much as a network needs, and none is known here")
        return self.capacity_kib

    @property
    def capacity_bits(self) -> int:
        """Bits that fit, for footprints."""
        return int(self.kib * KIB * 8)

    def holding(self, bits: int) -> Self:
        """The same memory with the least capacity of at least so many bits that can be built.

        Raises ArchitectureError where no memory may be so large.
        """
        kib = rounded_bits(bits, self.port_bits) / (8 * KIB)
        if kib > MOST_KIB:
            raise ArchitectureError(f"capacity_kib: auto: the network needs {kib:.8g} KiB, at most {MOST_KIB}")
        return self.sized(capacity_kib=kib)

    @property
    def register_bits(self) -> int:
        """Addresses, a word of the port, and the bits of a small memory."""
        return self._port_bits + (self.capacity_bits if self.capacity_bits <= FLIP_FLOP_BITS else 0)

    @property
    def _port_bits(self) -> int:
        words = max(1, self.capacity_bits // self.port_bits)
        addresses = {"1rw": 1, "1r1w": 2}[self.ports]
        return addresses * (words - 1).bit_length() + self.port_bits

    def by_law(self, technology: Technology) -> Priced:
        """Prices from the CACTI table, brought to the technology."""
        scaling = memory_scaling(technology, self.corner, self.ports)

        def array(capacity_bytes: float, port_bits: float) -> Priced:
            return scaling.applied(_array(scaling.kind, capacity_bytes, port_bits))

        macros = arrange(self.kib * KIB, self.port_bits)
        found = built(macros, array, self.capacity_bits / self.port_bits, technology)
        return replace(found, delay_ns=found.times_ns["cycle"])


class BankedSram(Sram):
    """`banks` memories of `capacity_kib` each, which take one access each at a time; conflicts are left out."""

    banks: int = Field(ge=1, le=4096)

    @property
    def total_bits(self) -> int:
        """Bits that fit in all banks."""
        return self.banks * self.capacity_bits

    def holding(self, bits: int) -> Self:
        """The same memories with the least capacity of at least so many bits in all that can be built."""
        return super().holding(-(-bits // self.banks))


def _array(kind: Kind, capacity_bytes: float, port_bits: float) -> Priced:
    """One array of the table, of 8 bits at least."""
    narrowest = port_widths(kind)[0]
    found = interpolated(kind, capacity_bytes, max(port_bits, narrowest))
    row, spread, narrow = found.row, found.spread, min(1.0, port_bits / narrowest)
    source = f"CACTI 7 (own runs, ED^2 optimised), {kind}, {capacity_bytes / KIB:g} KiB x {port_bits:g} b"
    if found.how:
        source += f", {found.how}"
    if narrow < 1:
        source += f", as {narrowest} b: an upper bound"

    def price(value: float, factor: float, below: float = 1.0) -> Price:
        return Price(value, value * below / factor, value * factor, source)

    return Priced(
        {
            "read": price(row.read_pj, spread.read_pj, narrow),
            "write": price(row.write_pj, spread.write_pj, narrow),
        },
        price(um2_from_mm2(row.area_mm2), spread.area_mm2),
        price(uw_from_mw(row.leakage_mw), spread.leakage_mw),
        {"access": row.access_ns, "cycle": row.cycle_ns},
    )
