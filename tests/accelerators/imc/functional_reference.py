"""A naive twin of crossbars that compute: one read, one digit and one column after another, written from the design.

Rules (docs/machines/imc.md; docstrings of `devices` and `functional` for what it leaves open), in units of 1/256 level:
- A cell at level n of L conducts 256 n + round(256 (L - 1) f / (1 - f)), f = G_off / G_on; varied, so much and
  floor(mean * z + 1/2) more, with z = sigma times a centred sum of twelve uniform numbers; not below zero.
- `offset` stores w + 2**(b - 1) in slices; `differential` max(w, 0) and max(-w, 0) in slices of two columns.
- A column's sum over a read's rows, times their digits, is converted: round(sum / step), clipped to the codes; half of
  one level goes up, half of a wider step to the even code.
- A cell drifts by (t / t0)**-nu and warms by 1 + a (T - T0); nu in steps of sigma / 64, a linear in the level.
- Wires: each row is a ladder that is solved as a system of equations; a column of current S loses
  r sum_ik g_i g_k min(d_i, d_k) to first order, d the segments from a row to the end, and gives S**2 / (S + loss).
- An ADC makes (1 + gain) x + offset of a current.
- Codes are weighted by slice and digit and added; what was added to make weights positive is subtracted.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from math import ceil, floor

import numpy as np
from accelerators.imc.reference import Crossbars, bits_of, is_direct, is_signed
from traces.direct.networks import met

from hwsim.traces.direct.golden import execute
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.network.weights import weights_of

UNIT = 256
MASK = 2**64 - 1


def stream(*labels):
    return int.from_bytes(hashlib.sha256("/".join(map(str, labels)).encode()).digest()[:8], "little")


def word(key, counter):
    """SplitMix64 at a counter."""
    z = (key + counter * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def halves(value):
    return [value >> shift & 0xFFFF for shift in (0, 16, 32, 48)]


def normal(key, number):
    """Twelve uniform numbers from three words, less their mean, in 2**-16."""
    return sum(part for i in range(3) for part in halves(word(key, 3 * number + i))) - 12 * 65535 // 2


def ladder(cells, places, segment):
    """Voltages of the cells of a row at `places`, driven with 1 V through a segment, their columns at ground."""
    n = max(places) + 1
    system, driven = np.zeros((n, n)), np.zeros(n)
    driven[0] = 1 / segment
    for node in range(n):
        system[node, node] = 1 / segment + (1 / segment if node < n - 1 else 0.0)
        if node:
            system[node, node - 1] = system[node - 1, node] = -1 / segment
    for cell, place in zip(cells, places, strict=True):
        system[place, place] += float(cell)
    return np.linalg.solve(system, driven)[list(places)]


class Layer:
    """The crossbars of one layer."""

    def __init__(self, spec, network, layer):
        self.spec, self.layer = spec, layer
        self.placed = Crossbars(spec, network, layer)
        self.bits = bits_of(network, layer.inputs[0]) - is_signed(network, layer.inputs[0])
        fraction = spec.crossbar.off_fraction
        self.levels = 2**spec.crossbar.cell_bits
        self.off_levels = (self.levels - 1) * fraction / (1 - fraction)
        self.off = round(UNIT * self.off_levels)
        self.analog = self.placed.differential and spec.signs.subtraction == "analog"
        self.across = self._across()
        self.reads = self._conversions()
        siemens = (1 / spec.crossbar.r_on_ohm - 1 / spec.crossbar.r_off_ohm) / (self.levels - 1) if fraction else 0
        self.segments = [ohm * siemens / UNIT for ohm in (spec.devices.row_wire_ohm, spec.devices.column_wire_ohm)]
        self.row_of = {
            row: i for phases in self.placed.reads for i, row in enumerate(row for phase in phases for row in phase)
        }
        self.cells = self._program()
        self.conversions = self.clipped = 0

    def _across(self):
        """Weights of a crossbar."""
        per_weight = self.placed.slices * (2 if self.placed.differential else 1)
        return (self.spec.crossbar.columns - self.placed.reference) // per_weight

    def site(self, column):
        """Crossbar among the column blocks, and place in it."""
        parts = self.placed.slices * (2 if self.placed.differential else 1)
        if column >= parts * self.placed.outputs:
            return column - parts * self.placed.outputs, self.across * parts
        part, output = divmod(column, self.placed.outputs)
        return output // self.across, output % self.across * parts + part

    def _conversions(self):
        """Rows converted together: (group, row block, [(ky, kx, channel of the whole input)])."""
        placed, spec = self.placed, self.spec
        per_group = len(placed.reads) // placed.groups
        if spec.assumptions.conversion == "pe":
            together = {}
            blocks = per_group // (placed.kernel[0] * placed.kernel[1])  # of channels
            for index, phases in enumerate(placed.reads):
                group, within = divmod(index, per_group)
                offset, block = divmod(within, blocks)
                for phase, rows in enumerate(phases):
                    key = (group, block, offset // spec.chip.crossbars_per_pe, phase)
                    together.setdefault(key, []).extend(rows)
            blocks = sorted({key[:3] for key in together})
            return [(key[0], blocks.index(key[:3]), together[key]) for key in sorted(together)]
        return [(index // per_group, index, rows) for index, phases in enumerate(placed.reads) for rows in phases]

    def _program(self):
        """{(ky, kx, channel of the whole input): [current of each column]}, cells drawn in the documented order."""
        placed, spec, weights = self.placed, self.spec, weights_of(self.layer)
        offset, key = 2 ** (placed.weight_bits - 1), stream(spec.devices.seed, "cells", self.layer.name)
        cells, number = {}, 0
        for group in range(placed.groups):
            for ky, kx in np.ndindex(placed.kernel):
                for c in range(placed.channels):
                    mine = [int(weights[ky, kx, c, group * placed.outputs + o]) for o in range(placed.outputs)]
                    if placed.differential:
                        stored = [[max(w, 0) for w in mine], [max(-w, 0) for w in mine]]
                    else:
                        stored = [[w + offset for w in mine]]
                        if placed.weight_bits == 1:
                            stored = [[int(w > 0) for w in mine]]
                    levels = [self._slice(v, i) for row in stored for i in range(placed.slices) for v in row]
                    if placed.reference:
                        levels += [self._slice(offset, placed.slices - 1)] * placed.column_blocks
                    currents = [self._conduct(level, key, number + i) for i, level in enumerate(levels)]
                    cells[ky, kx, group * placed.channels + c] = np.array(self._along_row(currents), dtype=object)
                    number += len(levels)
        return cells

    def _along_row(self, currents):
        """What cells of a row draw behind its wire, crossbar by crossbar."""
        if not self.segments[0]:
            return currents
        sites, drawn = [self.site(column) for column in range(len(currents))], list(currents)
        for crossbar in {crossbar for crossbar, _ in sites}:
            columns = [column for column, site in enumerate(sites) if site[0] == crossbar]
            cells, places = [currents[c] for c in columns], [sites[c][1] for c in columns]
            for column, volt in zip(columns, ladder(cells, places, self.segments[0]), strict=True):
                drawn[column] = floor(currents[column] * volt + 0.5)
        return drawn

    def _slice(self, value, index):
        return (value >> (index * self.spec.crossbar.cell_bits)) % self.levels

    def _conduct(self, level, key, number):
        devices = self.spec.devices
        draw = (word(key, 4 * number) >> 32) / 2**32
        if draw < devices.stuck_on:
            level = self.levels - 1
        elif draw < devices.stuck_on + devices.stuck_off:
            level = 0
        mean = UNIT * level + self.off
        uniform = sum(part for i in (1, 2, 3) for part in halves(word(key, 4 * number + i)))
        relative = (uniform - 12 * 65535 // 2) * round(devices.conductance_variation * 2**20)
        programmed = max(mean + (mean * relative + 2**35) // 2**36, 0)
        drift, warmth = (stream(devices.seed, what, self.layer.name) for what in ("drift", "warmth"))
        steps = (normal(drift, number) + 2**9) // 2**10
        nu = max(devices.drift_nu + devices.drift_nu_sigma * steps / 64, 0)
        slope = devices.temperature_on_per_k - devices.temperature_off_per_k
        share = devices.temperature_off_per_k + slope * level / (self.levels - 1)
        share += devices.temperature_sigma_per_k * normal(warmth, number) / 2**16
        kelvin = self.spec.technology.temperature_k - devices.programmed_k
        factor = (devices.drift_s / devices.drift_t0_s) ** -nu * max(1 + share * kelvin, 0)
        return floor(programmed * factor + 0.5)

    def unlike(self, current, block, column):
        """A current as the ADC of a column sees it."""
        devices, spec = self.spec.devices, self.spec
        crossbar, place = self.site(column)
        of_crossbar = ceil(spec.crossbar.columns / spec.adc.columns_per_adc)
        crossbars = ceil(self.placed.outputs / self.across)
        number = (block * crossbars + crossbar) * of_crossbar + place // spec.adc.columns_per_adc
        key = stream(devices.seed, "adc", self.layer.name)
        offset = round(normal(key, 2 * number) / 2**16 * devices.adc_offset_lsb * UNIT * self.step())
        gain = round(normal(key, 2 * number + 1) / 2**16 * devices.adc_gain_error * 2**20)
        return current + (current * gain + 2**19) // 2**20 + offset

    def carried(self, rows):
        """Column currents of rows [(value, row)], with what the wires of columns take."""
        if not self.segments[1]:
            return sum(value * self.cells[row] for value, row in rows)
        total = 0
        for plane in range(max(value for value, _ in rows).bit_length()):
            driven = [row for value, row in rows if value >> plane & 1]
            if not driven:
                continue
            cells = np.array([self.cells[row] for row in driven], dtype=float)
            to_end = np.array([self.spec.crossbar.rows - self.row_of[row] for row in driven])
            shared = np.minimum(to_end[:, None], to_end)
            loss = self.segments[1] * np.einsum("ic,ik,kc->c", cells, shared, cells)
            whole = cells.sum(axis=0)
            sensed = [floor(s * s / (s + lost) + 0.5) if s else 0 for s, lost in zip(whole, loss, strict=True)]
            total = total + (np.array(sensed, dtype=object) << plane)
        return total

    def step(self):
        """Levels from one code to the next."""
        rule, digit = self.spec.devices.full_scale, 2 ** min(self.bits, self.spec.dac.bits) - 1
        if rule == "level":
            return 1
        rows = max(len(rows) for *_, rows in self.reads) if rule == "rows" else rule
        eaten = self.spec.devices.off_current == "after_adc" and not self.analog
        most = -int(-rows * digit * (self.levels - 1 + eaten * self.off_levels) // 1)
        codes = 2 ** (self.spec.adc.bits - self.analog)
        step = 1
        while codes * step <= most:
            step *= 2
        return step

    def convert(self, current, pulses):
        """Levels that a column's code stands for."""
        bits = self.spec.adc.bits
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if self.analog else (0, 2**bits - 1)
        after = self.spec.devices.off_current == "after_adc"
        steps = Fraction(current, UNIT * self.step())
        code = floor(steps + Fraction(1, 2)) if self.step() == 1 else round(steps)
        self.conversions += 1
        self.clipped += not low <= code <= high
        level = min(max(code, low), high) * self.step()
        return level - ((2 * pulses * self.off + UNIT) // (2 * UNIT) if after and not self.analog else 0)

    def noise(self, t, number, sign):
        key = stream(self.spec.devices.seed, "noise", self.layer.name, t, *["sign"] * (sign < 0))
        scale = round(self.spec.devices.read_noise_levels * 3**0.5 * UNIT * 2**8)
        return (sum(halves(word(key, number))) - 4 * 65535 // 2) * scale >> 24 if scale else 0

    def position(self, picture, y, x, sample, t):
        """Currents of all output channels at one place."""
        placed, spec = self.placed, self.spec
        out = np.zeros(placed.outputs * placed.groups, dtype=object)
        for index, (group, block, rows) in enumerate(self.reads):
            unsigned = [digit for digit in placed.digit_list if digit[1] > 0]
            for digit, (low, sign, of) in enumerate(placed.digit_list):
                column = np.zeros(len(next(iter(self.cells.values()))), dtype=object)
                driven = []
                for ky, kx, c in rows:
                    yy, xx = met(self.layer, 0, y)[ky], met(self.layer, 1, x)[kx]
                    if 0 <= yy < picture.shape[0] and 0 <= xx < picture.shape[1]:
                        value = of(picture[yy, xx, c])
                        driven += [(int(value), (ky, kx, c))] if value else []
                pulses = sum(value for value, _ in driven)
                column = column + self.carried(driven) if driven else column
                errs = spec.devices.read_noise_levels or spec.devices.adc_offset_lsb
                if not pulses and (spec.skip == "silent_rows" or not errs):
                    continue
                height, width = self.layer.shape[:2]
                place = (sample * height + y) * width + x
                number = place * len(self.reads) + index
                if sign > 0:
                    number = number * len(unsigned) + digit
                total = self._read(column, pulses, (t, sign), number, block)
                start = group * placed.outputs
                out[start : start + placed.outputs] += sign * total << low
        return out

    def _read(self, column, pulses, t, number, block):
        placed, cell_bits = self.placed, self.spec.crossbar.cell_bits
        n = placed.outputs
        worth = 2 if placed.weight_bits == 1 and not placed.differential else 1
        if self.analog:
            column = column[: placed.slices * n] - column[placed.slices * n :]
        elif self.spec.devices.off_current == "before_adc":
            column = column - pulses * self.off
        column = [self.unlike(c, block, i) for i, c in enumerate(column)]
        column = [c + self.noise(t[0], number * len(column) + i, t[1]) for i, c in enumerate(column)]
        levels = [self.convert(c, pulses) for c in column]
        total = np.zeros(n, dtype=object)
        for i in range(placed.slices):
            for o in range(n):
                total[o] += worth * levels[i * n + o] << (i * cell_bits)
                if placed.differential and not self.analog:
                    total[o] -= levels[(placed.slices + i) * n + o] << (i * cell_bits)
        for o in range(n):
            if placed.reference:
                total[o] -= levels[placed.slices * n + o // self.across] << ((placed.slices - 1) * cell_bits)
            elif not placed.differential:
                total[o] -= pulses << (placed.weight_bits - 1)
        return total


class Products:
    """What `hwsim.traces.direct.golden.execute` takes in the place of exact products."""

    def __init__(self, spec, network):
        self.varying = spec.devices.read_noise_levels > 0 and spec.direct_input == "every_step"
        away = spec.assumptions.off_chip(network)
        weighted = [layer for layer in network if isinstance(layer, Conv2d | Linear) and layer.name not in away]
        self.layers = {layer.name: Layer(spec, network, layer) for layer in weighted}
        self.once = {layer.name for layer in weighted if is_direct(network, layer.inputs[0])}
        self.once = self.once if spec.direct_input == "once" else set()
        self.kept = {}

    def __call__(self, layer, activations, first_sample, t):
        """Currents that are kept over the timesteps are converted at the first and read again at the others."""
        if layer.name not in self.once:
            return self.read(layer, activations, first_sample, t)
        if t == 0:
            self.kept[layer.name] = self.read(layer, activations, first_sample, t)
        return self.kept[layer.name]

    def read(self, layer, activations, first_sample, t):
        height, width, channels = layer.shape
        out = np.zeros((len(activations), height, width, channels), np.int32)
        for s, picture in enumerate(activations):
            for y in range(height):
                for x in range(width):
                    out[s, y, x] = self.layers[layer.name].position(picture, y, x, first_sample + s, t)
        return out


def run(spec, trace):
    """The trace's network on all its raw inputs by this twin, and its crossbars."""
    products = Products(spec, trace.network)
    return execute(trace.network, trace.inputs.values, trace.timesteps, products), products
