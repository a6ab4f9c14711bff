"""A naive twin of `packing: layers`: crossbars put down one by one, written from docs/machines/imc.md.

- Layers come in network order, their crossbars copy by copy, group by group, column block by column block, row block by
  row block.
- A layer may join one of the sets of layers so far (each a layer, or those that share) if the dense cycles of a
  timestep of all together are at most those of the slowest layer; it joins the first that takes in most crossbars.
- Widest crossbars first, each takes the first crossbar of the set with enough columns left and none of its own layer.
- The others are new crossbars behind all there are.  PEs are filled in that order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from accelerators.imc.reference import Crossbars, is_digital, magnitude_bits, read_interval

from hwsim.traces.network.layers import Conv2d, Linear


@dataclass
class Physical:
    """A crossbar: what it was taken for, whose crossbars are on it with how many columns each."""

    number: int
    holds: dict = field(default_factory=dict)


class Packing:
    """Where each crossbar of each layer lies: `places[layer]` [copy][number]; `sets` are layers that share."""

    def __init__(self, spec, network, copies):
        self.spec, self.copies = spec, copies
        weighted = [layer for layer in network if isinstance(layer, Conv2d | Linear)]
        self.layers = {layer.name: layer for layer in weighted if not is_digital(spec, network, layer)}
        self.placed = {name: Crossbars(spec, network, layer) for name, layer in self.layers.items()}
        self.cycles = {name: self._dense_cycles(network, name) for name in self.layers}
        self.crossbars, self.sets, self.places = [], [], {}
        for name in self.layers:
            self._put(name)

    def _dense_cycles(self, network, name):
        layer, placed = self.layers[name], self.placed[name]
        bits = magnitude_bits(network, layer.inputs[0])
        interval = read_interval(self.spec, 1, 3, bits)
        positions = ceil(layer.shape[1] / self.copies.get(name, 1))
        return layer.shape[0] * positions * placed.digits * placed.phases * interval

    def widths(self, name):
        """Columns of each crossbar, of all copies."""
        placed, found = self.placed[name], []
        per_weight = placed.weight_columns // placed.outputs
        across = (self.spec.crossbar.columns - placed.reference) // per_weight
        for _ in range(self.copies.get(name, 1)):
            for _ in range(placed.groups):
                left = placed.outputs
                while left > 0:
                    columns = min(left, across) * per_weight + placed.reference
                    found += [columns] * (len(placed.reads) // placed.groups)
                    left -= across
        return found

    def _fitting(self, members, name):
        """Crossbar number of the layer -> crossbar of a set."""
        taken = {}
        widths = self.widths(name)
        hosts = [each for each in self.crossbars if set(each.holds) & set(members)]
        for number in sorted(range(len(widths)), key=lambda n: (-widths[n], n)):
            for host in hosts:
                free = self.spec.crossbar.columns - sum(host.holds.values())
                if free >= widths[number] and host not in taken.values():
                    taken[number] = host
                    break
        return taken

    def _put(self, name):
        best, chosen = {}, None
        for members in self.sets:
            if sum(self.cycles[each] for each in [*members, name]) <= max(self.cycles.values()):
                taken = self._fitting(members, name)
                if len(taken) > len(best):
                    best, chosen = taken, members
        if chosen is None:
            chosen = []
            self.sets.append(chosen)
        chosen.append(name)
        places = []
        for number, width in enumerate(self.widths(name)):
            if number not in best:
                best[number] = Physical(len(self.crossbars))
                self.crossbars.append(best[number])
            best[number].holds[name] = width
            places.append(best[number].number)
        copies = self.copies.get(name, 1)
        each = len(places) // copies
        self.places[name] = [places[copy * each : (copy + 1) * each] for copy in range(copies)]

    def pe_of(self, name, copy, number):
        """PE of a crossbar."""
        return self.places[name][copy][number] // self.spec.chip.crossbars_per_pe

    @property
    def pes(self):
        """PEs in use."""
        return ceil(len(self.crossbars) / self.spec.chip.crossbars_per_pe)

    def works_for(self, pe):
        """The layer that the first crossbar of a PE was taken for."""
        return next(iter(self.crossbars[pe * self.spec.chip.crossbars_per_pe].holds))

    def neurons(self):
        """(PEs whose neuron lanes work for each layer, sets of layers that take turns there)."""
        own = {name: [pe for pe in range(self.pes) if self.works_for(pe) == name] for name in self.layers}
        turns = {}
        for name, pes in own.items():
            if not pes:
                turns.setdefault(self.works_for(self.pe_of(name, 0, 0)), set()).add(name)
        sets = [{host, *guests} for host, guests in turns.items()]
        return {name: max(len(pes), 1) for name, pes in own.items()}, sets
