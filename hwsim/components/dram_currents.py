"""Energies of a DRAM from the supply currents of a device: columns, rows that are opened, refresh.

The sums are those of Micron's technical notes on memory power (TN-41-01, TN-40-07; recalled, not read):

    read      (IDD4R - IDD3N) V t_burst                                             a burst, all bits of it
    row       V (IDD0 t_RC - IDD3N t_RAS - IDD2N (t_RC - t_RAS))                    opened and closed once
    refresh   (IDD5 - IDD2N) V t_RFC / t_REFI                                       power, all the time

Currents and times are of an 8 Gb LPDDR3-1866 of 32 bits, as umd-memsys/DRAMsim3 has them
(configs/LPDDR3_8Gb_x32_1866.ini).
"""

from __future__ import annotations

from typing import NamedTuple

from hwsim.components.pricing.price import Price


class _Device(NamedTuple):
    """mA and V, cycles of `cycle_ns`."""

    bits: int
    cycle_ns: float
    vdd_v: float
    idd0: float
    idd2n: float
    idd3n: float
    idd4r: float
    idd4w: float
    idd5: float
    t_ras: int
    t_rp: int
    t_rfc: int
    t_refi: int
    burst_cycles: int
    burst_bits: int


_LPDDR3 = _Device(8 << 30, 1.07, 1.2, 41.5, 21.5, 22.0, 290, 285, 150, 40, 17, 196, 3645, 4, 8 * 32)
_IO_PJ_PER_BIT = 3.7  # LPDDR3's interface, a published figure (recalled)
_TYPICAL = 0.5  # of what the currents of a data sheet give, which are the most that any part takes: our choice
_COLD = 0.25  # of the refreshes where the device is cold and asks for fewer; recalled
_SOURCE = "currents of an 8 Gb LPDDR3-1866 x32 (DRAMsim3), sums of Micron TN-41-01 (recalled)"


def burst_pj(action: str, bits: int, misses: float) -> Price:
    """Energy of a burst of so many bits, of which a share `misses` opens a row; from a half of that to all of it."""
    device = _LPDDR3
    current = device.idd4r if action == "read" else device.idd4w
    column = (current - device.idd3n) * device.vdd_v * device.burst_cycles * device.cycle_ns / device.burst_bits
    core = column * bits + misses * row_pj()
    interface = _IO_PJ_PER_BIT * bits
    source = f"{_SOURCE}, {_IO_PJ_PER_BIT} pJ/bit of interface; {misses:.4g} of bursts open a row of {row_pj():.4g} pJ"
    return Price(core + interface, _TYPICAL * core + interface, core + interface, source)


def row_pj() -> float:
    """Energy of opening a row and closing it."""
    device = _LPDDR3
    t_rc = device.t_ras + device.t_rp
    charge = device.idd0 * t_rc - device.idd3n * device.t_ras - device.idd2n * device.t_rp
    return device.vdd_v * charge * device.cycle_ns


def refresh_uw(bits: int) -> Price:
    """Power of refreshing so many bits, from a quarter of it where it is cold to all of it."""
    device = _LPDDR3
    power = (device.idd5 - device.idd2n) * device.vdd_v * device.t_rfc / device.t_refi * 1e3 * bits / device.bits
    return Price(power, _COLD * power, power, f"refresh from {_SOURCE}, as many rows as bits")
