"""VGG-16's convolutions through a buffer of 108 KiB: what they move to and from DRAM beside the published least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.digital import cases as digital
from traces.direct.networks import Sketch

from hwsim.accelerators.digital.bound import communication_bits, reuse_of
from hwsim.accelerators.digital.layout import Layout
from hwsim.accelerators.digital.traffic import traffic
from hwsim.contract.dense import Dense

pytestmark = pytest.mark.no_kernel

BATCH, KIB = 3, 108
WORDS = KIB * 1024 // 2
CHANNELS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


def vgg16():
    """Its thirteen convolutions of 224 x 224 x 3; weights are 0 so that sums of 16 bits, as on the chip, hold them."""
    sketch = Sketch((224, 224, 3), bits=16)
    for channels, times in CHANNELS:
        for _ in range(times):
            sketch.conv(channels, bits=16)
        sketch.pool("max", kernel=2, stride=2)
    sketch.flatten()
    sketch.linear(1, neuron=None, bits=16)
    sketch.layers = [_silent(layer) for layer in sketch.layers]
    return sketch.network()


def _silent(layer):
    if not hasattr(layer, "weights"):
        return layer
    return replace(layer, weights=replace(layer.weights, values=np.zeros_like(layer.weights.values)))


def eyeriss(**changes):
    """Sizes of the chip: 12 x 14 PEs with 448 bytes of weights each, 108 KiB, words of 16 bits."""
    sizes = {
        "array__rows": 12,
        "array__columns": 14,
        "skip": "none",
        "batch": BATCH,
        "mac__input_bits": 16,
        "mac__weight_bits": 16,
        "mac__sum_bits": 16,
        "ac__bits": 16,
        "scratchpad__per": "pe",
        "scratchpad__capacity_kib": 448 / 1024,
        "scratchpad__banks": 1,
        "scratchpad__port_bits": 16,
        "global_buffer__capacity_kib": KIB,
        "global_buffer__banks": 1,
    }
    return digital.variant(**sizes | changes)


def megabytes_an_image(spec, network):
    """Of every convolution."""
    laid = Layout.of(spec, network, 1, Dense.of("ann", 1, 16, "trace"))
    found = {}
    for task in laid.plan.tasks:
        if task.name.startswith("conv"):
            moved = traffic(laid.plan, laid.storage, task, None)
            bursts = int(moved.dram_reads.sum() + moved.dram_writes.sum())
            found[task.name] = bursts * spec.dram.burst_bytes / spec.batch / 1e6
    return found, laid


def test_traffic_lies_between_the_published_least_and_a_quarter_more():
    network = vgg16()
    moved, laid = megabytes_an_image(eyeriss(), network)
    assert len(moved) == 13
    least = written = 0.0
    for task in laid.plan.tasks:
        if task.name in moved:
            geometry = task.cells.geometry
            products = geometry.positions * task.layer.shape[2] * 9 * geometry.input_channels * BATCH
            assert reuse_of(geometry) == 9
            formula = 2 * products / np.sqrt(9 * WORDS)  # words
            assert communication_bits(products, 9, WORDS * 16, (16, 16, 16)) == pytest.approx(16 * formula)
            least += 2 * formula / BATCH / 1e6
            written += 2 * np.prod(task.layer.shape) / 1e6
            assert laid.storage.homes["map", task.name] == "dram"
    assert least + written == pytest.approx(114, abs=1)
    assert least + written <= sum(moved.values()) <= 143
    assert laid.storage.buffer_bits <= KIB * 8192


def test_blocks_are_what_saves_it():
    """Tile by tile the maps come from DRAM for every channel tile again."""
    network = vgg16()
    whole, _ = megabytes_an_image(eyeriss(blocking="none"), network)
    blocks, _ = megabytes_an_image(eyeriss(), network)
    assert sum(whole.values()) > 5 * sum(blocks.values())
    assert all(blocks[name] <= whole[name] for name in whole)


def test_a_batch_costs_less_an_image():
    network = vgg16()
    alone, _ = megabytes_an_image(eyeriss(batch=1), network)
    together, _ = megabytes_an_image(eyeriss(), network)
    assert sum(together.values()) < sum(alone.values())
