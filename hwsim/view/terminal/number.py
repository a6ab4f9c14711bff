"""Numbers as text: SI prefixes, errors and intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST_TIMESTEPS = 8
_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
    (1e-12, "p"),
    (1e-15, "f"),
    (1e-18, "a"),
)


def si(value: float, unit: str, digits: int = 4) -> str:
    """A value with the SI prefix that leaves 1 to 999 before the point: `si(1.23e-5, 's')` is `12.3 us`."""
    if value == 0:
        return f"0 {unit}".rstrip()
    factor, prefix = next(((f, p) for f, p in _PREFIXES if abs(value) >= f), _PREFIXES[-1])
    return f"{value / factor:.{digits}g} {prefix}{unit}".rstrip()


def significant(value: float, digits: int) -> str:
    """So many significant digits, trailing zeros kept, without an exponent from a ten-thousandth to a million."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def plain(value: float, digits: int = 4) -> str:
    """At most so many significant digits, without an exponent from a ten-thousandth to ten million: `11,250`."""
    short = float(f"{value:.{digits}g}")
    return f"{short:,.{digits}g}" if not 10**digits <= abs(short) < 1e7 else f"{short:,.0f}"


def unit_of(largest: float, unit: str) -> tuple[float, str]:
    """The prefix that suits the largest of some values: what they are divided by, and the unit with it."""
    factor, prefix = next(((f, p) for f, p in _PREFIXES if abs(largest) >= f), _PREFIXES[-1])
    return (factor, f"{prefix}{unit}") if largest else (1.0, unit)


def energy(pj: float) -> str:
    """Energy."""
    return si(pj * 1e-12, "J")


def time(ns: float) -> str:
    """Duration."""
    return si(ns * 1e-9, "s")


def power(uw: float) -> str:
    """Power."""
    return si(uw * 1e-6, "W")


def edp(pj_ns: float) -> str:
    """Energy-delay product."""
    return si(pj_ns * 1e-21, "J s") if pj_ns * 1e-21 >= 1e-15 else f"{pj_ns * 1e-21:.4g} J s"


def percent(fraction: float) -> str:
    """A share."""
    return f"{100 * fraction:.1f} %"


def by_timestep(accuracy: Sequence[float]) -> str:
    """Fractions right after some timesteps, spread evenly where there are many; the first and the last among them."""
    return ", ".join(f"T = {t}: {100 * right:.2f} %" for t, right in at_timesteps(accuracy))


def at_timesteps(accuracy: Sequence[float], most: int = _MOST_TIMESTEPS) -> list[tuple[int, float]]:
    """The fractions right after `most` timesteps, spread evenly, or after all; with those, counted from 1."""
    n = len(accuracy)
    spread = sorted({1 + i * (n - 1) // (most - 1) for i in range(most)})
    return [(t, accuracy[t - 1]) for t in (range(1, n + 1) if n <= most else spread)]
