"""Eyeriss: energy at the published time, traffic and times, layer by layer of VGG-16 and AlexNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hwsim.designs import Architecture
from hwsim.report.price import area_of
from hwsim.traces.network.geometry import macs
from validation.convolutions import BOUNDS, At, Convolution, Layers, Parts, Played
from validation.figures import Bounds, Chip, Figure, Table
from validation.played import design

FILE = "eyeriss.yaml"
ELEMENTS, CORE_MM2 = 168, 3.5 * 3.5


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the paper's tables V and VI, of all images of the batch."""

    layer: str
    milliwatt: float
    total_ms: float
    busy_ms: float
    elements: int
    zeros_percent: float
    buffer_mb: float
    dram_mb: float

    def at(self, batch: int) -> At:
        """What of it is no prediction, of one image."""
        return At(self.total_ms / 1e3 / batch, self.busy_ms / 1e3 / batch, self.elements, self.zeros_percent / 100)


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the paper, with its batch."""

    name: str
    batch: int
    shape: tuple[int, int, int]
    convolutions: Sequence[Convolution]
    rows: Sequence[Published]


def _vgg() -> list[Convolution]:
    found = []
    for block, (channels, times) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        found += [
            Convolution(f"{block}-{i}", channels, pool=(2, 2) if i == times else None) for i in range(1, times + 1)
        ]
    return found


VGG = Network(
    "VGG-16",
    3,
    (224, 224, 3),
    _vgg(),
    (
        Published("1-1", 247, 76.2, 38.0, 156, 1.6, 112.6, 15.4),
        Published("1-2", 218, 910.3, 810.6, 156, 47.7, 2402.8, 54.0),
        Published("2-1", 242, 470.3, 405.3, 156, 24.8, 1201.4, 33.4),
        Published("2-2", 231, 894.3, 810.8, 156, 38.7, 2402.8, 48.5),
        Published("3-1", 254, 241.1, 204.0, 156, 39.7, 607.4, 20.2),
        Published("3-2", 235, 460.9, 408.1, 156, 58.1, 1214.8, 32.2),
        Published("3-3", 233, 457.7, 408.1, 156, 58.7, 1214.8, 30.8),
        Published("4-1", 278, 135.8, 105.1, 168, 64.3, 321.8, 17.8),
        Published("4-2", 261, 254.8, 210.0, 168, 74.7, 643.7, 28.6),
        Published("4-3", 240, 246.3, 210.0, 168, 85.4, 643.7, 22.8),
        Published("5-1", 258, 54.3, 48.3, 168, 79.4, 90.0, 6.3),
        Published("5-2", 236, 53.7, 48.5, 168, 87.4, 90.0, 5.7),
        Published("5-3", 230, 53.7, 48.5, 168, 88.5, 90.0, 5.6),
    ),
)
ALEXNET = Network(
    "AlexNet",
    4,
    (227, 227, 3),
    (
        Convolution("1", 96, 11, 4, 0, pool=(3, 2)),
        Convolution("2", 256, 5, 1, 2, groups=2, pool=(3, 2)),
        Convolution("3", 384),
        Convolution("4", 384, groups=2),
        Convolution("5", 256, groups=2),
    ),
    (
        Published("1", 332, 20.9, 16.5, 154, 0.01, 18.5, 5.0),
        Published("2", 288, 41.9, 39.2, 135, 38.7, 77.6, 4.0),
        Published("3", 266, 23.6, 21.8, 156, 72.5, 50.2, 3.0),
        Published("4", 235, 18.4, 16.0, 156, 79.3, 37.4, 2.1),
        Published("5", 236, 10.5, 10.0, 156, 77.6, 24.9, 1.3),
    ),
)


def chip() -> Chip:
    """Eighteen layers of two networks, and one factor of the clock that is fitted on one and tested on the other."""
    compared = {network.name: _compared(network) for network in (VGG, ALEXNET)}
    figures = [figure for network in (VGG, ALEXNET) for figure in _sums(network, compared[network.name])]
    figures += [_with_clock_fitted(compared), _area()]
    tables = [_table(network, compared[network.name]) for network in (VGG, ALEXNET)]
    notes = (*_NOTES, _standing_note())
    return Chip("Eyeriss", "Eyeriss, 65 nm, 168 multipliers for networks without spikes", FILE, figures, tables, notes)


@dataclass(frozen=True, slots=True)
class Compared:
    """One layer and image: published row, energies by part at the three bounds, traffic and seconds of the array."""

    row: Published
    parts_mj: tuple[Parts, Parts, Parts]
    buffer_mb: float
    dram_mb: float
    array_s: float

    @property
    def energy_mj(self) -> Bounds:
        """All parts: value, low, high."""
        value, low, high = (sum(parts.values()) for parts in self.parts_mj)
        return value, low, high


@cache
def _layers(name: str) -> Layers:
    """One of the networks, played once."""
    network = next(each for each in (VGG, ALEXNET) if each.name == name)
    zeros = {row.layer: row.zeros_percent / 100 for row in network.rows}
    return Layers(Played(_file(network), network.convolutions, network.shape).priced(zeros))


def _file(network: Network) -> Architecture:
    return design(FILE, (f"batch={network.batch}",))


def _compared(network: Network) -> list[Compared]:
    file, layers = _file(network), _layers(network.name)
    word = file.spec.global_buffer.port_bits / 8
    return [
        Compared(
            row,
            layers.energy_mj(row.layer, row.at(network.batch), ELEMENTS),
            layers.megabytes(row.layer, "global_buffer", word),
            layers.megabytes(row.layer, "dram", file.spec.dram.burst_bytes),
            layers.array_s(row.layer),
        )
        for row in network.rows
    ]


def _published_mj(network: Network) -> float:
    """Energy of an image: power times time of each layer."""
    return sum(row.milliwatt * row.total_ms for row in network.rows) / network.batch / 1e3


def _sums(network: Network, compared: Sequence[Compared]) -> list[Figure]:
    n, rows, name, counts = network.batch, network.rows, network.name, network is VGG
    late = [each for each in compared if each.row.layer[0] in "45" or not counts]
    which = "convolutions 4 and 5" if counts else "convolutions"
    time, busy = sum(each.array_s for each in late) * 1e3, sum(each.row.busy_ms for each in late) / n
    dram, buffer = sum(each.dram_mb for each in compared), sum(each.buffer_mb for each in compared)
    return [
        Figure.of(
            *(f"energy of an image, {name}", "energy", "mJ", _published_mj(network), "derived", _energy_mj(compared)),
            why=_CLOCK,
            headline=counts,
        ),
        Figure.exact(
            *(f"time at work, {which} of {name}", "time", "ms", busy, "typed", time), why=_MAPPING, headline=counts
        ),
        Figure.exact(f"DRAM, {name}", "traffic", "MB", sum(row.dram_mb for row in rows) / n, "typed", dram, why=_DRAM),
        Figure.exact(
            *(f"buffer, {name}", "traffic", "MB", sum(row.buffer_mb for row in rows) / n, "typed", buffer), why=_BUFFER
        ),
    ]


def _energy_mj(compared: Sequence[Compared]) -> Bounds:
    value, low, high = (sum(each.energy_mj[i] for each in compared) for i in range(3))
    return value, low, high


def _with_clock_fitted(compared: Mapping[str, Sequence[Compared]]) -> Figure:
    """AlexNet's energy with the clock's times what brings VGG-16's to the published."""
    clock, whole = ({name: _sum_of(layers, part) for name, layers in compared.items()} for part in ("clock", None))
    factor = (_published_mj(VGG) - whole[VGG.name] + clock[VGG.name]) / clock[VGG.name]
    found = whole[ALEXNET.name] + (factor - 1) * clock[ALEXNET.name]
    what = f"energy of an image, AlexNet, the clock's times {factor:.2f}"
    return Figure.exact(
        what, "energy", "mJ", _published_mj(ALEXNET), "derived", found, fitted_on="energy of an image, VGG-16"
    )


def _sum_of(layers: Sequence[Compared], part: str | None) -> float:
    """Energy of a part, or of all, over layers."""
    return sum(sum(mj for name, mj in each.parts_mj[0].items() if part in (None, name)) for each in layers)


def _area() -> Figure:
    """All instances of all parts on the chip, with those of the machine that the chip does not have."""
    rows = [row for row in area_of(_layers(VGG.name).run) if row.component != "dram"]
    value, low, high = (sum(getattr(row, name) for row in rows) / 1e6 for name in ("area_um2", "low_um2", "high_um2"))
    return Figure.of("area of the core", "area", "mm2", CORE_MM2, "typed", (value, low, high), why=_AREA, headline=True)


def _standing_mw(networks: Sequence[Network]) -> float:
    """Power that does not follow what is multiplied: a line through layers, by products a second that are not zero."""
    rate, power = [], []
    for network in networks:
        layers = Played(_file(network), network.convolutions, network.shape).trace.network
        for row in network.rows:
            products = macs(layers[row.layer], layers) * (1 - row.zeros_percent / 100)
            rate.append(products * network.batch / (row.total_ms / 1e3))
            power.append(row.milliwatt)
    return float(np.polyfit(rate, power, 1)[1])


def _standing_note() -> str:
    """What the chip takes whether it multiplies or not, beside the clock of the law."""
    one, both = _standing_mw((VGG,)), _standing_mw((VGG, ALEXNET))
    spec = _file(VGG).spec
    mhz, network = spec.clock.frequency_mhz, spec.clock.network
    # As all of them tick; the file has a gate.
    cycle = spec.clock.model_copy(update={"network": network.model_copy(update={"gated_fraction": 0.0})})
    bounds = [
        getattr(cycle.part(spec.technology).actions["cycle"], bound) * network.flip_flops / ELEMENTS for bound in BOUNDS
    ]
    elements = " to ".join(f"{mw * 1e3 / mhz / ELEMENTS:.1f}" for mw in (one, both))
    return (
        f"Of its power {one:.0f} mW (a line through the layers of VGG-16) or {both:.0f} mW (through those of both "
        f"networks) do not follow what it multiplies, {elements} pJ an element and cycle. The clock of all its "
        f"flip-flops takes {bounds[0]:.1f} pJ of it by the law, {bounds[1]:.1f} to {bounds[2]:.1f} by its bounds, "
        "where none is gated."
    )


def _table(network: Network, compared: Sequence[Compared]) -> Table:
    columns = (
        *("layer", "zeros, %", "mW", "predicted", "ratio", "clock, %", "leakage, %", "ms at work", "predicted"),
        *("buffer, MB", "predicted", "DRAM, MB", "predicted"),
    )
    rows = []
    for each in compared:
        row, n = each.row, network.batch
        milliwatt = each.energy_mj[0] / (row.total_ms / n) * 1e3
        parts, whole = each.parts_mj[0], each.energy_mj[0]
        rows.append(
            [
                row.layer,
                f"{row.zeros_percent:g}",
                f"{row.milliwatt:.0f}",
                f"{milliwatt:.0f}",
                f"{milliwatt / row.milliwatt:.2f}",
                f"{100 * parts['clock'] / whole:.0f}",
                f"{100 * parts['leakage'] / whole:.1f}",
                f"{row.busy_ms / n:.1f}",
                f"{each.array_s * 1e3:.1f}",
                *(f"{row.buffer_mb / n:.1f}", f"{each.buffer_mb:.1f}", f"{row.dram_mb / n:.1f}", f"{each.dram_mb:.1f}"),
            ]
        )
    title = f"{network.name}, an image of {network.batch} that run together, power at the published time"
    return Table(title, columns, rows)


_CLOCK = (
    "registers of maps and sums are clocked and not read; the adders that this machine has beside its multipliers "
    "stand, and with them their share of the chip's flip-flops; networks between elements, and control, are missing"
)
_MAPPING = "an array that keeps its outputs is fuller than one that keeps rows"
_DRAM = "other blocks, and records in the place of the chip's code"
_BUFFER = "maps come from the buffer once a channel tile, where the chip passes them from element to element"
_AREA = "registers of maps and sums are no parts of this machine; networks, control and unused silicon are missing"
_NOTES = (
    "Time, elements in use and zeros of each layer are the chip's, as its dataflow is another: actions are counted "
    "here, the clock runs for the chip's time. On chip only, without DRAM, as its power is thought to be (recalled). "
    "The clock's law had been set beside this chip's power before the file was written ([decision "
    "15](decisions/0015-physics.md)), and nothing in it was fitted.",
)
