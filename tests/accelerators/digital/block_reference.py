"""A naive twin of blocks: a loop nest that touches every word of a layer, written from the design, not the code.

Rules (docs/machines/digital.md): the loops run in the order that is given, outermost first.  A block of inputs and a
block of weights is in the buffer until the loops come to another one, and is then brought anew, halo and all.  Partial
sums and states of the block in work are on chip; when another block's turn comes before they are complete they go to
DRAM, and come back with theirs.  Within a block, tiles of `rows` positions and one channel tile run channels outermost.
"""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import NamedTuple

LOOPS = ("images", "timesteps", "positions", "channels", "inputs")


class Setting(NamedTuple):
    """Bits of each kind of word, and what runs together."""

    input_bits: int
    weight_bits: int
    sum_bits: int
    state_bits: int
    timesteps: int
    images: int
    array_rows: int
    array_columns: int
    port_bits: int


def cut(size, block):
    return [range(first, min(first + block, size)) for first in range(0, size, block)]


def channel_tiles(layer, groups, columns):
    """(group, its channels) of every channel tile."""
    per_group = layer.shape[2] // groups
    return [(group, span) for group in range(groups) for span in cut(per_group, columns)]


def channel_blocks(layer, groups, columns, size):
    """Lists of channel tiles: parts of one group, or some whole groups."""
    tiles = channel_tiles(layer, groups, columns)
    per_group = len(tiles) // groups
    if size >= per_group:
        return [tiles[i : i + size] for i in range(0, len(tiles), size)]
    own = [tiles[g * per_group : (g + 1) * per_group] for g in range(groups)]
    return [of[i : i + size] for of in own for i in range(0, per_group, size)]


def places_of(layer, source, on_map, outputs):
    return {place[1:] for y, x in outputs for place in on_map(layer, source, y, x)}


def steps(layer, source, groups, block, setting):
    """Blocks in order: what each loop stands at."""
    height, width = layer.shape[:2]
    axes = {
        "images": cut(setting.images, block.images),
        "timesteps": cut(setting.timesteps, block.timesteps),
        "positions": list(product(cut(height, block.rows), cut(width, block.columns))),
        "channels": channel_blocks(layer, groups, setting.array_columns, block.channels),
        "inputs": cut(source[2] // groups, block.inputs),
    }
    for chosen in product(*(range(len(axes[loop])) for loop in block.order)):
        yield {loop: axes[loop][i] for loop, i in zip(block.order, chosen, strict=True)}


class Nest:
    """Bits that move to and from DRAM, words that go in and out of the buffer, and the most that is in it."""

    def __init__(self, layer, source, groups, block, setting, on_map):
        self.layer, self.source, self.groups, self.block, self.setting = layer, source, groups, block, setting
        self.on_map = on_map
        self.dram_bits = dict.fromkeys(("inputs", "weights", "sums", "states"), 0)
        self.words = 0
        self.complete, self.holds = {}, {}
        self.list = list(steps(layer, source, groups, block, setting))
        for i, step in enumerate(self.list):
            self.run(step, self.list[i + 1] if i + 1 < len(self.list) else None)

    def inputs(self, step):
        """Every input under a block's windows."""
        rows, columns = step["positions"]
        places = places_of(self.layer, self.source, self.on_map, list(product(rows, columns)))
        groups = {group for group, _ in step["channels"]}
        return frozenset(product(step["images"], step["timesteps"], places, groups, step["inputs"]))

    def weights(self, step):
        channels = {(group, c) for group, span in step["channels"] for c in span}
        return frozenset(product(range(self.taps), channels, step["inputs"]))

    @property
    def taps(self):
        window = getattr(self.layer, "window", None)
        return 1 if window is None else window.kernel[0] * window.kernel[1]

    def outputs(self, step):
        rows, columns = step["positions"]
        channels = {(group, c) for group, span in step["channels"] for c in span}
        return frozenset(product(step["images"], rows, columns, channels))

    def run(self, step, following):
        """One block, and what is done with it before the next one."""
        s = self.setting
        groups = {group for group, _ in step["channels"]}
        blocks = {
            "inputs": (step["images"], step["timesteps"], step["positions"], groups, step["inputs"]),
            "weights": (step["channels"], step["inputs"]),
        }
        for kind, bits in (("inputs", s.input_bits), ("weights", s.weight_bits)):
            brought = self.holds.get(kind) != blocks[kind]
            if brought:
                self.holds[kind] = blocks[kind]
                self.dram_bits[kind] += len(getattr(self, kind)(step)) * bits
            self.words += (
                self.words_of_inputs(step, brought) if kind == "inputs" else self.words_of_weights(step, brought)
            )
        whole = self.source[2] // self.groups
        sums = frozenset(product(self.outputs(step), step["timesteps"]))
        self.pass_on("sums", sums, step["inputs"].stop == whole, step["inputs"].start == 0, s.sum_bits)
        if s.state_bits and step["inputs"].stop == whole:
            last = step["timesteps"].stop == s.timesteps
            self.pass_on("states", self.outputs(step), last, step["timesteps"].start == 0, s.state_bits)

    def words_of_inputs(self, step, brought):
        """Each place once into the buffer, if the block is brought; to the array for every tile."""
        rows, columns = step["positions"]
        s, at_once = self.setting, len(step["images"]) * len(step["timesteps"])
        run = ceil(len(step["inputs"]) * s.input_bits / s.port_bits) * at_once
        groups = {group for group, _ in step["channels"]}
        found = len(places_of(self.layer, self.source, self.on_map, list(product(rows, columns)))) * len(groups)
        tiles = sum(len(places_of(self.layer, self.source, self.on_map, tile)) for tile in self.tiles(step))
        return run * (found * brought + tiles * len(step["channels"]))

    def words_of_weights(self, step, brought):
        """Into the buffer, if the block is brought; then to the scratchpads, and anew where tiles take turns."""
        s = self.setting
        taps = self.taps * len(step["inputs"]) * s.weight_bits
        found = sum(ceil(len(span) * taps / s.port_bits) for _, span in step["channels"])
        return found * (brought + (brought or self.block.channels > 1))

    def words_that_wait(self):
        """Partial sums and states that wait in the buffer, out of it and back."""
        s, found = self.setting, 0
        for step in self.list:
            rows, columns = step["positions"]
            outputs = len(step["images"]) * len(rows) * len(columns)
            for kind, loop, bits, times, whole in (
                ("sums", "inputs", s.sum_bits, len(step["timesteps"]), self.source[2] // self.groups),
                ("states", "timesteps", s.state_bits, 1, s.timesteps),
            ):
                if self.waits(kind) and (kind == "sums" or step["inputs"].stop == self.source[2] // self.groups):
                    each = sum(ceil(len(span) * bits / s.port_bits) for _, span in step["channels"])
                    moves = (step[loop].start > 0) + (step[loop].stop < whole)
                    found += outputs * times * each * moves
        return found

    def pass_on(self, kind, words, complete, begins, bits):
        """Take up what a block adds to, and leave it, if it is not complete, for the block that goes on with it."""
        held = self.holds.get(kind)
        if held is not None and held != words:
            self.dram_bits[kind] += len(held) * bits  # not complete, and others come
            self.holds[kind] = None
            held = None
        if held is None and not begins:
            self.dram_bits[kind] += len(words) * bits  # it comes back
        self.holds[kind] = None if complete else words

    @property
    def total(self):
        return sum(self.dram_bits.values())

    def space_bits(self):
        """Room for the largest block of each kind, twice for what the innermost loop changes: the next comes beside."""
        s, changes = self.setting, self.innermost()
        outputs = [len(self.outputs(step)) for step in self.list]
        found = max(len(self.inputs(step)) for step in self.list) * s.input_bits * (2 if "inputs" in changes else 1)
        weights = max(len(self.weights(step)) for step in self.list) * s.weight_bits
        found += weights * (2 if "weights" in changes else 1)
        if self.waits("sums"):
            times = max(len(step["timesteps"]) for step in self.list)
            found += max(outputs) * times * s.sum_bits
        if s.state_bits and self.waits("states"):
            found += max(outputs) * s.state_bits
        return found

    def trips(self, loop):
        return len({str(step[loop]) for step in self.list})

    def innermost(self):
        """Kinds that the innermost loop with more than one block changes."""
        loops = [loop for loop in self.block.order if self.trips(loop) > 1]
        if not loops:
            return set()
        kinds = {"weights"} if loops[-1] in ("channels", "inputs") else set()
        if loops[-1] != "channels" or self.groups > 1:
            kinds |= {"inputs"}
        return kinds

    def waits(self, kind):
        """Whether something waits in the buffer from one block to the next."""
        loop = {"sums": "inputs", "states": "timesteps"}[kind]
        return self.trips(loop) > 1 and self.dram_bits[kind] == 0

    def tiles(self, step):
        """Positions of every tile of a block."""
        outputs = list(product(*step["positions"]))
        return [outputs[i : i + self.setting.array_rows] for i in range(0, len(outputs), self.setting.array_rows)]
