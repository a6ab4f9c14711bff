"""On-chip SRAM: energy of an access, leakage, area and times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Cost
from hwsim.components.pricing.cacti import INTERPOLATION_ERROR, Kind, Row, capacities, interpolated, port_widths
from hwsim.components.pricing.devices import Corner
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.memory_scaling import memory_scaling
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, refuse_gone
from hwsim.units import um2_from_mm2, uw_from_mw

KIB = 1024
_SMALL_EXPONENT = 0.58  # of energy in capacity: fit of the CACTI table over all nodes, .56 to .60


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

    Law `cacti`: the shipped table, exact on its rows (1 to 512 KiB, ports of 8 to 128 bits). Beyond them:
    - a wider port is as many macros side by side as it takes, all accessed together;
    - a larger memory is made of banks of the largest row: an access costs that row's, area and leakage grow in
      proportion, wires between banks are left out;
    - a smaller memory or narrower port costs what the smallest row costs, an upper bound.
    Supply, temperature, corner and node are those of the technology (see `memory_scaling`), unless the memory has cells
    of a `corner` of its own.
    """

    capacity_kib: float = Field(gt=0, le=1 << 20)
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
        if self.capacity_bits < self.port_bits:
            raise ValueError(
                f"capacity_kib must hold at least one word of port_bits = {self.port_bits} bits, got "
                f"{self.capacity_bits} bits"
            )
        return self

    @property
    def capacity_bits(self) -> int:
        """Bits that fit, for footprints."""
        return int(self.capacity_kib * KIB * 8)

    def by_law(self, technology: Technology) -> Priced:
        """Prices from the CACTI table, brought to the technology."""
        scaling = memory_scaling(technology, self.corner, self.ports)
        kind = scaling.kind
        macros = math.ceil(self.port_bits / port_widths(kind)[-1])
        macro = _macro(kind, self.capacity_kib * KIB / macros, self.port_bits / macros)
        together = f"{macros} macros accessed together" if macros > 1 else ""
        rows = Priced(
            {"read": macro.read_pj.scaled(macros, together), "write": macro.write_pj.scaled(macros, together)},
            macro.area_um2.scaled(macros, together),
            macro.leakage_uw.scaled(macros, together),
            {"access": macro.access_ns, "cycle": macro.cycle_ns},
        )
        return scaling.applied(rows)


class BankedSram(Sram):
    """`banks` memories of `capacity_kib` each, which take one access each at a time; conflicts are left out."""

    banks: int = Field(ge=1, le=4096)

    @property
    def total_bits(self) -> int:
        """Bits that fit in all banks."""
        return self.banks * self.capacity_bits


@dataclass(frozen=True, slots=True)
class _Macro:
    read_pj: Price
    write_pj: Price
    area_um2: Price
    leakage_uw: Price
    access_ns: float
    cycle_ns: float


def _macro(kind: Kind, capacity_bytes: float, port_bits: float) -> _Macro:
    """One memory of a port inside the table's widths or below, of any capacity."""
    smallest, largest = capacities(kind)[0], capacities(kind)[-1]
    narrowest = port_widths(kind)[0]
    priced_bytes = min(max(capacity_bytes, smallest), largest)
    row, exact = interpolated(kind, priced_bytes, max(port_bits, narrowest))
    banks = max(1.0, capacity_bytes / largest)
    fill = min(1.0, capacity_bytes / smallest)
    energy_fill = fill**_SMALL_EXPONENT * min(1.0, port_bits / narrowest)
    source = _source(kind, capacity_bytes, port_bits, "" if exact else "interpolated in log")
    if banks > 1:
        source += f", {banks:.3g} banks of {largest // KIB} KiB without wires between them"
    if energy_fill < 1:
        source += f", priced as {max(priced_bytes / KIB, 1):g} KiB x {max(port_bits, narrowest):g} b: an upper bound"
    error = Row(*(1.0 for _ in Row._fields)) if exact else INTERPOLATION_ERROR

    def price(value: float, spread: float, below: float) -> Price:
        return Price(value, value * below / spread, value * spread, source)

    return _Macro(
        price(row.read_pj, error.read_pj, energy_fill),
        price(row.write_pj, error.write_pj, energy_fill),
        price(um2_from_mm2(row.area_mm2) * banks, error.area_mm2, fill),
        price(uw_from_mw(row.leakage_mw) * banks, error.leakage_mw, fill),
        row.access_ns,
        row.cycle_ns,
    )


def _source(kind: Kind, capacity_bytes: float, port_bits: float, how: str) -> str:
    size = f"{capacity_bytes / KIB:g} KiB x {port_bits:g} b"
    return f"CACTI 7 (own runs, ED^2 optimised), {kind}, {size}" + (f", {how}" if how else "")
