"""Training on through crossbars that quantise, clip and vary, and a trace whose exits are calibrated on such a chip."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np
from torch import nn

import hwsim
from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.settings import as_overrides
from hwsim.errors import UsageError
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.trace import Logits
from training.common.data import Images, digest
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.common.provenance import Amounts
from training.common.splits import prepare
from training.dietsnn.crossbars import Crossbars, Site, check_design
from training.dietsnn.export import Source, trace_of
from training.dietsnn.quantise import QuantBlock, QuantNetwork
from training.dietsnn.stages import BATCH, FOLDER, check_twice
from training.dietsnn.start import network_of_trace, read_start

RATE = 8e-3
"""Peak learning rate, weights in steps (our choice; at 2e-3 weights hardly grow against what varies)."""


AT_ONCE = 64


def run(options: argparse.Namespace, command: str) -> None:
    """Start, stage through the chip, export; the test split is looked at once, when nothing is left to choose."""
    start = read_start(options.start)
    spec = design(options)
    splits = prepare(options)
    images = [TensorImages.of(x, options.device) for x in (splits.training, splits.held)]
    if (
        images[0].x.shape[1:] != start.network.input.shape
        or int(splits.training.y.max()) >= start.network.layers[-1].shape[2]
    ):
        raise UsageError(f"--start {options.start}: its network is not one for the images of --data")
    network = network_of_trace(start).to(options.device)
    say(f"exact integers before: held-out accuracy at T = 1.. {percent(accuracy(network, images[1]))} %")
    put_on(spec, start, network, options.variation)
    say(f"on {options.hardware} before: held-out accuracy at T = 1.. {percent(accuracy(network, images[1]))} %")
    augmentation = Augmentation(options.shift, options.flip)
    stage = Stage("hardware", options.qat_epochs, RATE, 0.0, BATCH, options.seed + 2, augmentation, bf16=options.bf16)
    settings = {
        "data": digest(splits.training, splits.held),
        "start": hashlib.sha256(options.start.read_bytes()).hexdigest(),
        "design": repr(spec),
        "variation": options.variation,
        "stage": repr(stage),
    }
    Trainer(network, stage, *images).run(options.cache / FOLDER / checkpoint_name(stage.name, settings), say)
    take_off(network)
    write(options, command, start, network, splits.test, splits.held)


def design(options: argparse.Namespace) -> ImcSpec:
    """The specification of --hardware; in training its cells vary by --variation."""
    architecture = hwsim.load_architecture(options.hardware, as_overrides(options.overrides))
    if not isinstance(architecture.spec, ImcSpec):
        raise UsageError(
            f"--hardware {options.hardware}: a {architecture.machine} design; wanted one with crossbars, as imc"
        )
    check_design(architecture.spec, options.hardware)
    return architecture.spec


def put_on(spec: ImcSpec, trace: Trace, network: QuantNetwork, variation: float) -> None:
    """Let the layers that the design has on crossbars be read from such, each cell varying by `variation`."""
    off = spec.digital_layers(trace.network) | spec.assumptions.off_chip(trace.network)
    for number, (layer, where) in enumerate(_weighted(trace, network)):
        if layer.name not in off:
            bits = layer.weights.bits
            where.crossbars = Crossbars(spec, _site(trace, layer), bits, variation, spec.devices.seed + number)


def take_off(network: QuantNetwork) -> None:
    """Make all products exact again."""
    for block in network.spiking():
        block.crossbars = None
    network.crossbars = None


def _weighted(trace: Trace, network: QuantNetwork) -> Iterator[tuple[Conv2d | Linear, QuantBlock | QuantNetwork]]:
    layers = [layer for layer in trace.network if isinstance(layer, Conv2d | Linear)]
    return zip(layers, [*network.spiking(), network], strict=True)


def _site(trace: Trace, layer: Conv2d | Linear) -> Site:
    network = trace.network
    source = network[layer.inputs[0]]
    if isinstance(layer, Conv2d):
        return Site(prod(layer.window.kernel), source.shape[2], (1, 1), network.bits(source.name))
    before = network[source.inputs[0]].shape if type(source).__name__ == "Flatten" else source.shape
    return Site(1, prod(before), (before[0] * before[1], before[2]), network.bits(source.name))


def write(
    options: argparse.Namespace, command: str, start: Trace, network: nn.Module, test: Images, held: Images
) -> None:
    """The trace of the exact integers, but for the logits that exits are calibrated on: those are a chip's."""
    assert isinstance(network, QuantNetwork)
    source = Source(
        dataset=options.dataset,
        licence=options.licence,
        command=command,
        seed=options.seed,
        device=options.device,
        recipe=f"trained on from {start.provenance.name} through crossbars of {options.hardware} whose cells vary by "
        f"{options.variation:g}; calibration logits are those of chip {options.chip}",
        float_accuracy=start.provenance.float_accuracy,
    )
    amounts = Amounts(min(options.recorded, len(test)), min(options.inputs, len(test)))
    trace = trace_of(network.cpu(), test, held, amounts, source)
    check_twice(trace)
    trace = calibrated(options, trace, held)
    write_trace(options.out, trace, compress=True)
    say(f"exact integers: test accuracy at T = 1.. {percent(trace.provenance.accuracy)} %")
    held_out = percent(trace.logits["calibration"].accuracy().tolist())
    say(f"chip {options.chip}: held-out accuracy at T = 1.. {held_out} %")
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


def calibrated(options: argparse.Namespace, trace: Trace, held: Images) -> Trace:
    """The trace with the held-out logits of one chip, `--chip`, in place of those of exact integers."""
    varied = [*options.overrides, f"devices.conductance_variation={options.variation}", f"devices.seed={options.chip}"]
    spec = design(argparse.Namespace(hardware=options.hardware, overrides=varied))
    products, found = CrossbarProducts(spec, trace.network), []
    for first in range(0, len(held), AT_ONCE):
        products.first_sample = first
        found.append(execute(trace.network, held.x[first : first + AT_ONCE], trace.timesteps, products).logits)
    exact = trace.logits["calibration"]
    logits = Logits(np.concatenate(found), exact.scale, exact.labels, exact.sample_ids, exact.split)
    return replace(trace, logits={**trace.logits, "calibration": logits})
