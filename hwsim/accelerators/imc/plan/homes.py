"""Which tiles have the results of a layer on crossbars: those of the first row block of each column block, its home."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.replication import shares
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.traces.network.layers import Layer

Range = tuple[int, int]  # first and one past the last


@dataclass(frozen=True, slots=True)
class Part:
    """Some positions of every row of a layer, some of their channels, and the tile where they are."""

    tile: int
    positions: Range
    channels: Range

    @classmethod
    def whole(cls, tile: int, layer: Layer) -> Part:
        """Whole rows of a layer."""
        return cls(tile, (0, layer.shape[1]), (0, layer.shape[2]))

    def words(self, bits: int, word_bits: int) -> int:
        """Words that a row's values of so many bits fill, position by position."""
        return (self.positions[1] - self.positions[0]) * ceil((self.channels[1] - self.channels[0]) * bits / word_bits)

    @property
    def values(self) -> int:
        """Values of one row."""
        return (self.positions[1] - self.positions[0]) * (self.channels[1] - self.channels[0])


def on_crossbars(spec: ImcSpec, placed: LayerPlacement) -> tuple[tuple[Part, ...], tuple[tuple[int, Part], ...]]:
    """Results of a layer with weights at the homes of its column blocks, and what others of their tiles add to them."""
    made: list[Part] = []
    sums: list[tuple[int, Part]] = []
    tile_of = placed.pe_of // spec.chip.pes_per_tile
    stack = tile_of.shape[1] // (placed.groups * placed.column_blocks)
    outputs = placed.out_shape[2] // placed.groups
    for copy, positions in enumerate(shares(placed.window.out_width, placed.copies)):
        for block in range(placed.groups * placed.column_blocks):
            group, column = divmod(block, placed.column_blocks)
            low = column * placed.block_channels
            high = min(low + placed.block_channels, outputs)
            home, *others = dict.fromkeys(tile_of[copy, block * stack : (block + 1) * stack].tolist())
            part = Part(home, positions, (group * outputs + low, group * outputs + high))
            sums += [(home, replace(part, tile=tile)) for tile in others]
            if made and (made[-1].tile, made[-1].positions) == (home, positions):
                part = replace(part, channels=(made.pop().channels[0], part.channels[1]))
            made.append(part)
    return tuple(made), tuple(sums)
