"""A network that the chip does not hold, cut into passes: what is on the chip together, and in which order.

Layers with weights go into passes in network order, each pass as full as it can be.  A pass runs all its timesteps
before the next one is written, so what it gives is stored, currents too, and nothing of it is needed again:

- What a layer reads of the timestep before cannot be made in a later pass: if the reader comes first, both are in one.
- A layer larger than the chip is cut: each pass has as many of its column blocks as it has room for.  A column block is
  complete, with all rows of its sums.
- A pass has no more membranes than tiles have memory for.

Layers without weights run in the pass in which the last of what they read is made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

from hwsim.accelerators.imc.plan.homes import on_crossbars
from hwsim.accelerators.imc.plan.packing import Packed, pack
from hwsim.accelerators.imc.plan.parts import part_of
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.neuron_parts import state_bits
from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import Concat, Layer, Network, Readout, is_delayed, neuron_of

Layers = Mapping[str, LayerPlacement]


@dataclass(frozen=True, slots=True)
class Passes:
    """Which pass each layer of a network runs in."""

    of: Mapping[str, int]  # every layer; nothing where there is one pass
    n: int

    def of_step(self, step: str) -> int:
        """That of a step, which is called like its layer, or its neurons."""
        return 0 if self.n == 1 else self.of[step if step in self.of else step.removesuffix(".neuron")]

    def among(self, step: str, other: str) -> bool:
        """Whether two steps are in one pass."""
        return self.of_step(step) == self.of_step(other)

    @property
    def last(self) -> int:
        """The one that gives the logits."""
        return self.n - 1


ONE_PASS = Passes({}, 1)


def cut(spec: ImcSpec, network: Network, layers: Layers) -> list[Layers]:
    """What is on the chip in each pass; all of it in one where it fits, or where nothing is rewritten.

    Raises ArchitectureError where a layer, or layers that belong together, cannot be cut to what the chip holds.
    """
    if spec.overflow == "refuse" or spec.chip.tiles == "as_needed":
        return [layers]
    room = Room.of(spec, network, list(layers))
    if room.holds(layers):
        return [layers]
    found: list[Layers] = [{}]
    for names in _together(network, list(layers)):
        group = {name: layers[name] for name in names}
        if room.holds({**found[-1], **group}):
            found[-1] = {**found[-1], **group}
        elif _fits(spec, group):
            found.append(group)
        elif len(names) > 1:
            raise _too_many(spec, names, pack(spec, group))
        else:
            _share_out(room, network, layers[names[0]], found)
    return [each for each in found if each]


@dataclass(frozen=True, slots=True)
class Room:
    """What the chip holds: crossbars, and the membranes of a pass."""

    spec: ImcSpec
    membrane_bits: Mapping[str, int]  # of each layer on crossbars, with sums that its currents or spikes end in

    @classmethod
    def of(cls, spec: ImcSpec, network: Network, names: Sequence[str]) -> Room:
        """That of a design for the layers of a network."""
        bits = dict.fromkeys(names, 0)
        last = _last(network, names)
        for layer in network:
            neuron, at = neuron_of(layer), max(last[layer.name], 0)  # those beside crossbars are in the first pass
            if neuron is not None and network.activation_bits is None:
                bits[names[at]] += prod(layer.shape) * state_bits(neuron, spec.neuron.membrane_bits)
        return cls(spec, bits if spec.loop_order == "timestep_outer" else dict.fromkeys(names, 0))

    def holds(self, layers: Layers) -> bool:
        """Whether the chip does, tile by tile."""
        chip, packed = self.spec.chip, pack(self.spec, layers)
        assert chip.tiles != "as_needed"
        bits: Counter[int] = Counter()
        for name, placed in layers.items():
            made, _ = on_crossbars(self.spec, replace(placed, pe_of=packed.pe_of[name]))
            row = placed.out_shape[1] * placed.out_shape[2]
            for part in made:
                bits[part.tile] += self._bits(placed) * part.values // row
        provided = chip.pes_per_tile * self.spec.membrane.capacity_bits
        return max(bits.values(), default=0) <= provided and packed.pes <= chip.tiles * chip.pes_per_tile

    def _bits(self, placed: LayerPlacement) -> int:
        bits, part = self.membrane_bits[placed.layer], placed.part
        return bits if part is None else bits * (part.outputs[1] - part.outputs[0]) // part.of_outputs


def numbered(network: Network, by_pass: Sequence[Layers]) -> Passes:
    """The pass of each layer of a network in which layers are parted."""
    if len(by_pass) == 1:
        return ONE_PASS
    weighted = {name: number for number, layers in enumerate(by_pass) for name in layers}
    found: dict[str, int] = {}
    for layer in network:
        reads = () if is_delayed(layer) else layer.inputs
        found[layer.name] = weighted.get(layer.name, max((found[name] for name in reads), default=0))
    return Passes(found, len(by_pass))


def parted(network: Network, by_pass: Sequence[Layers]) -> Network:
    """The network in which a layer that passes share out is a layer for each, put together again; or itself."""
    parts: dict[str, list[LayerPlacement]] = {}
    for placed in (placed for layers in by_pass for placed in layers.values() if placed.part is not None):
        parts.setdefault(placed.layer, []).append(placed)
    if not parts:
        return network
    layers: list[Layer] = []
    for layer in network:
        own = parts.get(layer.name, ())
        layers += [replace(layer, name=part.name, shape=part.out_shape) for part in own]
        layers.append(Concat(layer.name, tuple(part.name for part in own), layer.shape) if own else layer)
    return Network(tuple(layers), network.activation_bits)


def too_small(spec: ImcSpec, packed: Packed) -> ArchitectureError:
    """That a chip does not hold what it has to."""
    tiles, pes = ceil(packed.pes / spec.chip.pes_per_tile), spec.chip.pes_per_tile
    return ArchitectureError(
        f"chip.tiles: {spec.chip.tiles} tiles of {pes} PEs are too few: the network's {packed.crossbars} crossbars "
        f"take {packed.pes} PEs, so {tiles} tiles; overflow=reprogram would run it in passes"
    )


def _fits(spec: ImcSpec, layers: Layers) -> bool:
    assert spec.chip.tiles != "as_needed"
    return pack(spec, layers).pes <= spec.chip.tiles * spec.chip.pes_per_tile


def _too_many(spec: ImcSpec, names: Sequence[str], packed: Packed) -> ArchitectureError:
    tiles = ceil(packed.pes / spec.chip.pes_per_tile)
    return ArchitectureError(
        f"chip.tiles: {spec.chip.tiles}: layers {', '.join(names)} belong in one pass, as one reads the timestep "
        f"before of another, and take {packed.pes} PEs, so {tiles} tiles"
    )


def _together(network: Network, names: Sequence[str]) -> Iterator[list[str]]:
    """Layers on crossbars, in network order, those together that cannot be in different passes."""
    place, last = {name: number for number, name in enumerate(names)}, _last(network, names)
    bound = list(range(len(names)))  # the last one that has to be with each
    for first, end in _spans(network, place, last):
        bound[first] = max(bound[first], end)
    start = end = 0
    for number in range(len(names)):
        end = max(end, bound[number])
        if number == end:
            yield list(names[start : end + 1])
            start = end = end + 1


def _last(network: Network, names: Sequence[str]) -> Mapping[str, int]:
    """Of each layer of a network, the last one on crossbars that it needs, itself included; -1 for none."""
    place, last = {name: number for number, name in enumerate(names)}, dict[str, int]()
    for layer in network:
        reads = () if is_delayed(layer) else layer.inputs
        last[layer.name] = place.get(layer.name, max((last[name] for name in reads), default=-1))
    return last


def _spans(network: Network, place: Mapping[str, int], last: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """First and last of layers on crossbars that are in one pass, with all between them."""
    for layer in network:
        if is_delayed(layer) and layer.name in place:
            yield place[layer.name], max(last[layer.inputs[0]], place[layer.name])


def _share_out(room: Room, network: Network, placed: LayerPlacement, found: list[Layers]) -> None:
    """Cut a layer larger than the chip into parts of as many column blocks as fit, and add them to passes in order."""
    _refuse_parts(room.spec, network, network[placed.name])
    ends: list[int] = []
    first, blocks = 0, placed.groups * placed.column_blocks
    names = _part_names(network, placed.name, blocks)
    while first < blocks:
        end = _last_that_fits(room, placed, first, found[-1])
        if end == first:
            if not found[-1]:
                raise _too_high(room.spec, placed)
            found.append({})
            continue
        name = names[len(ends)]
        found[-1] = {**found[-1], name: part_of(placed, first, end, name)}
        ends.append(end)
        first = end


def _last_that_fits(room: Room, placed: LayerPlacement, first: int, beside: Layers) -> int:
    """One past the last column block from `first` on that fits beside other layers: of whole groups, or of one."""
    blocks, columns = placed.groups * placed.column_blocks, placed.column_blocks
    group_end = first - first % columns + columns
    ends = range(group_end, blocks + 1, columns) if first % columns == 0 else range(0)

    def fits(end: int) -> bool:
        return room.holds({**beside, "": part_of(placed, first, end, "")})

    for choice in (ends, range(first + 1, group_end)):
        if n := bisect_left(choice, True, key=lambda end: not fits(end)):
            return choice[n - 1]
    alone = not beside and _fits(room.spec, {"": part_of(placed, first, first + 1, "")})
    return first + 1 if alone else first


def _too_high(spec: ImcSpec, placed: LayerPlacement) -> ArchitectureError:
    pes = pack(spec, {"": part_of(placed, 0, 1, "")}).pes
    return ArchitectureError(
        f"chip.tiles: {spec.chip.tiles}: a sum of layer '{placed.name}' lies on {placed.row_blocks // placed.groups} "
        f"crossbars in {placed.copies} copies, which cannot be cut over passes and take {pes} PEs, so "
        f"{ceil(pes / spec.chip.pes_per_tile)} tiles"
    )


def _part_names(network: Network, name: str, n: int) -> list[str]:
    taken = {layer.name for layer in network} | {f"{layer.name}.neuron" for layer in network}
    mark = ""
    while any(f"{name}{mark}.{number + 1}" in taken for number in range(n)):
        mark += "'"
    return [f"{name}{mark}.{number + 1}" for number in range(n)]


def _refuse_parts(spec: ImcSpec, network: Network, layer: Layer) -> None:
    """Raise ArchitectureError where a layer larger than the chip has to be whole."""
    readers = [network[name] for name in network.consumers[layer.name]]
    why = ""
    if is_delayed(layer) or any(is_delayed(reader) for reader in readers):
        why = "what is read of the timestep before is not stored between passes"
    elif any(isinstance(reader, Readout) and reader.of_membrane for reader in readers):
        why = "membranes that are read are not stored between passes"
    elif layer is network.output and spec.early_exit.threshold != "never":
        why = "logits are not stored between passes for a decision, so early_exit.threshold would have to be never"
    if why:
        raise ArchitectureError(
            f"chip.tiles: {spec.chip.tiles}: layer '{layer.name}' is larger than the chip, and {why}"
        )
