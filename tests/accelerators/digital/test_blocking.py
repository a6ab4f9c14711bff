"""Blocks that pass through the global buffer: what they move beside a loop nest, what the search finds beside all."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.block_reference import LOOPS, Nest, Setting
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch

from hwsim.accelerators.digital.accesses import accesses
from hwsim.accelerators.digital.blocking import Blocking
from hwsim.accelerators.digital.footprint import Blocks, moves, weigh
from hwsim.accelerators.digital.geometry import Geometry, Source
from hwsim.accelerators.digital.search import FEW, MOST_STEPS, orders, search

pytestmark = pytest.mark.no_kernel


@st.composite
def layers(draw, most=5, repeats=((1, 1), (1, 2), (2, 1), (3, 1), (3, 2))):
    """A small layer with a window of any kind and what it reads, with everything that it keeps."""
    channels = 4 * draw(st.integers(1, 2)) if most > 3 else 4
    sketch = Sketch((draw(st.integers(1, most)), draw(st.integers(1, most)), channels), bits=2)
    groups = draw(st.sampled_from([1, 1, 2]))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    padding = tuple(draw(st.integers(k // 2, k - 1)) for k in (kernel[0], kernel[0], kernel[1], kernel[1]))
    sketch.conv(
        2 * draw(st.integers(1, most - 1)),
        kernel=kernel,
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        padding=padding,
        groups=groups,
    )
    bits = st.sampled_from([1, 3, 8, 16])
    timesteps, images = draw(st.sampled_from(repeats))
    setting = Setting(
        input_bits=draw(bits),
        weight_bits=draw(bits),
        sum_bits=draw(st.sampled_from([8, 16, 24])),
        state_bits=draw(st.sampled_from([0, 8, 24])),
        timesteps=timesteps,
        images=images,
        array_rows=draw(st.integers(1, 4)),
        array_columns=draw(st.integers(1, 3)),
        port_bits=draw(st.sampled_from([8, 32])),
    )
    layer = sketch.last
    return layer, sketch["input"].shape, groups, setting


def geometry_of(layer, source, groups, setting, space_bits=1 << 40, also=(1, 1)):
    """What the search is told of a layer."""
    per_group = layer.shape[2] // groups
    c = setting.array_columns
    widths = [min(c, per_group - first) for first in range(0, per_group, c)] * groups
    own = source[2] // groups * setting.input_bits
    return Geometry(
        outputs=layer.shape[:2],
        read=source[:2],
        window=layer.window,
        sources=(Source(source[:2], (1, 1), False, (own,) * groups, True),),
        groups=groups,
        widths=tuple(widths),
        input_channels=source[2] // groups,
        weight_bits=setting.weight_bits,
        sum_bits=setting.sum_bits,
        state_bits=setting.state_bits,
        timesteps=setting.timesteps,
        reading=setting.timesteps,
        images=setting.images,
        array_rows=setting.array_rows,
        port_bits=setting.port_bits,
        scratchpad_bits=1 << 40,
        space_bits=space_bits,
        also=also,
    )


def sizes_of(layer, source, groups, setting):
    """Every size of a block along every axis, not only those that the search tries."""
    tiles = -(-layer.shape[2] // groups // setting.array_columns)
    channels = [*range(1, tiles + 1), *(tiles * n for n in range(2, groups + 1))]
    inputs = range(1, source[2] + 1) if groups == 1 else [source[2] // groups]
    return {
        "rows": range(1, layer.shape[0] + 1),
        "columns": range(1, layer.shape[1] + 1),
        "channels": channels,
        "inputs": inputs,
        "timesteps": range(1, setting.timesteps + 1),
        "images": range(1, setting.images + 1),
    }


@settings(max_examples=200, deadline=None)
@given(layers(), st.permutations(LOOPS), st.randoms(use_true_random=False))
def test_what_is_moved_is_what_a_loop_nest_touches(drawn, order, random):
    layer, source, groups, setting = drawn
    sizes = {axis: random.choice(list(each)) for axis, each in sizes_of(*drawn).items()}
    block = Blocking(**sizes, order=tuple(order))
    nest = Nest(layer, source, groups, block, setting, digital.on_map)
    geometry = geometry_of(*drawn, also=(block.rows, block.columns))
    assert moves(geometry, block) == (nest.total, nest.space_bits()), (block, nest.dram_bits)
    assert geometry.trips(block).steps == len(nest.list)


def brute_force(layer, source, groups, setting):
    """DRAM bits and space of every blocking, counted block by block: {blocking: (bits, space)}."""
    found, known = {}, {}
    sizes = sizes_of(layer, source, groups, setting)

    def places(rows, columns):
        if (rows, columns) not in known:
            met = (place[1:] for y, x in product(rows, columns) for place in digital.on_map(layer, source, y, x))
            known[rows, columns] = len(set(met))
        return known[rows, columns]

    for chosen in product(*sizes.values()):
        block = Blocking(*chosen, order=LOOPS)
        axes = axes_of(layer, source, groups, setting, block)
        loops = [loop for loop in LOOPS if len(axes[loop]) > 1]  # any order of the others is the same
        idle = tuple(loop for loop in LOOPS if loop not in loops)
        for order in permutations(loops):
            ordered = replace(block, order=idle + order)
            found[ordered] = by_blocks(layer, groups, setting, axes, ordered.order, places)
    return found


def axes_of(layer, source, groups, setting, block):
    """The blocks of every loop."""

    def cut(size, step):
        return [range(i, min(i + step, size)) for i in range(0, size, step)]

    per_group, c = layer.shape[2] // groups, setting.array_columns
    tiles = [(g, len(span)) for g in range(groups) for span in cut(per_group, c)]
    n = len(tiles) // groups
    size = block.channels
    blocks = (
        [tiles[i : i + size] for i in range(0, len(tiles), size)]
        if size >= n
        else [tiles[g * n : g * n + n][i : i + size] for g in range(groups) for i in range(0, n, size)]
    )
    return {
        "images": cut(setting.images, block.images),
        "timesteps": cut(setting.timesteps, block.timesteps),
        "positions": list(product(cut(layer.shape[0], block.rows), cut(layer.shape[1], block.columns))),
        "channels": blocks,
        "inputs": cut(source[2] // groups, block.inputs),
    }


def by_blocks(layer, groups, setting, axes, loops, places):
    """As the loop nest does, with the number of words of a block in the place of its words."""
    taps = layer.window.kernel[0] * layer.window.kernel[1]
    inner = [loop for loop in loops if len(axes[loop]) > 1]
    twice = {
        "inputs": bool(inner) and (inner[-1] != "channels" or groups > 1),
        "weights": bool(inner) and inner[-1] in ("channels", "inputs"),
    }
    bits, held, parts, most = 0, {}, {"sums": None, "states": None}, dict.fromkeys(("inputs", "weights"), 0)
    left, largest = {"sums": False, "states": False}, {"sums": 0, "states": 0}
    for chosen in product(*(range(len(axes[loop])) for loop in loops)):
        at = dict(zip(loops, chosen, strict=True))
        rows, columns = axes["positions"][at["positions"]]
        images, times = len(axes["images"][at["images"]]), len(axes["timesteps"][at["timesteps"]])
        channels, inputs = axes["channels"][at["channels"]], axes["inputs"][at["inputs"]]
        in_groups = {g for g, _ in channels}
        width = sum(w for _, w in channels)
        sizes = {
            "inputs": places(rows, columns) * images * times * len(inputs) * len(in_groups) * setting.input_bits,
            "weights": taps * len(inputs) * width * setting.weight_bits,
        }
        keys = {
            "inputs": (at["images"], at["timesteps"], at["positions"], at["inputs"], tuple(in_groups)),
            "weights": (at["channels"], at["inputs"]),
        }
        for kind, words in sizes.items():
            most[kind] = max(most[kind], words)
            if held.get(kind) != keys[kind]:
                held[kind] = keys[kind]
                bits += words
        outputs = images * len(rows) * len(columns) * width
        ends = at["inputs"] == len(axes["inputs"]) - 1
        of = [("sums", at["timesteps"], times * setting.sum_bits, at["inputs"] == 0, ends)]
        if setting.state_bits and ends:
            last = at["timesteps"] == len(axes["timesteps"]) - 1
            of.append(("states", -1, setting.state_bits, at["timesteps"] == 0, last))
        for kind, time, each, begins, complete in of:
            key = (at["images"], time, at["positions"], at["channels"])
            before = parts[kind]
            if before is not None and before[0] != key:
                bits, left[kind], before = bits + before[1], True, None
            if before is None and not begins:
                bits += outputs * each
            parts[kind] = None if complete else (key, outputs * each)
            largest[kind] = max(largest[kind], outputs * each)
    space = sum(words * (2 if twice[kind] else 1) for kind, words in most.items())
    for kind, loop in (("sums", "inputs"), ("states", "timesteps")):
        if len(axes[loop]) > 1 and not left[kind] and (kind == "sums" or setting.state_bits):
            space += largest[kind]
    return bits, space


@settings(max_examples=200, deadline=None)
@given(layers(3, ((1, 1), (1, 1), (1, 2), (2, 1))), st.randoms(use_true_random=False))
def test_the_search_finds_the_least_of_all_blockings(drawn, random):
    """Beside every size and order of all loops; of those that move as little it has the fewest accesses."""
    layer, source, groups, setting = drawn
    everything = brute_force(*drawn)
    spaces = sorted({space for _, space in everything.values()})
    space = random.choice(spaces)
    geometry = geometry_of(*drawn, space_bits=space)
    fitting = {block: bits for block, (bits, taken) in everything.items() if taken <= space}
    least = min(fitting.values())
    found = search(geometry)
    nest = Nest(layer, source, groups, found, setting, digital.on_map)
    assert nest.total == least
    assert nest.space_bits() <= space
    tied = [block for block, bits in fitting.items() if bits == least]
    assert words(geometry, found) == min(words(geometry, block) for block in tied)


def words(geometry, block):
    sizes = Blocks(*(np.array([getattr(block, axis)]) for axis in Blocks._fields))
    return int(accesses(geometry, block.order, sizes)[0])


def test_no_block_fits_no_space():
    sketch = Sketch((3, 3, 4), bits=2)
    sketch.conv(4)
    setting = Setting(8, 8, 16, 0, 1, 1, 2, 2, 8)
    assert search(geometry_of(sketch.last, (3, 3, 4), 1, setting, space_bits=10)) is None


LARGER = {
    "spikes over timesteps": ((28, 28), 64, 24, Setting(1, 8, 24, 24, 4, 1, 8, 16, 64), 40),
    "words of 16 bits": ((14, 14), 64, 64, Setting(16, 16, 16, 0, 1, 3, 12, 14, 64), 8),
    "wide sums": ((20, 12), 48, 32, Setting(8, 8, 32, 0, 1, 2, 4, 4, 64), 3),
    "little room": ((28, 28), 32, 32, Setting(4, 8, 16, 16, 2, 1, 8, 8, 64), 1.5),
}


@pytest.mark.parametrize("name", LARGER)
def test_where_there_are_too_many_the_search_is_as_good_as_all(name):
    """Beside all sizes that cut an axis evenly, in all orders; no worse than those, and hardly than all uneven ones."""
    size, n_in, n_out, setting, kib = LARGER[name]
    sketch = Sketch((*size, n_in), bits=2)
    sketch.conv(n_out)
    geometry = geometry_of(sketch.last, (*size, n_in), 1, setting, space_bits=int(kib * 8192))
    assert np.prod([geometry.sizes(axis, every=True).size for axis in Blocks._fields]) > FEW
    found = moves(geometry, search(geometry))
    assert found[1] <= geometry.space_bits
    for every, worse in ((False, 1), (True, 1.01)):
        axes = [geometry.sizes(axis, every) for axis in Blocks._fields]
        least = min(_least(geometry, order, axes) for order in orders(geometry))
        assert found[0] <= worse * least


def _least(geometry, order, axes):
    moved = weigh(geometry, order, Blocks(*np.meshgrid(*axes, indexing="ij", sparse=True)))
    fits = (moved.space_bits <= geometry.space_bits) & (moved.steps <= MOST_STEPS)
    return moved.dram_bits[fits].min() if fits.any() else np.iinfo(np.int64).max
