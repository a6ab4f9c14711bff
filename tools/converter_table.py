"""Published converters beside what the `sar` law says of them, as a table of Markdown.

    python tools/converter_table.py

docs/decisions/0017-converters.md holds what this prints.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hwsim import api
from hwsim.components.adc import Adc
from hwsim.components.pricing.price import Price


class Chip(NamedTuple):
    """What was read of a published converter: its place in the law, energy of a conversion, area of its core."""

    name: str
    bits: int
    node_nm: int
    vdd_v: float
    sample_rate_mhz: float
    pj: float
    um2: float
    note: str


# A column of Jia's array converts once in a product of 1350 ns (0.85 V) or 540 ns (1.2 V); one of Wang's 16 converters
# once in a product, 6.9 ns at 0.7 V times (0.7 / V)^1.1.
CHIPS = (
    Chip("Kull, ISSCC 2013", 8, 32, 1.0, 1200.0, 2.58, 1500.0, "supply assumed"),
    Chip("Ramkaj, JSSC 2018", 7, 28, 1.0, 1250.0, 2.85, 7100.0, ""),
    Chip("Jia, JSSC 2020", 8, 65, 0.85, 1e3 / 1350, 1.79, 0.497e6 / 256, ""),
    Chip("Jia, JSSC 2020", 8, 65, 1.2, 1e3 / 540, 3.56, 0.497e6 / 256, ""),
    Chip("Wang, VLSI 2022", 8, 22, 1.0, 1e3 / (6.9 * 0.7**1.1), 2.66, 0.13 * 0.124e6 / 16, "rate from a fit"),
)


def law(chip: Chip) -> tuple[Price, Price]:
    """Energy of a conversion in pJ and area in um2 as `sar` gives them for a chip."""
    technology = api.load_architecture(
        "imc", [f"technology.node_nm={chip.node_nm}", f"technology.vdd_v={chip.vdd_v}"]
    ).spec.technology
    adc = Adc(
        bits=chip.bits, columns_per_adc=1, sample_rate_mhz=chip.sample_rate_mhz, law="sar", source=chip.name
    ).priced(technology)
    return adc.actions["convert"], adc.area_um2


def table() -> str:
    """The table: each chip, what it takes, what the law says and the ratio of the two."""
    lines = [
        "| converter | bits | nm | V | MS/s | pJ | `sar`, pJ | chip / law | um2 | `sar`, um2 | chip / law |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for chip in CHIPS:
        energy, area = law(chip)
        note = f" ({chip.note})" if chip.note else ""
        place = f"{chip.name}{note} | {chip.bits} | {chip.node_nm} | {chip.vdd_v:g} | {chip.sample_rate_mhz:.4g}"
        pj = f"{chip.pj:g} | {_with_bounds(energy, 2)} | {chip.pj / energy.value:.2f}"
        lines.append(f"| {place} | {pj} | {chip.um2:.0f} | {_with_bounds(area, 0)} | {chip.um2 / area.value:.2f} |")
    return "\n".join(lines) + "\n"


def _with_bounds(price: Price, digits: int) -> str:
    return f"{price.value:.{digits}f} ({price.low:.{digits}f} to {price.high:.{digits}f})"


if __name__ == "__main__":
    sys.stdout.write(table())
