"""Off-chip memory: energy of a burst, how long it takes, background power."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Cost
from hwsim.components import dram_currents
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology

BITS_PER_BYTE = 8
MIB_BITS = 8 << 20
# pJ per bit: value, low, high, and who says so.
_PJ_PER_BIT = {
    "horowitz": (10.0, 10.0, 20.3, "about 10 pJ/bit Horowitz ISSCC 2014; 1300 pJ per 64 b in the NeuroMC preset"),
    "lpddr4": (13.5, 13.0, 14.0, "LPDDR4 13 to 14 pJ/bit, published range"),
    "prosperity": (12.45, 12.45, 12.45, "12.45 pJ/bit, Prosperity simulator (HPCA 2025)"),
    "hbm": (7.0, 7.0, 7.0, "HBM 7 pJ/bit, published figure"),
}


class DramReference(Reference):
    """Geometry of given prices."""

    burst_bytes: int


class DramGiven(Given):
    """Given prices of a memory; both are of one burst."""

    at: DramReference
    read_pj: Cost
    write_pj: Cost


class Dram(PricedSpec):
    """`read` and `write`: one burst of `burst_bytes`.

    The laws are published energies per bit, interface included, times the bits of a burst; none tells reads from
    writes, and rows that are opened are in the average.  `lpddr3` is from the currents of a device and does: a share
    `row_hit_rate` of all bursts find their row open, each other one opens one, and `refresh: by_law` adds what
    refreshing the capacity takes to `background_uw` (see `dram_currents`).  All hold at every technology of the chip
    beside the memory.  `background_uw` flows all the time that the machine is on; the memory's area is not on the chip
    and is left out.  `compress` is how maps lie in it; what compresses them is another part.
    """

    capacity_mib: float = Field(gt=0, le=1 << 20)
    burst_bytes: int = Field(ge=1, le=4096)
    gigabytes_per_s: float = Field(gt=0, le=10_000)
    latency_ns: float = Field(ge=0, le=10_000)
    background_uw: Cost
    compress: Literal["none", "run_length", "bitmask"] = "none"
    row_hit_rate: float | None = Field(default=None, ge=0, le=1)
    refresh: Literal["in_background", "by_law"] = "in_background"
    law: Literal["lpddr3", "lpddr4", "horowitz", "prosperity", "hbm", "given"]
    given: DramGiven | None = None

    @model_validator(mode="after")
    def _rows_are_the_law_s(self) -> Dram:
        if self.law == "lpddr3" and self.row_hit_rate is None:
            raise ValueError("row_hit_rate: law lpddr3 prices rows that are opened: say which share of bursts need not")
        if self.law != "lpddr3" and self.row_hit_rate is not None:
            raise ValueError(
                f"row_hit_rate: law {self.law} is an average with opened rows in it; lpddr3 tells them apart"
            )
        if self.law != "lpddr3" and self.refresh == "by_law":
            raise ValueError(f"refresh: law {self.law} knows none, so that it is in background_uw; lpddr3 has one")
        return self

    @property
    def burst_bits(self) -> int:
        """Bits of one burst."""
        return self.burst_bytes * BITS_PER_BYTE

    @property
    def capacity_bits(self) -> int:
        """Bits that fit."""
        return int(self.capacity_mib * MIB_BITS)

    @property
    def burst_ns(self) -> float:
        """Time that a burst occupies the interface: bytes over bandwidth."""
        return self.burst_bytes / self.gigabytes_per_s

    @property
    def register_bits(self) -> int:
        """None on the chip."""
        return 0

    def by_law(self, technology: Technology) -> Priced:
        """Energy per bit times the bits of a burst, or by the currents of a device."""
        area = Price.exact(0.0, "off chip")
        standby = Price.of(self.background_uw, self.source)
        if self.row_hit_rate is not None:
            misses = 1 - self.row_hit_rate
            bursts = {name: dram_currents.burst_pj(name, self.burst_bits, misses) for name in ("read", "write")}
            if self.refresh == "by_law":
                standby += dram_currents.refresh_uw(self.capacity_bits)
            return Priced(bursts, area, standby)
        value, low, high, source = _PJ_PER_BIT[self.law]
        bits = self.burst_bits
        burst = Price(value * bits, low * bits, high * bits, f"{source}; a burst of {self.burst_bytes} bytes")
        return Priced({"read": burst, "write": burst}, area, standby)
