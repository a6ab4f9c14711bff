"""A naive twin of the imc machine's chip: values, crossbars and flits one by one; and of all counts that depend on it.

Rules (module docstrings of placement, sites and traffic):
- A layer takes whole PEs after those of the layer before, a copy too, unless they are packed (`packing_reference`); in
  it crossbars follow each other group by group, column block by column block, row block by row block.  n copies share
  the positions of a row, first copies one more where they do not divide.
- A value is made where the first row block of its column is; other tiles with row blocks of that column send sums.
- The input is at tile 0.  A pool or sum has each position and channel where the first value it reads is; of a flattened
  row it is as a whole where the first value is.
- What flattens, repeats or lies side by side is nowhere: its values are those of the maps that it is made of.
- A row goes to every tile of a layer with weights that reads it (or of one that reads it flattened) as one multicast a
  source tile and position, X before Y; any other reader gets what its tile lacks, value by value, unicast.
- A position's values from one tile to the same tiles fill flits together, as its values kept at a tile fill words.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from accelerators.imc.packing_reference import Packing
from accelerators.imc.reference import (
    Crossbars,
    bits_of,
    crossbar_counts,
    dense_macs,
    gives_currents,
    is_digital,
    is_direct,
    is_stored,
    mac_words,
    maps_of,
    window_rows,
)
from traces.direct.networks import met

from hwsim.traces.network.layers import Add, Conv2d, Input, Linear, Pool, Readout


def shares(width, copies):
    """Positions of each copy."""
    taken, lists = 0, []
    for copy in range(copies):
        size = width // copies + (copy < width % copies)
        lists.append(range(taken, taken + size))
        taken += size
    return lists


class Chip:
    """Where everything is; links carry flits of one row of each step."""

    def __init__(self, spec, network, copies=None):
        self.spec, self.network, self.copies = spec, network, copies or {}
        self.made = {}  # layer -> {(position, channel): tile}
        self.tiles = {}  # layer with weights -> [tiles of each copy]
        self.sums = {}  # layer -> [(from tile, to tile, positions, channels)]
        self.pes = 0
        self.packing = Packing(spec, network, self.copies) if spec.packing == "layers" else None
        for layer in network:
            if isinstance(layer, Conv2d | Linear) and is_digital(spec, network, layer):
                self.tiles[layer.name] = [{0}]
                self.made[layer.name] = {(x, c): 0 for x in range(layer.shape[1]) for c in range(layer.shape[2])}
            elif isinstance(layer, Conv2d | Linear):
                self._place(layer)
            elif is_stored(layer):
                self._put_beside(layer)
        if self.packing is not None:
            self.pes = self.packing.pes
        self.n_tiles = ceil(self.pes / spec.chip.pes_per_tile)
        if spec.chip.tiles != "as_needed":
            self.n_tiles = spec.chip.tiles
        self.side = ceil(self.n_tiles**0.5)
        self.links, self.longest = {}, {}  # step -> {(from, to): flits of a row}, hops of the longest route
        for layer in network:
            if is_stored(layer):
                self._route(layer)

    def _place(self, layer):
        spec, placed = self.spec, Crossbars(self.spec, self.network, layer)
        stack = len(placed.reads) // placed.groups
        weights = (spec.crossbar.columns - placed.reference) // (placed.weight_columns // placed.outputs)
        made, self.tiles[layer.name], self.sums[layer.name] = {}, [], []
        for copy, positions in enumerate(shares(layer.shape[1], self.copies.get(layer.name, 1))):
            tiles, summing = [], set()
            for number in range(placed.groups * placed.column_blocks * stack):
                column, row = divmod(number, stack)
                group, block = divmod(column, placed.column_blocks)
                pe = self.pes + number // spec.chip.crossbars_per_pe
                if self.packing is not None:
                    pe = self.packing.pe_of(layer.name, copy, number)
                tile = pe // spec.chip.pes_per_tile
                tiles.append(tile)
                channels = range(block * weights, min((block + 1) * weights, placed.outputs))
                channels = [group * placed.outputs + c for c in channels]
                if row == 0:
                    home, summing = tile, set()
                    made.update({(x, c): home for x in positions for c in channels})
                elif tile != home and tile not in summing:
                    summing.add(tile)
                    self.sums[layer.name].append((tile, home, positions, channels))
            self.tiles[layer.name].append(set(tiles))
            self.pes += ceil(len(tiles) / spec.chip.crossbars_per_pe)
        self.made[layer.name] = made

    def _put_beside(self, layer):
        _, width, channels = layer.shape
        places = [(x, c) for x in range(width) for c in range(channels)]
        if isinstance(layer, Input):
            self.made[layer.name] = dict.fromkeys(places, 0)
            return
        read = maps_of(self.network, layer.inputs[0])
        tiles = {
            (x, c): self.made[seen.name][own_x, own_c]
            for seen in read
            for (_, x, c), (_, own_x, own_c) in seen.own.items()
        }
        if any(seen.flat for seen in read) or (isinstance(layer, Readout) and layer.of == "spikes"):
            self.made[layer.name] = dict.fromkeys(places, self.made[read[0].name][0, 0])
        else:
            self.made[layer.name] = {(x, c): tiles[max(met(layer, 1, x)[0], 0), c] for x, c in places}

    def gives(self, name):
        """Step that gives a layer's result."""
        weighted = isinstance(self.network[name], Conv2d | Linear)
        return f"{name}.neuron" if weighted and self.network[name].neuron is not None else name

    def flit_hops(self, step):
        """Links that the flits of a row cross."""
        return sum(self.links.get(step, {}).values())

    def wants(self, name):
        """(Tiles that want whole rows of a layer, {other tile: values that it wants})."""
        whole, some = set(), {}
        for reader in self.network:
            if not is_stored(reader) or (isinstance(reader, Readout) and reader.of != "spikes"):
                continue
            for seen in (seen for source in set(reader.inputs) for seen in maps_of(self.network, source)):
                if seen.name != name:
                    continue
                if isinstance(reader, Conv2d | Linear):
                    whole |= set.union(*self.tiles[reader.name])
                elif seen.flat:
                    whole |= set(self.made[reader.name].values())
                else:
                    for tile, values in self.wanted(reader, seen).items():
                        some.setdefault(tile, set()).update((x, c) for _, x, c in values)
        some = {tile: values for tile, values in some.items() if values}
        return whole, {tile: values for tile, values in some.items() if tile not in whole}

    def wanted(self, reader, seen):
        """Places in a stored map that each tile of a layer that works channel by channel reads of any row."""
        values = self._wanted(reader)
        return {tile: {own for (_, x, c), own in seen.own.items() if (x, c) in read} for tile, read in values.items()}

    def _wanted(self, reader):
        """Positions and channels of what it reads, columns after a window included, by tile."""
        stride = reader.window.stride[1] if isinstance(reader, Pool) else 1
        width, values = self.network[reader.inputs[0]].shape[1], {}
        for (x, c), tile in self.made[reader.name].items():
            if isinstance(reader, Readout):
                values.setdefault(tile, set()).update((x, c * reader.votes + i) for i in range(reader.votes))
                continue
            under = met(reader, 1, x)
            right = width if x == reader.shape[1] - 1 else min(width, max(under[-1] + 1, under[0] + stride))
            values.setdefault(tile, set()).update((xx, c) for xx in range(max(under[0], 0), right))
        return values

    def _route(self, layer):
        flit, name = self.spec.noc.flit_bits, layer.name
        psum_bits = self.spec.accumulator.bits
        for source, home, positions, channels in self.sums.get(name, []):
            self._send(name, source, [home], len(positions) * ceil(len(channels) * psum_bits / flit))
        before = self.longest.pop(name, 0) if self.gives(name) == name else 0
        bits = psum_bits if gives_currents(self.network, name) else bits_of(self.network, name)
        whole, some = self.wants(name)
        for x in range(layer.shape[1]):
            for source in sorted({tile for (xx, _), tile in self.made[name].items() if xx == x}):
                here = {(x, c) for c in range(layer.shape[2]) if self.made[name][x, c] == source}
                self._send(self.gives(name), source, whole, ceil(len(here) * bits / flit))
                for tile, values in some.items():
                    if here & values:
                        self._send(self.gives(name), source, [tile], ceil(len(here & values) * bits / flit))
        if before:
            self.longest[name] = self.longest.get(name, 0) + before

    def _send(self, step, source, destinations, flits):
        crossed, longest = set(), 0
        for destination in destinations:
            path, at = [], source
            while at != destination:
                dx = destination % self.side - at % self.side
                there = at + (1 if dx > 0 else -1) if dx else at + (self.side if destination > at else -self.side)
                path.append((at, there))
                at = there
            crossed |= set(path)
            longest = max(longest, len(path))
        for link in crossed:
            loads = self.links.setdefault(step, {})
            loads[link] = loads.get(link, 0) + flits
        if longest:
            self.longest[step] = max(self.longest.get(step, 0), longest)

    def kept(self, name):
        """Values [position] of each row that each tile keeps: {tile: {position: values}}."""
        width, channels = self.network[name].shape[1:]
        whole, some = self.wants(name)
        kept = {tile: dict.fromkeys(range(width), channels) for tile in whole}
        if not whole and not some:
            for place, tile in self.made[name].items():
                some.setdefault(tile, set()).add(place)
        for tile, values in some.items():
            kept[tile] = {x: sum(xx == x for xx, _ in values) for x in range(width)}
        return kept

    def writes(self, name, bits):
        """Buffer writes of one row."""
        port = self.spec.spike_buffer.port_bits
        return sum(ceil(n * bits / port) for row in self.kept(name).values() for n in row.values())

    def reads(self, layer, source, y=None):
        """Buffer reads of a row of an input of a layer that works channel by channel; of those under its row y."""
        port, total = self.spec.spike_buffer.port_bits, 0
        for seen in maps_of(self.network, source):
            bits, words = bits_of(self.network, seen.name), 0
            if seen.flat:  # of a row of what is read
                for read in self._wanted(layer).values():
                    words += ceil(sum((x, c) in read for _, x, c in seen.own) * bits / port)
            else:
                for values in self.wanted(layer, seen).values():
                    row = {(x, c) for _, x, c in values}
                    words += sum(ceil(sum(xx == x for xx, _ in row) * bits / port) for x in {x for x, _ in row})
            total += words * (1 if y is None else len(seen.rows(window_rows(self.network, layer, y))))
        return total

    def fetches(self, layer, y, port_bits):
        """Buffer reads of a layer with weights: each copy the columns under its windows, at each of its tiles."""
        width = self.network[layer.inputs[0]].shape[1]
        fetched, copies = [], shares(layer.shape[1], self.copies.get(layer.name, 1))
        for number, (positions, tiles) in enumerate(zip(copies, self.tiles[layer.name], strict=True)):
            under = [column for x in positions for column in met(layer, 1, x) if 0 <= column < width]
            first = 0 if number == 0 else min(under, default=width)
            last = width - 1 if number == len(copies) - 1 else max(under, default=-1)
            fetched += [range(first, last + 1)] * len(tiles)
        total = 0
        for seen in maps_of(self.network, layer.inputs[0]):
            words = ceil(seen.shape[2] * bits_of(self.network, seen.name) / port_bits)
            rows = len(seen.rows(window_rows(self.network, layer, y)))
            total += rows * sum(len(seen.columns(columns)) for columns in fetched) * words
        return total


def other_counts(spec, trace, layer, chip):
    """Neurons, pools, sums and the input: {(component, action): [timestep]}, the same for every sample."""
    network, steps = trace.network, trace.timesteps
    height, width, channels = layer.shape
    each = [1] * steps
    first = [1 if t == 0 or spec.direct_input == "every_step" else 0 for t in range(steps)]
    counts = {}

    def post(component, action, n, runs=each):
        counts[component, action] = np.array(runs, np.int64) * n

    def send(bits, runs=each):
        post("spike_buffer", "write", height * chip.writes(layer.name, bits) if bits else 0, runs)
        for action in ("hop", "link"):
            post("noc", action, height * chip.flit_hops(chip.gives(layer.name)), runs)

    if isinstance(layer, Input):
        runs = first if is_direct(network, layer.name) else each
        words = height * width * ceil(channels * layer.bits / spec.global_buffer.port_bits)
        post("global_buffer", "read", words, runs)
        send(layer.bits, runs)
        return counts
    summed = 0
    if isinstance(layer, Add):
        summed = height * sum(chip.reads(layer, i) for i in layer.inputs if not gives_currents(network, i))
    if getattr(layer, "neuron", None) is not None:
        neuron_counts(spec, network, layer, post, first)
        send(bits_of(network, layer.name))
        if isinstance(layer, Add):
            post("spike_buffer", "read", summed)
    elif isinstance(layer, Readout):
        post("pooling", "add", channels * layer.votes)
        if layer.of == "spikes":
            post("spike_buffer", "read", chip.reads(layer, layer.inputs[0]))
        elif spec.loop_order == "timestep_outer":
            post("membrane", "read", ceil(channels * spec.neuron.membrane_bits / spec.membrane.port_bits))
        send(0)
    elif isinstance(layer, Add | Pool):
        runs = first if is_direct(network, layer.name) else each
        operands = layer.window.taps if isinstance(layer, Pool) else len(layer.inputs)
        post("pooling", "add", height * width * channels * operands, runs)
        if isinstance(layer, Pool) and gives_currents(network, layer.name):
            pooled_current_counts(spec, network, layer, post, first)
        elif isinstance(layer, Pool):
            summed = sum(chip.reads(layer, layer.inputs[0], y) for y in range(height))
        post("spike_buffer", "read", summed, runs)
        send(0 if gives_currents(network, layer.name) else bits_of(network, layer.name), runs)
    return counts


def pooled_current_counts(spec, network, layer, post, first):
    """Kept currents of the raw input are read from the second timestep on: the rows under the windows of each row."""
    source = network[layer.inputs[0]]
    if (
        spec.direct_input != "every_step"
        and isinstance(source, Conv2d | Linear)
        and is_direct(network, source.inputs[0])
    ):
        rows, width, channels = source.shape
        met_rows = sum(0 <= row < rows for y in range(layer.shape[0]) for row in met(layer, 0, y))
        words = met_rows * width * ceil(channels * spec.accumulator.bits / spec.psum_buffer.port_bits)
        post("psum_buffer", "read", words, [1 - n for n in first])


def neuron_counts(spec, network, layer, post, first):
    """Every membrane is read, updated and written at every timestep, or held in the PE."""
    height, width, channels = layer.shape
    post("neuron", "update", height * width * channels)
    post("operations", "membrane update", height * width * channels)
    states = 1
    if layer.neuron.synapse is not None:
        states = 2
        post("synapse", "update", height * width * channels)
    if layer.neuron.feedback is not None:
        post("feedback", "add", height * width * channels)
    if layer.neuron.signed:
        post("lower_threshold", "compare", height * width * channels)
    if spec.loop_order == "timestep_outer":
        last = 0 if layer.neuron.feedback is None else bits_of(network, layer.name)
        bits = states * spec.neuron.membrane_bits + last
        words = height * width * ceil(channels * bits / spec.membrane.port_bits)
        post("membrane", "read", words)
        post("membrane", "write", words)
    else:
        post("neuron", "hold", height * width * channels * states)
    if spec.direct_input != "every_step":
        kept = [
            name
            for name in ((layer.name,) if not isinstance(layer, Add) else layer.inputs)
            if isinstance(network[name], Conv2d | Linear)
            and (name == layer.name or gives_currents(network, name))
            and is_direct(network, network[name].inputs[0])
        ]
        words = height * width * ceil(channels * spec.accumulator.bits / spec.psum_buffer.port_bits)
        post("psum_buffer", "read", words * len(kept), [1 - n for n in first])


def mac_counts(spec, trace, layer, chip):
    """A layer beside the crossbars, at the first timestep alone: {(component, action): [timestep]}."""
    height, width, channels = layer.shape
    rows = range(height)
    source = trace.network[layer.inputs[0]].shape[2]
    stored = height * width * ceil(channels * spec.accumulator.bits / spec.psum_buffer.port_bits)
    macs = sum(dense_macs(trace.network, layer, y) for y in rows)
    once = {
        ("first_layer_mac", "mac"): macs,
        ("operations", "MAC"): macs,
        ("first_layer_weights", "read"): height * mac_words(spec, layer, source),
        ("spike_buffer", "read"): sum(chip.fetches(layer, y, spec.spike_buffer.port_bits) for y in rows),
        ("psum_buffer", "write"): stored,
        ("noc", "hop"): height * chip.flit_hops(layer.name),
        ("noc", "link"): height * chip.flit_hops(layer.name),
    }
    return {key: n * (np.arange(trace.timesteps) == 0) for key, n in once.items()}


def all_counts(spec, trace, copies=None):
    """Every action of a run without early exit: {(layer, component, action): [sample, timestep]}, zeros left out."""
    chip, counts = Chip(spec, trace.network, copies), {}

    def merge(layer, found):
        for (component, action), n in found.items():
            full = np.broadcast_to(n, (trace.n_samples, trace.timesteps))
            key = (layer.name, component, action)
            counts[key] = counts.get(key, 0) + full

    for layer in trace.network:
        if isinstance(layer, Conv2d | Linear) and is_digital(spec, trace.network, layer):
            merge(layer, mac_counts(spec, trace, layer, chip))
        elif isinstance(layer, Conv2d | Linear):
            merge(layer, crossbar_counts(spec, trace, layer, chip)[0])
        merge(layer, other_counts(spec, trace, layer, chip))
    return {key: n for key, n in counts.items() if n.any()}
