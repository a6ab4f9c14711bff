"""How the weights of each layer lie on crossbars: rows, columns, read phases and PEs.

A layer of K taps, C_in -> C_out channels (per group) on crossbars of X_rows x X_columns:
    row blocks      im2col: ceil(C_in K / X_rows)          kernel_split: K ceil(C_in / X_rows)         (SpikeSim)
    column blocks   ceil(C_out / floor((X_columns - reference_columns) / columns_per_weight))
    reads per step  row blocks * column blocks * H_out * W_out * digits * phases
with columns_per_weight = ceil(weight_bits / cell_bits), twice that if differential: a weight never straddles two
crossbars.  A layer takes its PEs column block by column block, so that as many sums as can be are complete in one tile;
`packing` says what PEs these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, prod
from typing import TypeVar

import numpy as np

from hwsim.accelerators.imc.first_layer import refuse_alone
from hwsim.accelerators.imc.plan.packing import Packed, pack
from hwsim.accelerators.imc.plan.passes import Layers, Passes, cut, numbered, parted, too_small
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.replication import copies_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import sliding
from hwsim.errors import ArchitectureError
from hwsim.kept import Keeps
from hwsim.kernels.crossbar.rows import Segments
from hwsim.traces.network.geometry import input_shape
from hwsim.traces.network.layers import Conv2d, Linear, Network

WORD_BITS = 64
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Placement(Keeps):
    """Where the layers of a network lie."""

    network: Network  # that of the layers, in which one that several passes share out is as many
    whole: Mapping[str, LayerPlacement]  # every layer as it is without passes, placed nowhere
    layers: Mapping[str, LayerPlacement]
    passes: Passes
    tiles: int
    pes_per_tile: int
    pes: int  # in use, of the pass that has most
    crossbars: int  # in use, one that layers share once, and one that passes share once in each
    neuron_pes: Mapping[str, int]  # layer with weights -> PEs whose neuron lanes work for it
    crossbar_units: Mapping[str, str] = field(default_factory=dict)  # layer -> unit of all who share crossbars with it
    neuron_units: Mapping[str, str] = field(default_factory=dict)  # layer -> unit of all who share neuron lanes with it

    def layer_of(self, name: str) -> str:
        """What a layer of `network` is of, itself unless it is a part."""
        return self.layers[name].layer if name in self.layers else name


def place(spec: ImcSpec, network: Network) -> Placement:
    """Put every weighted layer on PEs, in network order, in as many passes as the chip needs.

    Raises ArchitectureError when a `chip.tiles` number is too small for the network and crossbars are not rewritten, a
    weight does not fit a crossbar or `chip.replicate` asks for what there is not.
    """
    whole = whole_layers(spec, network)
    by_pass = cut(spec, network, whole)
    packed = [pack(spec, layers) for layers in by_pass]
    digital = [layer.name for layer in network if layer.name in spec.digital_layers(network)]
    packed[0] = _with_first_layers(packed[0], next(iter(by_pass[0]), ""), digital)
    parts = parted(network, by_pass)
    pes = max(each.pes for each in packed)
    tiles = ceil(pes / spec.chip.pes_per_tile)
    if spec.chip.tiles != "as_needed":
        if tiles > spec.chip.tiles:
            raise too_small(spec, packed[0])
        tiles = spec.chip.tiles
    return Placement(
        network=parts,
        whole=whole,
        layers={
            name: replace(placed, pe_of=there.pe_of[name], place_of=there.place_of[name])
            for layers, there in zip(by_pass, packed, strict=True)
            for name, placed in layers.items()
        },
        passes=numbered(parts, by_pass),
        tiles=tiles,
        pes_per_tile=spec.chip.pes_per_tile,
        pes=pes,
        crossbars=sum(each.crossbars for each in packed),
        neuron_pes=_joined(each.neuron_pes for each in packed),
        crossbar_units=_joined(each.crossbar_units for each in packed),
        neuron_units=_joined(each.neuron_units for each in packed),
    )


def whole_layers(spec: ImcSpec, network: Network) -> Layers:
    """Every layer on crossbars with its copies, placed nowhere."""
    digital = spec.digital_layers(network)
    if digital:
        refuse_alone(spec, network)
    away = spec.assumptions.off_chip(network) | digital
    single = {layer.name: _place_layer(spec, network, layer) for layer in network.weighted() if layer.name not in away}
    copies = copies_of(spec, single)
    return {name: replace(once, copies=copies[name]) for name, once in single.items()}


def by_layer(placement: Placement) -> Mapping[str, Sequence[LayerPlacement]]:
    """Every layer on crossbars with its parts, in network order."""
    found: dict[str, list[LayerPlacement]] = {}
    for placed in placement.layers.values():
        found.setdefault(placed.layer, []).append(placed)
    return found


def _joined(found: Iterable[Mapping[str, Value]]) -> Mapping[str, Value]:
    return {name: value for each in found for name, value in each.items()}


def _with_first_layers(packed: Packed, first: str, digital: Sequence[str]) -> Packed:
    """Layers beside the crossbars have the neuron lanes of PE 0, in turn with those whom that works for."""
    if not digital:
        return packed
    unit = packed.neuron_units.get(first)
    turns = [first] if unit is None else [name for name, held in packed.neuron_units.items() if held == unit]
    joined = dict.fromkeys([*digital, *turns], f"neurons of {', '.join([*digital, *turns])}")
    pes = {**packed.neuron_pes, **dict.fromkeys(digital, 1)}
    return replace(packed, neuron_pes=pes, neuron_units={**packed.neuron_units, **joined})


def _place_layer(spec: ImcSpec, network: Network, layer: Conv2d | Linear) -> LayerPlacement:
    """One copy of a layer, wherever it will be."""
    channels, moves = input_shape(layer, network)[2], sliding(network, layer)
    kernel, groups = moves.kernel, layer.groups if isinstance(layer, Conv2d) else 1
    taps = prod(kernel)
    rows = spec.crossbar.rows
    phases = ceil(rows / spec.rows_at_once)
    input_bits, signed = network.bits(layer.inputs[0]), network.signed(layer.inputs[0])
    blocks = row_positions(spec.placement, taps, channels // groups, rows)
    n_blocks = int(blocks[0].max()) + 1
    per_weight = columns_per_weight(spec, layer.weights.bits)
    per_crossbar = (spec.crossbar.columns - spec.reference_columns) // per_weight
    if per_crossbar < 1:
        raise ArchitectureError(
            f"crossbar.columns: a weight of {layer.name} takes {per_weight} columns beside {spec.reference_columns} "
            f"reference columns, and the crossbar has {spec.crossbar.columns}"
        )
    out_channels = layer.shape[2] // groups
    column_blocks = ceil(out_channels / per_crossbar)
    sum_blocks = groups * n_blocks
    if spec.assumptions.conversion == "pe":  # a PE holds nothing but kernel offsets of one block of channels
        sum_blocks = sum_blocks // taps * ceil(taps / spec.chip.crossbars_per_pe)
    return LayerPlacement(
        name=layer.name,
        window=moves,
        out_shape=layer.shape,
        segments=segments_of(kernel, channels, groups, blocks, spec),
        words_per_block=_words_per_block(spec, taps, channels) if groups == phases == 1 else None,
        groups=groups,
        row_blocks=groups * n_blocks,
        sum_blocks=sum_blocks,
        column_blocks=column_blocks,
        phases=phases,
        digits=ceil((input_bits - signed) / spec.dac.bits) + signed,
        pulses=1 if spec.dac.coding == "amplitude" else (1 << min(input_bits - signed, spec.dac.bits)) - 1,
        signed=signed,
        by_sign=network.fires_both(layer.inputs[0]),
        rows_used=taps * channels,
        columns_used=out_channels * per_weight,
        reference_columns=column_blocks * spec.reference_columns,
        block_channels=per_crossbar,
        block_rows=tuple(np.bincount(blocks[0]).tolist()),
    )


def _words_per_block(spec: ImcSpec, taps: int, channels: int) -> int | None:
    rows = spec.crossbar.rows
    within_offset = spec.placement == "kernel_split" or taps == 1 or channels % rows == 0
    return rows // WORD_BITS if within_offset and rows % WORD_BITS == 0 and spec.dac.bits == 1 else None


def columns_per_weight(spec: ImcSpec, weight_bits: int) -> int:
    """Columns that one weight takes: its bit slices, twice for a differential pair."""
    slices = ceil(weight_bits / spec.crossbar.cell_bits)
    return 2 * slices if spec.signs.encoding == "differential" else slices


def row_positions(rule: str, taps: int, channels: int, rows: int) -> tuple[IntArray, IntArray]:
    """Row block, and row within it, of every weight row tap * channels + channel: int64 [row] each."""
    row = np.arange(taps * channels, dtype=np.int64)
    if rule == "im2col":
        return row // rows, row % rows
    offset, channel = row // channels, row % channels
    return offset * ceil(channels / rows) + channel // rows, channel % rows


def conversion_blocks(spec: ImcSpec, taps: int, channels: int) -> tuple[IntArray, IntArray]:
    """As `row_positions`, but row blocks whose columns are converted together are one block."""
    block, within = row_positions(spec.placement, taps, channels, spec.crossbar.rows)
    if spec.assumptions.conversion != "pe":
        return block, within
    offset, of_channels = np.divmod(block, ceil(channels / spec.crossbar.rows))
    pes = ceil(taps / spec.chip.crossbars_per_pe)
    return of_channels * pes + offset // spec.chip.crossbars_per_pe, within


def segments_of(
    kernel: tuple[int, int], channels: int, groups: int, blocks: tuple[IntArray, IntArray], spec: ImcSpec
) -> Segments:
    """The words and masks of the packed input that each phase of each row block reads, sorted by phase."""
    block, within = blocks
    per_group = channels // groups
    offset, channel = np.divmod(np.arange(block.size, dtype=np.int64), per_group)
    phases = ceil(spec.crossbar.rows / spec.rows_at_once)
    n_blocks = int(block.max()) + 1
    phase = block * phases + within // spec.rows_at_once
    group = np.arange(groups, dtype=np.int64)[:, None]
    phase_all = (group * n_blocks * phases + phase).ravel()
    bit_all = (group * per_group + channel).ravel()
    offset_all = np.broadcast_to(offset, (groups, offset.size)).ravel()
    key = np.stack([phase_all, offset_all, bit_all // WORD_BITS])
    order = np.lexsort(key[::-1])
    key, bit = key[:, order], bit_all[order] % WORD_BITS
    first = np.flatnonzero(np.r_[True, (np.diff(key, axis=1) != 0).any(axis=0)])
    mask = np.bitwise_or.reduceat(np.uint64(1) << bit.astype(np.uint64), first)
    starts = np.searchsorted(key[0, first], np.arange(groups * n_blocks * phases + 1))
    return Segments(
        row=key[1, first] // kernel[1],
        column=key[1, first] % kernel[1],
        word=key[2, first],
        mask=mask,
        start=starts.astype(np.int64),
        phases=phases,
    )
