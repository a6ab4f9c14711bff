"""What pages of machines say of chips, from the same figures as the page of validation."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim import api
from validation.figures import Chip, Figure
from validation.markdown import digits, table

_AREAS = (
    ("Jia", "of it converters", "of it the array"),
    ("Wang", "of it converters", "of it the array"),
    ("NeuRRAM", "converters", "cells"),
)
"""Chips, with their figures of the area of converters and of cells."""
_NEURONS = ("`neuron_memory`, read", "`neuron_memory`, write")


def odin(chips: Mapping[str, Chip]) -> str:
    """Parts of a synaptic operation with neurons in memory and in registers, and how much of it they are."""
    chip = chips["ODIN"]
    parts = chip.tables[0]
    pj = {row[0]: [float(cell) for cell in row[1:]] for row in parts.rows}
    area = headline(chip, "area")
    learning, deciding = (sum(pj[name][i] for name in _NEURONS) / pj["all"][i] for i in (0, 1))
    left = [100 * pj["all"][2 + i] / pj["all"][i] for i in (0, 1)]
    return "\n\n".join(
        [
            table(parts.columns, parts.rows),
            f"Its area comes to {digits(area.predicted)} mm2 ({digits(area.low)} to {digits(area.high)}) beside "
            f"{area.published:g}. Neurons that are read and\nwritten for every operation are {100 * learning:.0f} % of "
            f"the energy while learning and {100 * deciding:.0f} % while deciding; in registers\n{left[0]:.0f} and "
            f"{left[1]:.0f} % of the whole are left.",
        ]
    )


def eyeriss(chips: Mapping[str, Chip]) -> str:
    """Traffic of DRAM and buffer by layer of VGG-16."""
    parts = chips["Eyeriss"].tables[0]
    columns = [i for i, name in enumerate(parts.columns) if "MB" in name for i in (i, i + 1)]
    rows = [[row[0], *(row[i] for i in columns)] for row in parts.rows]
    return table(["layer", *(parts.columns[i] for i in columns)], rows)


def converters(chips: Mapping[str, Chip]) -> str:
    """Published converters beside the law of a `sar`, and what they take of an array's area."""
    from converter_table import table as converter_table

    from validation.chips.jia import COLUMNS

    over = [_published_mm2(chips[name], adc) / _published_mm2(chips[name], array) for name, adc, array in _AREAS]
    jia, wang, neurram = (f"{each:.2f}" for each in over)
    imc = api.load_architecture("imc")
    parts, cells, each = api.components(imc), imc.spec.crossbar, imc.spec.adc.columns_per_adc
    cells_um2 = parts["crossbar"].area_um2.value / cells.columns * each
    ours = parts["adc"].area_um2.value / cells_um2
    column_um2 = _published_mm2(chips["Jia"], "of it the array") * 1e6 / COLUMNS
    return "\n\n".join(
        [
            converter_table().strip(),
            f"**ADC over array.** Area of converters over that of the array is {jia} on Jia's chip, {wang} on Wang's "
            f"and {neurram} on NeuRRAM;\nin `imc` it is {ours:.1f}. It is the array that differs: the {each} columns "
            f"of {cells.rows} cells of an ADC are {cells_um2:.0f} um2 there,\na column of Jia's chip {column_um2:,.0f} "
            "with its capacitors and drivers.",
        ]
    )


def headline(chip: Chip, kind: str) -> Figure:
    """The figure of a kind by which a chip counts."""
    return next(each for each in chip.figures if each.headline and each.kind == kind)


def _published_mm2(chip: Chip, figure: str) -> float:
    return next(each.published for each in chip.figures if (each.figure, each.kind) == (figure, "area"))
