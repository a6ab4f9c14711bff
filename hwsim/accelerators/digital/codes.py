"""Compressed maps and weights of a network in DRAM: what they take, and what tiles read and write of them.

Records of a map are channels of one place, cut where a channel tile of the layer that makes it ends, as that is written
by itself, and where a part of the input channels of any layer that reads it ends.  Records of weights are those of one
output channel, of such a part.  Records of one transfer lie side by side; the raw input and currents lie as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.digital.coding import Code, Scheme, expected_bits, record_bits
from hwsim.accelerators.digital.places import Met, covered, met, met_first
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.tiling import tiles_and_blocks
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.distinct import distinct
from hwsim.kept import kept_with
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import input_shape
from hwsim.traces.network.layers import Integers, is_delayed
from hwsim.traces.network.weights import weights_of
from hwsim.traces.planes import unpack_channels

Bits = NDArray[Any]
"""int64, or float64 where zeros are a share and no one knows which."""
_MOST = 1 << 22  # weights that are looked at together, our choice
_SCHEMES: Mapping[str, Scheme] = {"bitmask": "bitmask", "run_length": "pairs", "csc": "pairs"}


class Coded(NamedTuple):
    """A compressed map."""

    bits: Bits  # [sample or 1, timestep or 1, place, record]
    cuts: IntArray  # [record + 1] channels


def compresses(spec: DigitalSpec) -> bool:
    """Whether anything is compressed in DRAM."""
    return spec.weights.storage != "dense" or (spec.dram != "none" and spec.dram.compress != "none")


@dataclass
class Codes:
    """What the records of some samples take."""

    plan: Plan
    storage: Storage
    trace: Trace
    samples: slice
    _coded: dict[str, Coded] = field(default_factory=dict)
    _activations: Activations | None = None

    @property
    def cuts_weights(self) -> bool:
        """Whether weights are compressed."""
        return self.plan.spec.weights.storage != "dense"

    def has(self, name: str) -> bool:
        """Whether a map is compressed: in DRAM, neither the raw input nor currents."""
        dram, network = self.plan.spec.dram, self.plan.network
        if dram == "none" or dram.compress == "none" or name == network.input.name or network.gives_currents(name):
            return False
        return self.storage.homes["map", name] == "dram"

    def of_weights(self, task: Task) -> IntArray:
        """Bits of the weights of each channel tile: int64 [ct]."""
        spec, layer, tiling = self.plan.spec, task.weights, task.tiling
        assert spec.codec != "none"
        code = Code(_SCHEMES[spec.weights.storage], spec.codec.run_bits, layer.weights.bits)
        size = None if task.cells is None else task.cells.block.inputs

        def compute() -> IntArray:
            per_part = _of_columns(weights_of(layer), size, code)
            first = np.cumsum(tiling.widths[: tiling.channel_tiles]) - tiling.widths[: tiling.channel_tiles]
            return np.concatenate([np.add.reduceat(each, first) for each in per_part])

        key = "coded weights", layer.name, code, size, tiling.widths.tobytes()
        return kept_with(self.plan.network).once(key, compute)

    def read(self, task: Task, i: int) -> IntArray:
        """Bits that each tile reads of a map: int64 [sample or 1, timestep or 1, part, pt].

        Of all places under its windows, or in blocks of those that no tile of its block had.
        """
        piece = task.pieces[i]
        coded = self._of(piece.map)
        bits = self._late(coded) if is_delayed(task.layer) else coded.bits
        ranges = own_channels(self.plan, task, piece)
        sums = np.concatenate([np.zeros_like(bits[..., :1]), np.cumsum(bits, axis=-1)], axis=-1)
        first, end = (np.searchsorted(coded.cuts, edge) for edge in ranges.T)
        per_part = sums[..., end] - sums[..., first]
        if piece.flat and task.tiling.groups > 1:  # a group has its share of all
            per_part = per_part / task.tiling.groups
        taken = _taken(self.plan, task, piece)
        tiles = task.tiling.positions.size // task.tiling.images
        steps = (per_part[:, t][:, taken.place] for t in range(per_part.shape[1]))  # one at a time: places are many
        found = np.stack([_added(each, taken.tile, tiles) for each in steps], axis=1)
        return _whole(np.tile(found.swapaxes(-1, -2), task.tiling.images))

    def written(self, task: Task) -> IntArray:
        """Bits of what each tile finishes: int64 [sample or 1, timestep or 1, ct, pt]."""
        coded, tiling = self._of(task.name), task.tiling
        n = tiling.channel_tiles
        first = np.cumsum(tiling.widths[:n]) - tiling.widths[:n]
        per_tile = np.add.reduceat(coded.bits, np.searchsorted(coded.cuts, first), axis=-1)
        order = np.argsort(tiling.tile_of, kind="stable")
        tiles = tiling.positions.size // tiling.images
        last = _added(per_tile[:, :, order], tiling.tile_of[order], tiles).swapaxes(-1, -2)
        found = np.zeros((*last.shape[:2], tiling.widths.size, last.shape[-1]), last.dtype)
        found[:, :, -n:] = last  # with the last part of the input channels sums are complete
        return _whole(np.tile(found, tiling.images))

    def _of(self, name: str) -> Coded:
        if name not in self._coded:
            cuts = cuts_of(self.plan, name)
            self._coded[name] = Coded(self._bits(name, cuts), cuts)
        return self._coded[name]

    def forget(self, done: Task) -> None:
        """Forget maps that no task after this one reads."""
        later = self.plan.tasks[self.plan.position[done.name] + 1 :]
        still = {name for task in later for name in task.reads}
        self._coded = {name: coded for name, coded in self._coded.items() if name in still}

    def _bits(self, name: str, cuts: IntArray) -> Bits:
        """Bits of every record: [sample or 1, timestep or 1, place, record]."""
        plan, shape = self.plan, self.plan.network[name].shape
        code = self._code(name)
        share = 1.0 if plan.dense is None else plan.dense.share(name)
        if plan.dense is not None and share != "trace":
            return np.broadcast_to(expected_bits(share, cuts, code), (1, 1, shape[0] * shape[1], cuts.size - 1))
        if self._activations is None:
            self._activations = Activations(self.trace, self.samples)
        planes = np.bitwise_or.reduce(self._activations.planes(name), axis=0)
        if plan.dense is not None:  # a neuron that never spikes stands for a zero
            planes = np.bitwise_or.reduce(planes, axis=1)[:, None]
        return record_bits(unpack_channels(planes, shape[2]).astype(np.bool_), cuts, code)

    def _code(self, name: str) -> Code:
        spec, bits = self.plan.spec, self.plan.map_bits[name]
        assert spec.dram != "none" and spec.codec != "none"
        return Code(_SCHEMES[spec.dram.compress], spec.codec.run_bits, bits if bits > 1 else 0)

    def _late(self, coded: Coded) -> Bits:
        """What a layer reads that reads the timestep before: nothing but zeros at the first."""
        bits = np.broadcast_to(coded.bits, (len(coded.bits), self.plan.timesteps, *coded.bits.shape[2:]))
        nothing = record_bits(np.zeros(int(coded.cuts[-1]), np.bool_), coded.cuts, self._code_of_zeros())
        late = np.empty_like(bits)
        late[:, 0], late[:, 1:] = nothing, bits[:, :-1]
        return late

    def _code_of_zeros(self) -> Code:
        """A code for records of zeros alone, which take as much at any width."""
        spec = self.plan.spec
        assert spec.dram != "none" and spec.codec != "none"
        return Code(_SCHEMES[spec.dram.compress], spec.codec.run_bits, 0)


def _of_columns(weights: Integers, size: int | None, code: Code) -> list[IntArray]:
    """Bits of the weights [row, column, input, output] of each output: int64 [output], by part of the inputs."""
    inputs, outputs = weights.shape[2:]
    found = []
    for first in range(0, inputs, size or inputs):
        part = weights[:, :, first : first + (size or inputs)].reshape(-1, outputs)
        cuts, at_once = np.array([0, len(part)]), max(1, _MOST // len(part))
        spans = (part[:, i : i + at_once] for i in range(0, outputs, at_once))
        found.append(np.concatenate([record_bits((span != 0).T, cuts, code)[:, 0] for span in spans]))
    return found


def cuts_of(plan: Plan, name: str) -> IntArray:
    """Channels at which records of a map begin, and its last: int64 [record + 1]."""
    task = plan.tasks[plan.position[name]]
    tiling = task.tiling
    cuts = [np.zeros(1, np.int64), np.cumsum(tiling.widths[: tiling.channel_tiles])]
    for reader in plan.tasks:
        cuts += [own_channels(plan, reader, piece).ravel() for piece in reader.pieces if piece.map == name]
    return distinct(np.concatenate(cuts))


def own_channels(plan: Plan, task: Task, piece: Piece) -> IntArray:
    """Channels of a map that each part of a layer's input channels has, first and one past the last: int64 [part, 2].

    Of a map that is flattened, or that is pooled or added, all.
    """
    parts = task.tiling.parts
    if task.unit is None or piece.flat:
        return np.array([[0, plan.network[piece.map].shape[2]]] * len(parts), np.int64)
    return np.array([piece.own((first, end)) for first, end in parts.tolist()], np.int64)


def _taken(plan: Plan, task: Task, piece: Piece) -> Met:
    """Places of a map that tiles of one image read."""
    source, tiling = input_shape(task.layer, plan.network), task.tiling
    block = None if task.cells is None else task.cells.block
    under = covered(task.layer, source, tiling.tile_of)
    if block is None:
        return met(piece, source, under, tiling.positions.size // tiling.images)
    block_of = tiles_and_blocks(*task.layer.shape[:2], plan.spec.array.rows, block)[1]
    return met_first(piece, source, under, block_of)


def _added(values: Bits, group: IntArray, groups: int) -> Bits:
    """Values [..., taken, any] added up by their groups [taken], which rise: [..., group, any]."""
    edges = np.searchsorted(group, np.arange(groups + 1))
    found = np.zeros((*values.shape[:-2], groups, values.shape[-1]), values.dtype)
    there = np.flatnonzero(np.diff(edges))
    if there.size:
        found[..., there, :] = np.add.reduceat(values, edges[there], axis=-2)
    return found


def _whole(bits: Bits) -> IntArray:
    """Bits as they are, or as many whole ones as are expected."""
    return np.asarray(np.rint(bits), np.int64)
