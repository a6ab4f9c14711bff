"""A naive twin of compression: writes values as bits, reads them back, and counts what lies in DRAM.

Written from the rules of docs/machines/digital.md, not from the code.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np
from accelerators.digital import cases as digital
from accelerators.imc.reference import activations


def binary(number, bits):
    return format(number & ((1 << bits) - 1), f"0{bits}b") if bits else ""


def written(values, scheme, run_bits, value_bits):
    """A record as a string of bits."""
    if scheme == "bitmask":
        return "".join("01"[v != 0] for v in values) + "".join(binary(v, value_bits) for v in values if v)
    longest = (1 << run_bits) - 1
    entries, zeros = [], 0
    for value in values:
        if value:
            alone = longest + 1 if value_bits else longest  # zeros of an entry without a value
            while zeros >= alone:
                entries.append((longest, 0))
                zeros -= alone
            entries.append((zeros, value))
            zeros = 0
        else:
            zeros += 1
    text = binary(len(entries), len(values).bit_length())
    return text + "".join(binary(run, run_bits) + binary(v, value_bits) for run, v in entries)


def read_back(text, n, scheme, run_bits, value_bits):
    """The values that a record stands for: those that are not zero as unsigned numbers, 1 without value bits."""
    place = 0

    def take(bits):
        nonlocal place
        place += bits
        return int(text[place - bits : place] or "0", 2)

    if scheme == "bitmask":
        there = [take(1) for _ in range(n)]
        values = [(take(value_bits) if value_bits else 1) if t else 0 for t in there]
    else:
        values, longest = [], (1 << run_bits) - 1
        for _ in range(take(n.bit_length())):
            run, value = take(run_bits), take(value_bits)
            if value_bits:
                values += [0] * run + [value]  # of an entry without a value this is one more zero
            else:
                values += [0] * run + ([] if run == longest else [1])
        values += [0] * (n - len(values))
    assert place == len(text)
    return values


SCHEMES = {"run_length": "pairs", "csc": "pairs", "bitmask": "bitmask"}


class Memory:
    """What a network's maps and weights take in DRAM, record by record, each of them written and read back."""

    def __init__(self, spec, trace, blocks=None):
        self.spec, self.trace, self.network = spec, trace, trace.network
        self.blocks = blocks or {}  # layer -> input channels of a block
        self.records, self.known = {}, {}

    def sources(self, layer):
        """Stored maps that a layer reads with the channels that they have in what it reads, and whether flattened."""
        (name,) = layer.inputs
        source = self.network[name]
        if type(source).__name__ == "Flatten":
            return source.inputs[0], True
        return name, False

    def parts(self, layer):
        groups = digital.groups_of(layer)
        per_group = self.network[layer.inputs[0]].shape[2] // groups
        size = self.blocks.get(layer.name, per_group)
        return [
            (g * per_group + first, g * per_group + min(first + size, per_group))
            for first in range(0, per_group, size)
            for g in range(groups)
        ]

    def cuts(self, name):
        """Channels at which records of a map begin or end."""
        layer = self.network[name]
        groups, found = digital.groups_of(layer), set()
        if hasattr(layer, "weights"):
            per_group = layer.shape[2] // groups
            for g in range(groups):
                found |= {g * per_group + c for c in range(0, per_group, self.spec.array.columns)}
        found |= {0, layer.shape[2]}
        for reader in digital.weighted(self.network):
            if reader.inputs[0] == name:
                found |= {edge for part in self.parts(reader) for edge in part}
        return sorted(found)

    def values(self, name):
        if name not in self.known:
            self.known[name] = activations(self.trace, name)
        return self.known[name]

    def bits(self, name, at, channels, width):
        """Bits of the records of some channels at [sample, timestep, y, x]."""
        scheme = SCHEMES[self.spec.dram.compress]
        total, cuts = 0, self.cuts(name)
        for first, end in pairwise(cuts):
            if channels[0] <= first and end <= channels[1]:
                values = self.values(name)[at][first:end].tolist()
                total += self.record(values, scheme, width if width > 1 else 0)
        return total

    def record(self, values, scheme, width):
        run_bits, key = self.spec.codec.run_bits, (tuple(values), scheme, width)
        if key not in self.records:
            text = written(values, scheme, run_bits, width)
            mask = (1 << width) - 1 if width else 1
            assert read_back(text, len(values), scheme, run_bits, width) == [v & mask for v in values]
            self.records[key] = len(text)
        return self.records[key]

    def weights(self, layer, channels, inputs=None):
        """Bits of the weights of some output channels, of some input channels of their group."""
        values = layer.weights.values[:, :, slice(*inputs) if inputs else slice(None)]
        scheme = SCHEMES[self.spec.weights.storage]
        return sum(self.record(values[..., c].ravel().tolist(), scheme, layer.weights.bits) for c in channels)

    def bursts(self, bits):
        return ceil(bits / self.spec.dram.burst_bits)


def tiles(layer, spec):
    """(channels, outputs) of every tile of a layer that is not cut into blocks."""
    places = list(np.ndindex(layer.shape[:2]))
    groups, weighted = digital.groups_of(layer), hasattr(layer, "weights")
    per_group = layer.shape[2] // groups
    columns = spec.array.columns if weighted else per_group
    spans = [
        range(g * per_group + c, g * per_group + min(c + columns, per_group))
        for g in range(groups)
        for c in range(0, per_group, columns)
    ]
    return [(span, places[i : i + spec.array.rows]) for span in spans for i in range(0, len(places), spec.array.rows)]
