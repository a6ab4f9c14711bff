"""VGG-16's convolutions with the zeros of each layer as a chip had them, compressed, beside what the chip moved.

Eyeriss, 65 nm, three images together (JSSC 2017): bytes and zeros as `data/eyeriss-vgg16.csv` of cucapra/fodlam has
them, typed from the paper.  Its code is of pairs of 5 bits of run and 16 of value, three of them in 64 bits (recalled,
not read).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from accelerators.digital.test_vgg16_blocks import BATCH, eyeriss, vgg16

from hwsim.accelerators.digital.codes import Codes
from hwsim.accelerators.digital.footprint import repeated
from hwsim.accelerators.digital.layout import Layout
from hwsim.accelerators.digital.traffic import traffic
from hwsim.contract.dense import Dense

pytestmark = pytest.mark.no_kernel

NAMES = [f"{block}-{i + 1}" for block, layers in enumerate((2, 2, 3, 3, 3), 1) for i in range(layers)]
PUBLISHED_MB = [15.4, 54.0, 33.4, 48.5, 20.2, 32.2, 30.8, 17.8, 28.6, 22.8, 6.3, 5.7, 5.6]  # of the batch
ZEROS = [1.6, 47.7, 24.8, 38.7, 39.7, 58.1, 58.7, 64.3, 74.7, 85.4, 79.4, 87.4, 88.5]  # % of what a layer reads
CODEC = {"value_bits": 16, "run_bits": 5, "lanes": 16, "law": "logic", "source": "pairs of 5 and 16 bits"}
PAIR_BITS = 64 / 3


@dataclass
class Row:
    """Megabytes an image of one convolution."""

    name: str
    published: float
    dense: float
    coded: float
    weights: float  # once for the batch
    results: float  # coded, once
    inputs: float  # coded, once, in the chip's code, without halo
    stream: float  # all that moves, with maps in the chip's code
    moved_weights: float  # as often as blocks bring them

    @property
    def reads(self):
        """How often inputs come, here and on the chip if its weights and results moved once."""
        here, there = self.coded - self.moved_weights, self.published - self.weights
        return (here - self.results) / self.inputs, (there - self.results) / self.inputs


def chip_bits(zeros):
    """Bits a value of the chip's code takes where zeros are independent: an entry more for 32 zeros in a row."""
    share = 1 - zeros
    long_runs = zeros**32
    return share * (1 + long_runs / (1 - long_runs)) * PAIR_BITS


@cache
def rows(of_a_pool=1):
    """`of_a_pool`: places of a pool's window that are 0 independently of one another, of those that it is 0 over."""
    network = vgg16()
    convs = [layer.name for layer in network if layer.name.startswith("conv")]
    zeros = dict(zip(convs, ZEROS, strict=True))
    share = {}
    for name, following in zip(convs, [*convs[1:], None], strict=True):
        read = network[following].inputs[0] if following else name
        share[read] = 1 - zeros[following or name] / 100
        if read != name:  # a pool between them, of which only the results' zeros are published
            share[name] = 1 - (1 - share[read]) ** (1 / of_a_pool)
    dense = Dense("qann", 16, 1.0, tuple(sorted(share.items())))
    spec = eyeriss(dram__compress="run_length", codec=CODEC)
    laid = Layout.of(spec, network, 1, dense)
    codes, found = Codes(laid.plan, laid.storage, None, slice(0, 1)), []
    for task in laid.plan.tasks:
        if task.name not in convs:
            continue
        i, mb = convs.index(task.name), spec.dram.burst_bytes / BATCH / 1e6
        whole, coded = (traffic(laid.plan, laid.storage, task, None, each) for each in (None, codes))
        weights = task.layer.shape[2] * task.weight_bits_per_channel / 8e6 / BATCH
        source, out = network[task.layer.inputs[0]].shape, task.layer.shape
        values = [shape[0] * shape[1] * shape[2] / 8e6 for shape in (source, out)]
        own = [chip_bits(z) for z in (zeros[task.name] / 100 if i else 0.0, 1 - share[task.name])]
        own[0] = own[0] if i else 16  # the raw image is not compressed here
        read, back = (each.sum() * mb for each in (whole.dram_reads, whole.dram_writes))
        moved_weights = sum_of_weights(task) / 8e6 / BATCH
        found.append(
            Row(
                NAMES[i],
                PUBLISHED_MB[i] / BATCH,
                read + back,
                (coded.dram_reads.sum() + coded.dram_writes.sum()) * mb,
                weights,
                values[1] * own[1],
                values[0] * own[0],
                moved_weights + (read - moved_weights) * own[0] / 16 + back * own[1] / 16,
                moved_weights,
            )
        )
    return found


def sum_of_weights(task):
    """Bits of weights that blocks bring, all of them each time that they come."""
    times = repeated(task.cells.geometry, task.cells.block, "weights")
    return task.layer.shape[2] * task.weight_bits_per_channel * times


def total(name, of_a_pool=1):
    return sum(getattr(row, name) for row in rows(of_a_pool))


def test_compressed_maps_move_about_what_the_chip_moved():
    assert total("published") == pytest.approx(107, abs=0.5)
    assert total("coded") == pytest.approx(98.9, abs=0.5)
    assert total("coded") < 0.8 * total("dense")
    assert abs(total("coded") - total("stream")) < 6


def test_the_difference_is_in_the_layers_with_the_largest_maps():
    """The chip reads their inputs more often; all others together differ by 2 MB."""
    early = [row for row in rows() if row.name in ("1-2", "2-1", "2-2")]
    more = sum(row.published - row.coded for row in early)
    assert more == pytest.approx(10, abs=0.5)
    assert total("published") - total("coded") - more == pytest.approx(-1.7, abs=0.5)
    for row in early:
        here, chip = row.reads
        assert here < chip


def test_zeros_before_a_pool_are_not_known():
    """If those of a 2 x 2 window were independent, each layer before a pool would write less."""
    assert total("coded") - total("coded", of_a_pool=4) == pytest.approx(6, abs=0.7)
