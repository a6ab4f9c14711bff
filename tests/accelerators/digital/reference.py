"""A naive twin of what the digital machine counts: loops over tiles, written from the design and not from the code.

Rules (docs/machines/digital.md):
- A tile is R neighbouring outputs in raster order times C channels of one group; what pools or adds takes all channels.
- Weights of a channel tile go to the scratchpads once for all its positions where twice of them fit, else to the array
  for every tile, or spike by spike from the buffer when skipping.  A tile reads those of the taps that meet a place or
  padding at any of its positions; straight from DRAM come all.
- Inputs: every distinct place under a tile's windows once a tile, its channels of the group in whole words; of what is
  flattened, repeated or side by side those of every stored map in it.
- Outputs: a word or more a position.  Membranes and kept sums likewise.  Of DRAM, whole bursts a tile and kind.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from accelerators.digital.cases import asked, groups_of, on_map, set_bits, taps_of, windows
from accelerators.imc.reference import bits_of, gives_currents, is_direct, is_stored, magnitude_bits, maps_of

from hwsim.traces.network.layers import Add, Conv2d, Input, Linear, Pool, Readout


class Twin:
    """Counts of all layers: `counts[layer, component, action]` is int64 [sample, timestep]."""

    def __init__(self, spec, trace, home):
        self.spec, self.trace, self.network = spec, trace, trace.network
        self.homes = home  # where everything is: "global_buffer", "dram" or "none"; or where each (kind, layer) is
        self.outer = spec.loop_order == "layer_outer"
        self.once = spec.direct_input == "once"
        self.counts = {}
        for layer in trace.network:
            if is_stored(layer) and not isinstance(layer, Input):
                self.run(layer)

    def add(self, layer, component, action, t, n):
        key = layer.name, component, action
        counts = self.counts.setdefault(key, np.zeros((self.trace.n_samples, self.trace.timesteps), np.int64))
        counts[:, t] += n

    def home(self, kind, name):
        return self.homes if isinstance(self.homes, str) else self.homes[kind, name]

    def move(self, layer, action, t, bits, times, home):
        """`times` runs of `bits` of one tile."""
        if home == "global_buffer":
            self.add(layer, home, action, t, ceil(bits / self.spec.global_buffer.port_bits) * times)
        if home == "dram":
            self.add(layer, home, action, t, -(-bits * times // (8 * self.spec.dram.burst_bytes)))

    def width(self, name):
        return self.spec.ac.bits if gives_currents(self.network, name) else bits_of(self.network, name)

    def tiles(self, layer):
        """(group, positions, channels) of every tile, channels outermost, first tile of each channel tile marked."""
        weighted = isinstance(layer, Conv2d | Linear)
        groups = groups_of(layer)
        per_group = layer.shape[2] // groups
        columns = self.spec.array.columns if weighted else per_group
        outputs = [(y, x) for y in range(layer.shape[0]) for x in range(layer.shape[1])]
        rows = self.spec.array.rows
        for group in range(groups):
            for left in range(0, per_group, columns):
                for low in range(0, len(outputs), rows):
                    yield group, outputs[low : low + rows], min(columns, per_group - left), low == 0

    def places(self, layer, seen, outputs):
        """Distinct places of a map under the windows of some outputs."""
        if seen.flat:
            return seen.shape[0] * seen.shape[1]
        source = self.network[layer.inputs[0]].shape
        return len({seen.places[place[1:]] for y, x in outputs for place in on_map(layer, source, y, x)})

    def run(self, layer):
        weighted = isinstance(layer, Conv2d | Linear)
        neuron = getattr(layer, "neuron", None) is not None
        direct = is_direct(self.network, layer.inputs[0]) and all(is_direct(self.network, i) for i in layer.inputs)
        seen = windows(self.trace, layer) if weighted else None
        for t in range(self.trace.timesteps):
            first = t == 0 or not (self.once and direct)
            for group, outputs, channels, fills in self.tiles(layer):
                if weighted and first:
                    self.weights(layer, t, group, outputs, channels, fills, seen, direct)
                if first if weighted else first or neuron:
                    self.inputs(layer, t, group, outputs)
                if first or (weighted and neuron) or (not weighted and neuron):
                    self.finish(layer, t, outputs, channels, neuron)
                if weighted and neuron and self.once and direct and not self.outer:
                    bits = channels * self.spec.ac.bits
                    self.move(
                        layer, "write" if t == 0 else "read", t, bits, len(outputs), self.home("sums", layer.name)
                    )

    def weights(self, layer, t, group, outputs, channels, fills, seen, direct):
        spec, bits = self.spec, layer.weights.bits
        taps = next(iter(seen.values())).shape[3]
        skips = spec.skip == "skip" and not direct
        per_tap = taps // taps_of(layer)
        by_output = [asked(layer, y, x) for y, x in outputs]
        all_taps, together = per_tap * sum(map(len, by_output)), per_tap * len(set.union(*by_output))
        ones = sum(set_bits(seen[place][:, t, group]).sum(axis=1) for place in outputs)
        self.add(layer, "operations", "MAC" if direct else "AC", t, (all_taps if direct else ones) * channels)
        digits = 1 if direct else magnitude_bits(self.network, layer.inputs[0])
        source = self.network[layer.inputs[0]].shape
        inside = sum(len(on_map(layer, source, y, x)) for y, x in outputs) * per_tap
        done = all_taps * digits if spec.skip == "none" else inside if direct else ones
        self.add(layer, "mac" if direct else "ac", "mac" if direct else "add", t, done * channels)
        if skips:
            self.add(
                layer,
                "detector",
                "scan",
                t,
                len(outputs) * ceil(together * digits / spec.detector.bits),
            )
        fills = fills and (t == 0 or not self.outer)
        all_bits = channels * taps * bits
        home = self.home("weights", layer.name)
        if home == "global_buffer" and spec.dram != "none" and fills:
            self.move(layer, "read", t, all_bits, 1, "dram")
            self.move(layer, "write", t, all_bits, 1, "global_buffer")
        pad = spec.scratchpad
        tiles = ceil(layer.shape[2] / groups_of(layer) / spec.array.columns) * groups_of(layer)
        if pad != "none" and min(2, tiles) * taps * bits <= pad.banks * pad.capacity_kib * 8192:
            if fills:
                self.move(layer, "read", t, all_bits, 1, home)
                self.add(layer, "scratchpad", "write", t, channels * ceil(taps * bits / pad.port_bits))
            each = ones * ceil(bits / pad.port_bits) if skips else ceil(together * bits / pad.port_bits)
            self.add(layer, "scratchpad", "read", t, each * channels)
        elif skips and home == "global_buffer":
            self.add(layer, home, "read", t, ones * ceil(channels * bits / spec.global_buffer.port_bits))
        else:
            read = channels * together * bits if home == "global_buffer" else all_bits
            self.move(layer, "read", t, read, 1, home)

    def inputs(self, layer, t, group, outputs):
        groups = groups_of(layer)
        size = self.network[layer.inputs[0]].shape[2] // groups
        for seen in (seen for name in layer.inputs for seen in maps_of(self.network, name)):
            here = [(0, 0, c) for c in range(group * size, (group + 1) * size)]
            own = {seen.own[place][2] for place in here if place in seen.own}
            width = (seen.shape[2] // groups if seen.flat else len(own)) * self.width(seen.name)
            if width:
                places = self.places(layer, seen, outputs)
                self.move(layer, "read", t, width, places, self.home("map", seen.name))

    def finish(self, layer, t, outputs, channels, neuron):
        results = len(outputs) * channels
        home = self.home("map", layer.name)
        self.move(layer, "write", t, channels * self.width(layer.name), len(outputs), home)
        if neuron:
            self.add(layer, "operations", "membrane update", t, results)
            self.add(layer, "neuron", "update", t, results)
            states = 1
            if layer.neuron.synapse is not None:
                states = 2
                self.add(layer, "synapse", "update", t, results)
            if layer.neuron.feedback is not None:
                self.add(layer, "feedback", "add", t, results)
            if layer.neuron.signed:
                self.add(layer, "lower_threshold", "compare", t, results)
            if self.outer:
                self.add(layer, "neuron", "hold", t, results * states)
            else:
                last_spike = 0 if layer.neuron.feedback is None else bits_of(self.network, layer.name)
                bits = channels * (self.spec.neuron.membrane_bits * states + last_spike)
                home = self.home("membranes", layer.name)
                self.move(layer, "read", t, bits, len(outputs), home)
                self.move(layer, "write", t, bits, len(outputs), home)
            if isinstance(layer, Add):
                self.add(layer, "pooling", "add", t, results * (len(layer.inputs) - 1))
        elif not isinstance(layer, Conv2d | Linear):
            operands = taps_of(layer) if isinstance(layer, Pool) else len(layer.inputs)
            if isinstance(layer, Readout):
                operands = layer.votes
            self.add(layer, "pooling", "add", t, results * operands)
