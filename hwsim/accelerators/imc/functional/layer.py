"""One layer with weights on its crossbars: activations in, currents out, conversions counted."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.functional.cells import Cells, cells_of
from hwsim.accelerators.imc.functional.conversion import conversion_of, converters_of
from hwsim.accelerators.imc.functional.lookup import Lookup, lookup_of, worth_of
from hwsim.accelerators.imc.functional.wires import relative_ohm
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.placement import WORD_BITS, columns_per_weight, conversion_blocks, segments_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.kernels.counter_rng import stream_key
from hwsim.kernels.crossbar.looked_up import read_looked_up
from hwsim.kernels.crossbar.read_noise import TERM_BITS
from hwsim.kernels.crossbar.read_rows import Reads
from hwsim.kernels.crossbar.reads import NOISE_BITS, Columns, Conversion, Scratch, read_layer
from hwsim.kernels.crossbar.rows import Segments
from hwsim.kernels.crossbar.wires import Wires
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.network.limits import MAX_INT
from hwsim.traces.planes import Words, by_sign, pack_channels, pack_integers

_WIDE = 31  # bits of sums that are looked up


class CrossbarLayer:
    """The programmed crossbars of a layer."""

    def __init__(self, spec: ImcSpec, network: Network, layer: Conv2d | Linear, placed: LayerPlacement) -> None:
        channels, kernel = network[layer.inputs[0]].shape[2] // placed.groups, placed.window.kernel
        blocks = conversion_blocks(spec, prod(kernel), channels)
        segments = segments_of(kernel, channels * placed.groups, placed.groups, blocks, spec)
        across = (spec.crossbar.columns - spec.reference_columns) // columns_per_weight(spec, layer.weights.bits)
        cells = cells_of(spec, layer, across)
        self.n_planes, self.signed, self.by_sign = network.bits(layer.inputs[0]), placed.signed, placed.by_sign
        self.name, self.shape, self.n_outputs = layer.name, layer.shape, layer.shape[2] // placed.groups
        self.window, self.moves = placed.window, window(layer)
        self.reads = _reads(segments, placed, channels, spec.dac.bits)
        rows, digit = _rows_of_fullest(segments), (1 << min(self.n_planes - self.signed, spec.dac.bits)) - 1
        self.conversion: Conversion = conversion_of(spec, cells, rows, digit)
        self.seed = spec.devices.seed if self.conversion.noise_scale else 0
        self.counts = np.zeros(2, np.int64)
        """Conversions, and how many of them clipped, of all calls so far."""
        self.loses_nothing = self._loses_nothing(rows * digit)
        self.lookup = self._lookup(spec, cells, max(rows, spec.crossbar.rows), digit, channels * placed.groups)
        self.columns = Columns(
            cells.currents.reshape(-1, cells.currents.shape[2]),
            cells.factors,
            cells.references,
            cells.reference_factor,
            cells.offset,
        )
        self.wires = _wires(spec, cells, np.tile(blocks[1], placed.groups))
        shift = self.conversion.step_bits + self.conversion.fraction_bits
        n_blocks = (segments.start.size - 1) // segments.phases
        self.converters = converters_of(spec, layer.name, cells, n_blocks, shift)
        self.scratch = Scratch(
            currents=np.zeros(cells.currents.shape[2], np.int64),
            sums=np.zeros(self.n_outputs, np.int64),
            listed=np.zeros(64, np.int64),
            counts=self.counts,
        )

    def read(self, activations: NDArray[np.int32], first_sample: int, timestep: int) -> NDArray[np.int32]:
        """Currents int32 [sample, y, x, channel] of one timestep from activations of that form.

        The noise of a conversion is that of its number in the order [sample, y, x, read, digit, column], samples those
        of the trace, in the stream 'seed/noise/layer/timestep'.  The signs of signed activations, or spikes of -1, are
        read as if they were all there is, in the stream 'seed/noise/layer/timestep/sign', and subtracted.
        """
        n_samples, channels = len(activations), activations.shape[3]
        flat = self.moves.spread_out(activations).reshape(n_samples, -1, channels)
        if self.n_planes == 1:
            return self._read(pack_channels(flat.astype(np.bool_))[None], first_sample, str(timestep))
        planes = pack_integers(flat.astype(np.uint8) if self.n_planes <= 8 else flat, self.n_planes)
        if not self.signed:
            return self._read(planes, first_sample, str(timestep))
        planes, place = (by_sign(planes), 0) if self.by_sign else (planes, self.n_planes - 1)
        signs = self._read(planes[-1:], first_sample, str(timestep), "sign").astype(np.int64)
        total = self._read(planes[:-1], first_sample, str(timestep)) - (signs << place)
        return np.clip(total, -MAX_INT, MAX_INT).astype(np.int32)

    def _read(self, planes: Words, first_sample: int, *stream: str) -> NDArray[np.int32]:
        """Currents of unsigned activations, from their planes."""
        passed = np.empty((planes.shape[1], *self.shape), np.int32)
        rule = self.conversion
        if rule.noise_scale:
            rule = rule._replace(noise_key=np.uint64(stream_key(self.seed, "noise", self.name, *stream)))
        if self.lookup is not None:
            kept, first = None if self.loses_nothing else rule, first_sample * self.shape[0] * self.shape[1]
            held = self.lookup.with_margins(planes, self.window)
            rows, blocks, room = self.lookup
            read_looked_up(held, self.window, rows, blocks, kept, first, room, passed.reshape(-1, self.shape[2]))
        else:
            errors = self.wires, self.converters
            read_layer(planes, self.window, self.reads, self.columns, rule, *errors, first_sample, self.scratch, passed)
        return passed

    def _loses_nothing(self, pulses: int) -> bool:
        """Whether every sum of up to so many unit pulses has a code of its own and is converted to that."""
        rule = self.conversion
        changed = rule.fraction_bits or rule.step_bits or rule.off_current or rule.noise_scale or rule.spread
        return not changed and pulses * rule.largest <= rule.highest and pulses * rule.smallest >= rule.lowest

    def _lookup(self, spec: ImcSpec, cells: Cells, rows: int, digit: int, channels: int) -> Lookup | None:
        """The cells in tables; None where converters differ, wires have resistance, or sums take more than 32 bits.

        Up to so many rows are driven with digits up to `digit`, by as many channels in all.
        """
        rule, planes = self.conversion, (self.n_planes, -(-channels // WORD_BITS))
        size = cells.currents.shape[2], self.n_outputs, self.reads, self.window, planes, self.counts
        if self.loses_nothing:
            return lookup_of(worth_of(cells, self.n_outputs), 0, *size)
        if spec.devices.column_wire_ohm or rule.spread:
            return None
        code = max(rule.highest + 1, -rule.lowest) << rule.step_bits
        noise = (rule.noise_scale << TERM_BITS) >> NOISE_BITS
        current = rows * digit * max(rule.largest, -rule.smallest) + noise + (code << rule.fraction_bits)
        worth = int(np.abs(cells.factors).sum()) + cells.reference_factor
        subtracted = rows * (cells.offset + worth * ((rule.off_current >> rule.fraction_bits) + 1))
        sums = self.reads.per_group * (code * worth + subtracted) << self.n_planes
        return None if max(current, sums) >> _WIDE else lookup_of(cells, current, *size)


def _reads(segments: Segments, placed: LayerPlacement, channels: int, dac_bits: int) -> Reads:
    """Words by read with the cell row of each word's first bit; rows of a group follow those of the group before."""
    n_reads = segments.start.size - 1
    per_group = n_reads // placed.groups
    group = np.repeat(np.arange(n_reads), np.diff(segments.start)) // per_group
    tap = segments.row * placed.window.kernel[1] + segments.column
    rows_per_group = prod(placed.window.kernel) * channels
    first_row = group * rows_per_group + tap * channels + 64 * segments.word - group * channels
    return Reads(segments, first_row, per_group, dac_bits)


def _wires(spec: ImcSpec, cells: Cells, row: IntArray) -> Wires | None:
    """What the columns of a layer need to know of their wires; `row` [cell row] is that of its crossbar.

    None where currents do not depend on them.
    """
    if not cells.conductances.size:
        return None
    groups, rows, columns = cells.conductances.shape
    flat = cells.conductances.reshape(groups * rows, columns)
    segment = relative_ohm(spec, spec.devices.column_wire_ohm, cells.fraction_bits)
    room = np.zeros((2, columns))
    return Wires(flat, row, spec.crossbar.rows, segment, cells.taken_off, room[0], room[1])


def _rows_of_fullest(segments: Segments) -> int:
    """Rows that a read drives at most."""
    up_to = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bitwise_count(segments.mask), dtype=np.int64)])
    return int(np.diff(up_to[segments.start]).max())
