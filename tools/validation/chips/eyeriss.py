"""Eyeriss: energy at the published time, traffic of buffer and DRAM, and times, layer by layer of VGG-16 and AlexNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validation.convolutions import At, Convolution, Layers, Played
from validation.figures import Chip, Figure, Table
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
    """Eighteen layers."""
    figures, tables = [], []
    for network in (VGG, ALEXNET):
        compared = _compared(network)
        figures += _sums(network, compared)
        tables.append(_table(network, compared))
    return Chip("Eyeriss", "Eyeriss, 65 nm, 168 multipliers for networks without spikes", FILE, figures, tables)


@dataclass(frozen=True, slots=True)
class Compared:
    """One layer and image: published row, energies by part at the three bounds, traffic and seconds of the array."""

    row: Published
    parts_mj: tuple[dict[str, float], dict[str, float], dict[str, float]]
    buffer_mb: float
    dram_mb: float
    array_s: float

    @property
    def energy_mj(self) -> tuple[float, float, float]:
        """All parts: value, low, high."""
        value, low, high = (sum(parts.values()) for parts in self.parts_mj)
        return value, low, high


def _compared(network: Network) -> list[Compared]:
    file = design(FILE, (f"batch={network.batch}",))
    zeros = {row.layer: row.zeros_percent / 100 for row in network.rows}
    layers = Layers(Played(file, network.convolutions, network.shape).priced(zeros))
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


def _sums(network: Network, compared: Sequence[Compared]) -> list[Figure]:
    n, rows = network.batch, network.rows
    energy = [sum(each.energy_mj[i] for each in compared) for i in range(3)]
    published = sum(row.milliwatt * row.total_ms for row in rows) / n / 1e3
    dram, buffer = (sum(getattr(each, name) for each in compared) for name in ("dram_mb", "buffer_mb"))
    late = [each for each in compared if network is ALEXNET or each.row.layer[0] in "45"]
    time = sum(each.array_s for each in late) * 1e3
    busy = sum(each.row.busy_ms for each in late) / n
    name, first = network.name, network is VGG
    which = "convolutions 4 and 5" if first else "convolutions"
    return [
        Figure(f"energy of an image, {name}", "energy", "mJ", published, "derived", *energy, "", first),  # type: ignore[misc]
        Figure(f"time at work, {which} of {name}", "time", "ms", busy, "typed", time, time, time, "", first),
        Figure(f"DRAM, {name}", "traffic", "MB", sum(row.dram_mb for row in rows) / n, "typed", dram, dram, dram),
        Figure(
            f"buffer, {name}", "traffic", "MB", sum(row.buffer_mb for row in rows) / n, "typed", buffer, buffer, buffer
        ),
    ]


def _table(network: Network, compared: Sequence[Compared]) -> Table:
    columns = (
        *("layer", "mW", "predicted", "ratio", "clock, %", "leakage, %", "ms at work", "predicted"),
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
    return Table(
        f"{network.name}, an image of {network.batch} that run together, power at the published time", columns, rows
    )
