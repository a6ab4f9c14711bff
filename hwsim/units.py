"""Conversions between the units that names end in, for the edges of the program."""

from __future__ import annotations

import math
import re

PJ_PER_UW_NS = 1e-3  # 1 uW for 1 ns is 1e-15 J
PJ_PER_J = 1e12
PJ_PER_FJ = 1e-3
UM2_PER_MM2 = 1e6
UW_PER_MW = 1e3
BITS_PER_KIB = 8192
_NS_PER = {"": 1.0, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_TIME = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*(ns|us|ms|s|)\s*")


def cycles_from_ns(time_ns: float, clock_mhz: float) -> int:
    """Whole cycles that cover a time: its ceiling, but not one more for the last bits of a float (1e-9 relative)."""
    cycles = time_ns * clock_mhz / 1e3
    return math.ceil(cycles * (1 - 1e-9))


def pj_from_power(power_uw: float, time_ns: float) -> float:
    """Energy in pJ of a power that flows for a time."""
    return power_uw * time_ns * PJ_PER_UW_NS


def ns_from_text(text: str) -> float:
    """A time such as `1s`, `20ms`, `5us` or `100ns` in nanoseconds; without a unit it is in ns.

    Raises ValueError for what is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"wanted a time such as 20ms, with s, ms, us or ns, got {text!r}")
    return float(match[1]) * _NS_PER[match[2]]


def um2_from_mm2(area_mm2: float) -> float:
    """Area in square micrometres."""
    return area_mm2 * UM2_PER_MM2


def uw_from_mw(power_mw: float) -> float:
    """Power in microwatts."""
    return power_mw * UW_PER_MW
