"""A naive twin of crossbars that compute: one read, one digit and one column after another, written from the design.

Rules (docs/machines/imc.md; docstrings of `devices` and `functional` for what it leaves open), in units of 1/256 level:
- A cell at level n of L conducts 256 n + round(256 (L - 1) f / (1 - f)), f = G_off / G_on; varied, so much and
  floor(mean * z + 1/2) more, with z = sigma times a centred sum of twelve uniform numbers; not below zero.
- `offset` stores w + 2**(b - 1) in slices; `differential` max(w, 0) and max(-w, 0) in slices of two columns.
- A column's sum over a read's rows, times their digits, is converted: round(sum / step), clipped to the codes; half of
  one level goes up, half of a wider step to the even code.
- Codes are weighted by slice and digit and added; what was added to make weights positive is subtracted.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from math import floor

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
        self.reads = self._conversions()
        self.cells = self._program()
        self.conversions = self.clipped = 0

    def _conversions(self):
        """Rows converted together: (group, [(ky, kx, channel of the whole input)])."""
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
            return [(key[0], together[key]) for key in sorted(together)]
        return [(index // per_group, rows) for index, phases in enumerate(placed.reads) for rows in phases]

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
                    cells[ky, kx, group * placed.channels + c] = np.array(currents, dtype=object)
                    number += len(levels)
        return cells

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
        return max(mean + (mean * relative + 2**35) // 2**36, 0)

    def step(self):
        """Levels from one code to the next."""
        rule, digit = self.spec.devices.full_scale, 2 ** min(self.bits, self.spec.dac.bits) - 1
        if rule == "level":
            return 1
        rows = max(len(rows) for _, rows in self.reads) if rule == "rows" else rule
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
        if not (self.analog or after):
            current -= pulses * self.off
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
        for index, (group, rows) in enumerate(self.reads):
            unsigned = [digit for digit in placed.digit_list if digit[1] > 0]
            for digit, (low, sign, of) in enumerate(placed.digit_list):
                column = np.zeros(len(next(iter(self.cells.values()))), dtype=object)
                pulses = 0
                for ky, kx, c in rows:
                    yy, xx = met(self.layer, 0, y)[ky], met(self.layer, 1, x)[kx]
                    if 0 <= yy < picture.shape[0] and 0 <= xx < picture.shape[1]:
                        value = of(picture[yy, xx, c])
                        column += value * self.cells[ky, kx, c]
                        pulses += value
                if not pulses and (spec.skip == "silent_rows" or not spec.devices.read_noise_levels):
                    continue
                height, width = self.layer.shape[:2]
                place = (sample * height + y) * width + x
                number = place * len(self.reads) + index
                if sign > 0:
                    number = number * len(unsigned) + digit
                total = self._read(column, pulses, (t, sign), number)
                start = group * placed.outputs
                out[start : start + placed.outputs] += sign * total << low
        return out

    def _read(self, column, pulses, t, number):
        placed, cell_bits = self.placed, self.spec.crossbar.cell_bits
        n = placed.outputs
        worth = 2 if placed.weight_bits == 1 and not placed.differential else 1
        if self.analog:
            column = column[: placed.slices * n] - column[placed.slices * n :]
        column = [c + self.noise(t[0], number * len(column) + i, t[1]) for i, c in enumerate(column)]
        levels = [self.convert(c, pulses) for c in column]
        total = np.zeros(n, dtype=object)
        per_weight = placed.slices * (2 if placed.differential else 1)
        across = (self.spec.crossbar.columns - placed.reference) // per_weight
        for i in range(placed.slices):
            for o in range(n):
                total[o] += worth * levels[i * n + o] << (i * cell_bits)
                if placed.differential and not self.analog:
                    total[o] -= levels[(placed.slices + i) * n + o] << (i * cell_bits)
        for o in range(n):
            if placed.reference:
                total[o] -= levels[placed.slices * n + o // across] << ((placed.slices - 1) * cell_bits)
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
