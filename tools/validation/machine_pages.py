"""What pages of machines say of chips, from the same figures as the page of validation."""

from __future__ import annotations

from collections.abc import Mapping

from validation.figures import Chip, Figure
from validation.markdown import digits, table

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


def converters(_: Mapping[str, Chip]) -> str:
    """Published converters beside the law of a `sar`."""
    from converter_table import table as converter_table

    return converter_table()


def headline(chip: Chip, kind: str) -> Figure:
    """The figure of a kind by which a chip counts."""
    return next(each for each in chip.figures if each.headline and each.kind == kind)
