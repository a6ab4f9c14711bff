"""A naive twin of the imc machine's counts: plain loops over 0/1 cells, written from the design and not from the code.

Rules (docs/machines/imc.md; module docstrings of the machine for what it leaves open):
- Weight rows of a group are numbered (ky * K + kx) * C + c.  `im2col` cuts that list into crossbars of X rows;
  `kernel_split` starts a new crossbar at every (ky, kx).  A crossbar is read in phases of `rows_per_read` rows.
- An activation is cut into digits of `dac_bits` bits; its row is driven for as many pulses as the digit says.
- A weight of 1 bit, -1 or 1, is one cell that holds 0 or 1 and is worth twice that less 1, as a pair like any other.
- A weight of b bits takes ceil(b / cell_bits) columns, twice that if differential, never over two crossbars; a crossbar
  may hold one reference column with the offset 2**(b - 1), whose one set bit lies in the last slice.
- Each (position, digit, crossbar row block, phase) is read or, when silence is skipped, only those with a driven row.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from traces.direct.networks import lies_between, met

from hwsim.traces.network.layers import Add, Concat, Conv2d, Flatten, Input, Linear, Pool, Readout, Upsample
from hwsim.traces.network.weights import weights_of


def unpacked(trace, name):
    """Spikes of one layer as integers, 1, 0 or -1: [sample, timestep, y, x, channel]."""
    height, width, channels = trace.spikes[name].shape

    def bits(words):
        found = np.zeros((*words.shape[:3], channels), np.int64)
        for c in range(channels):
            found[..., c] = (words[..., c // 64] >> np.uint64(c % 64)) & np.uint64(1)
        return found.reshape(*words.shape[:2], height, width, channels)

    negative = trace.spikes[name].negative
    fired = bits(trace.spikes[name].words)
    return fired if negative is None else np.where(bits(negative) == 1, -fired, fired)


def read_by(trace, layer):
    """What a layer with weights reads: [sample, timestep, y, x, channel], of a delayed one a timestep late."""
    values = activations(trace, layer.inputs[0])
    if layer.delayed:
        values = np.concatenate([np.zeros_like(values[:, :1]), values[:, :-1]], axis=1)
    return values


def activations(trace, name):
    """Integers of any layer that gives activations: [sample, timestep, y, x, channel]."""
    layer = trace.network[name]
    if name in trace.spikes:
        return unpacked(trace, name)
    if isinstance(layer, Input):
        values = trace.inputs.values[: trace.n_samples].astype(np.int64)
        if layer.over_time:
            return values
        return np.repeat(values[:, None], trace.timesteps, axis=1)
    sources = [activations(trace, source) for source in layer.inputs]
    if isinstance(layer, Add):
        return sum(gain * source for gain, source in zip(layer.gains, sources, strict=True))
    if isinstance(layer, Concat):
        return np.concatenate(sources, axis=4)
    (source,) = sources
    if isinstance(layer, Upsample):
        out = np.zeros((*source.shape[:2], *layer.shape), np.int64)
        for y, x, c in np.ndindex(layer.shape):
            out[:, :, y, x, c] = source[:, :, y // layer.factor[0], x // layer.factor[1], c]
        return out
    if isinstance(layer, Flatten):
        return source.reshape(*source.shape[:2], 1, 1, -1)
    assert isinstance(layer, Pool)
    out = np.zeros((*source.shape[:2], *layer.shape), np.int64)
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            rows, columns = (
                [p for p in met(layer, i, at) if 0 <= p < source.shape[2 + i]] for i, at in ((0, y), (1, x))
            )
            window = source[:, :, rows][:, :, :, columns]
            out[:, :, y, x] = window.sum(axis=(2, 3)) if layer.kind == "avg" else window.max(axis=(2, 3))
    return out


def ends(network, name):
    """The least and the largest activation of a layer."""
    layer = network[name]
    if getattr(layer, "neuron", None) is not None:
        return (-1, 1) if layer.neuron.signed else (0, 1)
    if isinstance(layer, Input):
        return (-(2 ** (layer.bits - 1)), 2 ** (layer.bits - 1) - 1) if layer.signed else (0, 2**layer.bits - 1)
    each = [ends(network, source) for source in layer.inputs]
    if isinstance(layer, Add):
        return tuple(sum(gain * end[i] for gain, end in zip(layer.gains, each, strict=True)) for i in (0, 1))
    if isinstance(layer, Concat):
        return min(low for low, _ in each), max(high for _, high in each)
    factor = layer.window.taps if isinstance(layer, Pool) and layer.kind == "avg" else 1
    return factor * each[0][0], factor * each[0][1]


def is_signed(network, name):
    """Whether a layer's activations can be below zero."""
    return ends(network, name)[0] < 0


def bits_of(network, name):
    """Bits of a layer's activations, in two's complement if any is below zero."""
    low, high = ends(network, name)
    bits = 0
    while not ((low >= 0 or -(2**bits) <= 2 * low) and high < (2**bits if low >= 0 else 2**bits // 2)):
        bits += 1
    return bits


def magnitude_bits(network, name):
    """Bits of the largest magnitude of a layer's activations."""
    return len(bin(max(map(abs, ends(network, name))))) - 2


def digits_of(network, name, dac_bits):
    """Digits of an activation, the lowest first: (place, 1 or -1 where it is subtracted, the digit of a value).

    Of signed spikes, which are -1, 0 and 1, the first is there where one is 1, the other where it is -1.
    """
    if ends(network, name) == (-1, 1):
        return [(0, 1, lambda value: int(value == 1)), (0, -1, lambda value: int(value == -1))]
    bits, sign = bits_of(network, name), is_signed(network, name)

    def cut(place, width):
        return lambda value: (int(value) >> place) % 2**width

    found = [(place, 1, cut(place, min(dac_bits, bits - sign - place))) for place in range(0, bits - sign, dac_bits)]
    return [*found, (bits - 1, -1, cut(bits - 1, 1))] if sign else found


def is_direct(network, name):
    """Whether a layer's activations follow from the raw input alone, so that they are the same at every timestep."""
    layer = network[name]
    if isinstance(layer, Input):
        return not layer.over_time
    plain = isinstance(layer, Pool | Flatten | Concat | Upsample) or (isinstance(layer, Add) and layer.neuron is None)
    return plain and all(is_direct(network, source) for source in layer.inputs)


def is_digital(spec, network, layer):
    """Whether a layer with weights is beside the crossbars."""
    return spec.direct_input == "digital" and is_direct(network, layer.inputs[0])


def mac_words(spec, layer, channels):
    """Words of weights read for a row on lanes that take outputs pass by pass, step by step; each is a cycle."""
    groups = getattr(layer, "groups", 1)
    kernel = layer.window.kernel if isinstance(layer, Conv2d) else (1, 1)
    outputs, lanes, words = layer.shape[2] // groups, spec.first_layer_mac.lanes, 0
    for _ in range(groups):
        passes = []  # channels whose weights each needs
        if outputs <= lanes:
            positions = list(range(layer.shape[1]))
            while positions:
                del positions[: lanes // outputs]
                passes.append(range(outputs))
        else:
            for _ in range(layer.shape[1]):
                passes += [range(low, min(low + lanes, outputs)) for low in range(0, outputs, lanes)]
        for chosen in passes:
            for _ in range(kernel[0] * kernel[1] * (channels // groups)):
                words += ceil(len(chosen) * layer.weights.bits / spec.first_layer_weights.port_bits)
    return words


def gives_currents(network, name):
    """Whether a layer passes currents on."""
    layer = network[name]
    if getattr(layer, "neuron", None) is not None:
        return False
    if isinstance(layer, Add | Pool):
        return any(gives_currents(network, source) for source in layer.inputs)
    return isinstance(layer, Conv2d | Linear | Readout)


class Crossbars:
    """Where the rows and columns of one weighted layer lie."""

    def __init__(self, spec, network, layer):
        self.layer, self.kernel, self.groups = layer, (1, 1), 1
        if isinstance(layer, Conv2d):
            self.kernel, self.groups = layer.window.kernel, layer.groups
        self.channels = network[layer.inputs[0]].shape[2] // self.groups
        self.outputs = layer.shape[2] // self.groups
        self.weight_bits = layer.weights.bits
        self.slices = ceil(self.weight_bits / spec.crossbar.cell_bits)
        self.differential = spec.signs.encoding == "differential"
        self.reference = 1 if not self.differential and spec.signs.correction == "reference_column" else 0
        per_weight = self.slices * (2 if self.differential else 1)
        weights_across = (spec.crossbar.columns - self.reference) // per_weight
        self.column_blocks = ceil(self.outputs / weights_across)
        self.all_sums = self.column_blocks * weights_across
        self.weight_columns = self.outputs * per_weight
        self.columns = self.weight_columns + self.column_blocks * self.reference
        self.reads = self._reads(spec)
        self.phases = ceil(spec.crossbar.rows / spec.rows_at_once)
        self.digit_list = digits_of(network, layer.inputs[0], spec.dac.bits)
        self.digits = len(self.digit_list)

    def _reads(self, spec):
        """Per row block, per phase, the rows (ky, kx, channel of the whole input) that it drives together."""
        blocks = []
        for group in range(self.groups):
            order = [(ky, kx, c) for ky, kx in np.ndindex(self.kernel) for c in range(self.channels)]
            if spec.placement == "im2col":
                lists = [order]
            else:
                size = self.channels
                lists = [order[i : i + size] for i in range(0, len(order), size)]
            for rows in lists:
                for start in range(0, len(rows), spec.crossbar.rows):
                    block = rows[start : start + spec.crossbar.rows]
                    phases = [[] for _ in range(ceil(spec.crossbar.rows / spec.rows_at_once))]
                    for place, (ky, kx, c) in enumerate(block):
                        phases[place // spec.rows_at_once].append((ky, kx, group * self.channels + c))
                    blocks.append(phases)
        return blocks


def row_levels(spec, layer, placed):
    """Levels of each weight row's cells, summed over its columns: {(ky, kx, channel of the whole input): levels}."""
    mask, offset = 2**spec.crossbar.cell_bits - 1, 2 ** (layer.weights.bits - 1)
    weights = weights_of(layer)

    def slices(value):
        return [(value >> (i * spec.crossbar.cell_bits)) & mask for i in range(placed.slices)]

    levels = {}
    for ky, kx in np.ndindex(placed.kernel):
        for group in range(placed.groups):
            for c in range(placed.channels):
                total = placed.column_blocks * placed.reference * slices(offset)[-1]
                for o in range(placed.outputs):
                    weight = int(weights[ky, kx, c, group * placed.outputs + o])
                    cells = (max(weight, 0), max(-weight, 0)) if placed.differential else (weight + offset,)
                    if layer.weights.bits == 1:
                        cells = (int(weight > 0), int(weight < 0))[: 1 + placed.differential]
                    total += sum(sum(slices(cell)) for cell in cells)
                levels[ky, kx, group * placed.channels + c] = total
    return levels


class RowWork:
    """What one output row of one layer asks for at one timestep."""

    def __init__(self):
        self.read = self.driven = self.levels = self.ones = self.serial = self.silent = self.clipping = 0


def row_work(spec, placed, levels, picture, y, width):
    """Count one output row over a picture [y, x, channel]."""
    work = RowWork()
    height_in, width_in, _ = picture.shape
    difference = placed.differential and spec.signs.subtraction == "analog"  # its codes are signed
    highest = 2 ** (spec.adc.bits - difference) - 1
    rows = met(placed.layer, 0, y)
    for x in range(width):
        columns = met(placed.layer, 1, x)
        for _, _, digit in placed.digit_list:
            most = 0
            for block in placed.reads:
                active = 0
                for phase in block:
                    pulses = 0
                    for ky, kx, c in phase:
                        yy, xx = rows[ky], columns[kx]
                        if not (0 <= yy < height_in and 0 <= xx < width_in):
                            continue
                        value = digit(picture[yy, xx, c])
                        pulses += value
                        work.ones += bin(value).count("1")
                        work.levels += value * levels[ky, kx, c]
                    work.driven += pulses
                    active += pulses > 0
                    work.clipping += pulses * (2**spec.crossbar.cell_bits - 1) > highest
                work.read += active
                most = max(most, active)
            work.serial += most
            work.silent += most == 0
    return work


def read_interval(spec, convert_cycles, read_cycles, input_bits):
    """Cycles from one read phase to the next, which has room for the largest digit."""
    read = read_cycles * (2 ** min(spec.dac.bits, input_bits) - 1)
    mux = min(spec.adc.columns_per_adc, spec.crossbar.columns)
    return mux * (read + convert_cycles) if spec.sensing == "current" else max(read, mux * convert_cycles)


def is_stored(layer):
    """Whether a layer's result is kept anywhere: what flattens, repeats or lies side by side is read where it is."""
    return not isinstance(layer, Flatten | Concat | Upsample)


class Seen:
    """A stored map among what a layer gives: `own[y, x, c]` is the place in the map of each value that is its."""

    def __init__(self, network, name, own):
        self.name, self.shape, self.own = name, network[name].shape, own
        self.places = {}
        for (y, x, _), (own_y, own_x, _) in own.items():
            self.places.setdefault((y, x), set()).add((own_y, own_x))
        self.flat = any(len(places) > 1 for places in self.places.values())
        if not self.flat:
            self.places = {place: next(iter(owns)) for place, owns in self.places.items()}

    def rows(self, rows):
        """Rows of the map under some rows of what is read."""
        return set(range(self.shape[0])) if self.flat else {self.places[row, 0][0] for row in rows}

    def columns(self, columns):
        """Columns of the map under some columns of what is read."""
        return set(range(self.shape[1])) if self.flat else {self.places[0, column][1] for column in columns}


def maps_of(network, name):
    """All stored maps in what a layer gives, value by value; one that is there twice is there twice."""
    layer = network[name]
    if is_stored(layer):
        return [Seen(network, name, {place: place for place in np.ndindex(layer.shape)})]
    found, first = [], 0
    for source in layer.inputs:
        _, width, channels = network[source].shape
        for seen in maps_of(network, source):
            own = {}
            for (y, x, c), place in seen.own.items():
                if isinstance(layer, Flatten):
                    own[0, 0, (y * width + x) * channels + c] = place
                elif isinstance(layer, Concat):
                    own[y, x, first + c] = place
                else:
                    for i, j in np.ndindex(layer.factor):
                        own[y * layer.factor[0] + i, x * layer.factor[1] + j, c] = place
            found.append(Seen(network, seen.name, own))
        first += channels
    return found


def window_rows(network, layer, y):
    """Rows of what is read under the windows of one output row."""
    height = network[layer.inputs[0]].shape[0]
    return [row for row in met(layer, 0, y) if 0 <= row < height]


def dense_macs(network, layer, y):
    """Multiply-accumulates of one row of one pass, zeros of the padding included, but not what a map is spread by."""
    height, width, channels = layer.shape
    if isinstance(layer, Linear):
        return network[layer.inputs[0]].shape[2] * channels
    rows, columns = (
        [lies_between(layer, axis, at).count(False) for at in range(size)] for axis, size in enumerate((height, width))
    )
    return rows[y] * sum(columns) * (network[layer.inputs[0]].shape[2] // layer.groups) * channels


def crossbar_counts(spec, trace, layer, chip):
    """One layer on a `Chip`: {(component, action): [sample, timestep]}, service ingredients [sample, timestep, row]."""
    network, placed = trace.network, Crossbars(spec, trace.network, layer)
    levels = row_levels(spec, layer, placed)
    pictures = read_by(trace, layer)
    height, width, _ = layer.shape
    direct = is_direct(network, layer.inputs[0])
    shape = pictures.shape[:2]
    counts, serial, silent = {}, np.zeros((*shape, height), np.int64), np.zeros((*shape, height), np.int64)

    def add(s, t, component, action, n):
        counts.setdefault((component, action), np.zeros(shape, np.int64))[s, t] += n

    for s in range(shape[0]):
        for t in range(shape[1]):
            for y in range(height):
                runs = not (direct and spec.direct_input == "once" and t > 0)
                work = row_work(spec, placed, levels, pictures[s, t], y, width) if runs else RowWork()
                serial[s, t, y], silent[s, t, y] = work.serial, work.silent
                looked_at = runs * width * placed.digits * len(placed.reads) * placed.phases
                read = work.read if spec.skip == "silent_rows" else looked_at
                sums = read * (placed.outputs if spec.convert == "used" else placed.all_sums)
                analog = placed.differential and spec.signs.subtraction == "analog"
                converted = placed.columns - (placed.weight_columns // 2 if analog else 0)
                if spec.convert == "all":
                    converted = placed.column_blocks * (spec.crossbar.columns // (2 if analog else 1))
                mux = min(spec.adc.columns_per_adc, spec.crossbar.columns)
                add(s, t, "crossbar", "read", read * placed.column_blocks)
                drives = mux if spec.sensing == "current" else 1
                add(s, t, "crossbar", "drive_row", work.driven * placed.column_blocks * drives)
                add(s, t, "row_driver", "drive", work.driven * placed.column_blocks * drives)
                for component, action in (("adc", "convert"), ("column_mux", "select"), ("shift_add", "add")):
                    add(s, t, component, action, read * converted)
                add(s, t, "adc_reference", "settle", read * converted)
                add(s, t, "operations", "crossbar read", read * placed.column_blocks)
                add(s, t, "operations", "crossbar read that could clip", work.clipping * placed.column_blocks)
                add(s, t, "accumulator", "add", sums)
                sum_bits = spec.adc.bits + (placed.slices - 1) * spec.crossbar.cell_bits
                moved = sums * sum_bits + runs * chip.fetches(layer, y, 1)
                add(s, t, "htree", "transfer", ceil(moved / spec.htree.bits))
                add(s, t, "spike_buffer", "read", runs * chip.fetches(layer, y, spec.spike_buffer.port_bits))
                for action in ("hop", "link"):
                    add(s, t, "noc", action, runs * chip.flit_hops(layer.name))
                if spec.read_energy == "value":
                    add(s, t, "crossbar", "read_cell", work.driven * placed.columns)
                    add(s, t, "crossbar", "read_level", work.levels)
                else:
                    add(s, t, "crossbar", "read_mean", work.driven * placed.columns)
                if not placed.differential:
                    add(s, t, "offset", "subtract", sums)
                    if spec.signs.correction == "popcount":
                        add(s, t, "offset", "count_rows", read)
                if spec.skip == "silent_rows":
                    add(s, t, "silence_detector", "detect", looked_at)
                if spec.direct_input != "every_step":
                    stored = width * ceil(layer.shape[2] * spec.accumulator.bits / spec.psum_buffer.port_bits)
                    add(s, t, "psum_buffer", "write", stored if direct and t == 0 else 0)
                if direct:
                    add(s, t, "operations", "MAC", runs * dense_macs(network, layer, y))
                else:
                    add(s, t, "operations", "AC", work.ones * placed.outputs)
    return counts, serial, silent
