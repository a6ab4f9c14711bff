"""The current of every cell of a layer as an integer, variation and stuck cells drawn by counter.

Level n of 2**cell_bits conducts n levels above `off_levels` = (levels - 1) G_off / (G_on - G_off).  Currents are kept
to 2**-FRACTION_BITS of a level.  With variation a cell conducts mu (1 + sigma z), not below zero, with z normal
(`normal`).  Cell i in the order [group, row, column], reference columns last, takes words 4 i to 4 i + 3 of the stream
'seed/cells/layer': the upper half of the first says whether it is stuck (on below the one fraction, off below the sum
of both), the others are z.  What a cell conducts then changes with time and temperature (`change`), and it draws less
current the longer its row's wire is up to it (`wires`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.adc_range import off_levels
from hwsim.accelerators.imc.functional.change import changed
from hwsim.accelerators.imc.functional.normal import UNIT_BITS, WORDS, centred
from hwsim.accelerators.imc.functional.wires import Sites, along_rows, sites_of
from hwsim.accelerators.imc.plan.stored_weights import (
    offset_of,
    reference_level,
    slices_of,
    stored_integers,
    unit_of,
)
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.network.weights import weights_of

FRACTION_BITS = 8
_WORDS_PER_CELL = 1 + WORDS  # one decides whether it is stuck
_CELLS_PER_DRAW = 1 << 18
_SIGMA_BITS = 20


@dataclass(frozen=True, slots=True)
class Cells:
    """Currents of a layer's cells as its ADCs see them, and what each column is worth."""

    currents: NDArray[np.int32]  # [group, row, column]: by part, in it by output of a group, then reference columns
    fraction_bits: int  # currents count in 2**-fraction_bits levels
    factors: IntArray  # [part] what a level of a part is worth
    references: IntArray  # [output of a group] column of its reference; empty where there is none
    reference_factor: int
    offset: int  # of the stored weights, to be subtracted for every driven unit pulse
    off_current: int  # of a driven unit pulse, in each column, that the ADC sees and that is subtracted after it
    sites: Sites  # of all columns, before any are subtracted from others
    conductances: NDArray[np.int32]  # [group, row, column] of those, where currents depend on their wires; else empty
    taken_off: int  # of a driven unit pulse, in each column, ahead of the ADC


def cells_of(spec: ImcSpec, layer: Conv2d | Linear, outputs_per_crossbar: int) -> Cells:
    """Program a layer's weights; row (ky * kernel + kx) * channels + channel of a group, as in `placement`."""
    stored, factors, offset = _stored_levels(spec, layer)
    groups, rows, parts, outputs = stored.shape
    levels = stored.reshape(groups, rows, parts * outputs)
    references = np.empty(0, np.int64)
    if spec.reference_columns:
        n_references = ceil(outputs / outputs_per_crossbar)
        references = parts * outputs + np.arange(outputs, dtype=np.int64) // outputs_per_crossbar
        column = np.full((groups, rows, n_references), reference_level(spec, layer.weights.bits), np.uint8)
        levels = np.concatenate([levels, column], axis=2)
    fraction_bits = 0 if _whole(spec) else FRACTION_BITS
    sites = sites_of(outputs, parts, outputs_per_crossbar, references)
    currents = _conduct(spec, layer.name, levels, fraction_bits)
    if spec.devices.row_wire_ohm:
        currents = along_rows(spec, sites, currents, fraction_bits)
    conductances = currents if spec.devices.column_wire_ohm else np.empty((0, 0, 0), np.int32)
    taken_off = 0
    off = round(off_levels(spec) * (1 << fraction_bits))
    analog = spec.signs.encoding == "differential" and spec.signs.subtraction == "analog"
    if analog:
        half = parts // 2 * outputs
        currents, factors = currents[:, :, :half] - currents[:, :, half:], factors[: parts // 2]
    elif spec.devices.off_current == "before_adc" and not _whole(spec):
        currents, taken_off = currents - np.int32(off), off
    return Cells(
        currents=currents,
        fraction_bits=fraction_bits,
        factors=factors,
        references=references,
        reference_factor=offset // reference_level(spec, layer.weights.bits),
        offset=0 if spec.reference_columns else offset,
        off_current=0 if analog or spec.devices.off_current == "before_adc" else off,
        sites=sites,
        conductances=conductances,
        taken_off=taken_off,
    )


def _whole(spec: ImcSpec) -> bool:
    """Whether columns carry whole levels, so that no fraction needs to be kept: what is off cancels before the ADC."""
    cancels = spec.devices.off_current == "before_adc" or (
        spec.signs.encoding == "differential" and spec.signs.subtraction == "analog"
    )
    return spec.devices.exact_levels and (cancels or spec.crossbar.off_fraction == 0)


def _stored_levels(spec: ImcSpec, layer: Conv2d | Linear) -> tuple[NDArray[np.uint8], IntArray, int]:
    """Levels uint8 [group, row, part, output], what a level of each part is worth, and the offset of each weight.

    Parts are the slices of what is stored, of a pair those of the one column, then those of the other.
    """
    weights, bits = weights_of(layer), layer.weights.bits
    outputs = weights.shape[3]
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    rows = weights.reshape(-1, groups, outputs // groups).transpose(1, 0, 2)
    lows, mask = slices_of(spec, bits), spec.crossbar.levels - 1
    stored = stored_integers(spec, rows, bits)
    parts = [(values >> low & values.dtype.type(mask)).astype(np.uint8) for values in stored for low in lows]
    signs = (1,) if len(stored) == 1 else (1, -1)
    factors = np.array([unit_of(spec, bits) * sign << low for sign in signs for low in lows], np.int64)
    return np.stack(parts, axis=2), factors, offset_of(spec, bits)


def _conduct(spec: ImcSpec, name: str, levels: NDArray[np.uint8], fraction_bits: int) -> NDArray[np.int32]:
    """Currents of cells at `levels`, as drawn and read; off current included unless levels are whole."""
    devices = spec.devices
    off = 0 if _whole(spec) else round(off_levels(spec) * (1 << fraction_bits))
    means = off + (np.arange(spec.crossbar.levels, dtype=np.int64) << fraction_bits)
    drawn = devices.conductance_variation or devices.stuck_on or devices.stuck_off
    changes = devices.drifts or devices.has_warmth
    if not (drawn or changes):
        return means.astype(np.int32)[levels]
    key = stream_key(devices.seed, "cells", name)
    flat = levels.reshape(-1)
    currents = np.empty(flat.size, np.int32)
    for start in range(0, flat.size, _CELLS_PER_DRAW):
        part = slice(start, min(start + _CELLS_PER_DRAW, flat.size))
        counters = np.arange(part.start * _WORDS_PER_CELL, part.stop * _WORDS_PER_CELL, dtype=np.uint64)
        words = random_words(key, counters).astype("<u8", copy=False).reshape(-1, _WORDS_PER_CELL)
        held = _stuck(spec, words[:, 0], flat[part])
        found = _varied(means[held], words[:, 1:], devices.conductance_variation)
        currents[part] = changed(spec, name, start, held, found) if changes else found
    return currents.reshape(levels.shape)


def _stuck(spec: ImcSpec, words: NDArray[np.uint64], levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Levels that cells hold: fractions are kept to 2**-32."""
    draw = words >> np.uint64(32)
    on = round(spec.devices.stuck_on * (1 << 32))
    off = on + round(spec.devices.stuck_off * (1 << 32))
    return np.where(draw < on, spec.crossbar.levels - 1, np.where(draw < off, 0, levels)).astype(np.uint8)


def _varied(means: IntArray, words: NDArray[np.uint64], variation: float) -> IntArray:
    """Conductance mu (1 + variation z), rounded half up and not below zero: int64 [cell]."""
    relative = centred(words) * round(variation * (1 << _SIGMA_BITS))
    bits = UNIT_BITS + _SIGMA_BITS
    varied: IntArray = np.maximum(means + ((means * relative + (1 << (bits - 1))) >> bits), 0)
    return varied
