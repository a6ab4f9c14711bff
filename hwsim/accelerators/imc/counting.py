"""What the spikes of a chunk of samples ask of each weighted layer's crossbars, counted from packed words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.adc_range import adc_range_rows
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.placement import Placement
from hwsim.accelerators.imc.plan.replication import shares
from hwsim.accelerators.imc.plan.stored_weights import reference_level, slices_of, stored_together
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.kernels.crossbar.level_sums import sum_levels
from hwsim.kernels.crossbar.rows import count_rows
from hwsim.kernels.crossbar.word_rows import count_words, fits
from hwsim.traces.network.layers import Conv2d, Integers, Layer, Linear, Network
from hwsim.traces.network.weights import weights_of
from hwsim.traces.planes import by_sign

_WEIGHTS_AT_ONCE = 1 << 18  # summed at once, so that a large layer's are never widened whole, nor out of the cache


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """Per output row of a layer: int64 [sample, timestep, row], those of copies [copy, sample, timestep, row].

    A digit step is one read of one input digit.
    """

    driven: IntArray  # rows driven, summed over row blocks and unit pulses
    ones: IntArray  # set bits of the activations that the windows cover, summed over row blocks
    active: IntArray  # (row block, phase, digit step) combinations with a driven row
    serial: IntArray  # of each copy, phases that cannot overlap: in each digit step those of its busiest row block
    over_range: IntArray  # active combinations whose sum could exceed the ADC's range
    silent: IntArray  # of each copy, digit steps in which nothing is driven
    levels: IntArray  # conductance levels above G_off that the driven rows draw current through

    def over(self, timesteps: int, only_first: bool) -> LayerCounts:
        """These counts at every timestep, where they are the same at all; or at the first only, and then nothing."""
        if self.driven.shape[1] == timesteps and not only_first:
            return self

        def spread(counts: IntArray) -> IntArray:
            full = np.broadcast_to(counts[..., :1, :], (*counts.shape[:-2], timesteps, counts.shape[-1]))
            return full * (np.arange(timesteps) == 0)[:, None] if only_first else full

        return LayerCounts(*(spread(getattr(self, field.name)) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Cells:
    """What of a layer's crossbars decides how its spikes are counted, whatever they are."""

    digit_bits: int
    range_rows: int  # driven rows whose largest sum is within the range of the ADC
    levels: IntArray | None  # of each row, where reads are priced by their value
    copies: IntArray  # first position of each in a row, and one past the last


def cells_of(spec: ImcSpec, network: Network, placement: Placement) -> Mapping[str, Cells]:
    """Those of every layer on the chip."""
    range_rows, by_value = adc_range_rows(spec), spec.read_energy == "value"

    def cells(placed: LayerPlacement) -> Cells:
        levels = row_levels(spec, placed, network[placed.layer]) if by_value else None
        ends = (end for _, end in shares(placed.window.out_width, placed.copies))
        return Cells(spec.dac.bits, range_rows, levels, np.array([0, *ends]))

    return {name: cells(placed) for name, placed in placement.layers.items()}


def by_digits(planes: NDArray[np.uint64], placed: LayerPlacement, digit_bits: int) -> NDArray[np.uint64]:
    """Planes uint64 [plane, ...] of which each digit has as many: what is subtracted is the first of its own digit.

    What is subtracted is the sign of integers in two's complement, and of spikes those that are -1.
    """
    if placed.by_sign:
        planes = by_sign(planes)
    missing = -(len(planes) - 1) % digit_bits if placed.signed else 0
    if not missing:
        return planes
    return np.concatenate([planes[:-1], np.zeros((missing, *planes.shape[1:]), np.uint64), planes[-1:]])


def count_layer(placed: LayerPlacement, planes: NDArray[np.uint64], cells: Cells) -> LayerCounts:
    """Count one layer's work from its input `planes` uint64 [plane, sample, time, position, word]."""
    planes = np.ascontiguousarray(planes)
    if placed.words_per_block is not None and fits(placed.window, planes.shape[4]):
        rows = count_words(planes, placed.window, placed.words_per_block, cells.range_rows, cells.copies)
    else:
        rows = count_rows(planes, placed.window, placed.segments, cells.digit_bits, cells.range_rows, cells.copies)
    levels = np.zeros_like(rows.driven)
    if cells.levels is not None:
        pulses = np.left_shift(1, np.arange(planes.shape[0], dtype=np.int64) % cells.digit_bits)
        sum_levels(planes, placed.window, cells.levels, pulses, levels)
    return LayerCounts(**rows._asdict(), levels=levels)


def row_levels(spec: ImcSpec, placed: LayerPlacement, layer: Layer) -> IntArray:
    """Conductance levels above G_off of all cells in each crossbar row: int64 [kernel row, kernel column, channel]."""
    assert isinstance(layer, Conv2d | Linear)
    bits, weights = layer.weights.bits, weights_of(layer)
    if placed.part is not None:
        weights = weights[..., slice(*placed.part.outputs)]
    *kernel, channels, _ = weights.shape
    sums = np.zeros((*kernel, placed.groups, channels), np.int64)
    at_once = max(1, _WEIGHTS_AT_ONCE * channels // weights.size)
    for low in range(0, channels, at_once):
        part = weights[:, :, low : low + at_once]
        by_group = _slice_levels(spec, stored_together(spec, part, bits), bits).reshape(
            *part.shape[:3], placed.groups, -1
        )
        sums[:, :, :, low : low + at_once] = by_group.sum(axis=4, dtype=np.int64).transpose(0, 1, 3, 2)
    sums += placed.reference_columns * reference_level(spec, bits)
    if placed.part is not None and placed.groups < placed.part.of_groups:  # it drives no row of the other groups
        some, sums = sums, np.zeros((*kernel, placed.part.of_groups, channels), np.int64)
        sums[:, :, slice(*placed.part.groups)] = some
        return sums.reshape(*kernel, placed.part.of_groups * channels)
    return sums.reshape(*kernel, placed.groups * channels)


def _slice_levels(spec: ImcSpec, values: Integers, weight_bits: int) -> Integers:
    """Sum over its slices of the level each holds."""
    total = np.zeros_like(values)
    for low in slices_of(spec, weight_bits):
        total += (values >> low) & values.dtype.type(spec.crossbar.levels - 1)
    return total
