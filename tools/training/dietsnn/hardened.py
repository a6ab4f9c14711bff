"""Training on through crossbars that quantise, clip and vary, and a trace whose exits are calibrated on such a chip."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

import hwsim
from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.settings import as_overrides
from hwsim.errors import UsageError
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.trace import Logits
from training.common.data import Images
from training.common.progress import percent, say
from training.dietsnn.crossbars import Crossbars, Site, check_design
from training.dietsnn.further import Further
from training.dietsnn.quantise import QuantBlock, QuantNetwork
from training.dietsnn.stages import export

RATE = 8e-3
"""Peak learning rate, weights in steps (our choice; at 2e-3 weights hardly grow against what varies)."""


AT_ONCE = 64


def run(options: argparse.Namespace, command: str) -> None:
    """Start, stage through the chip, export; the test split is looked at once, when nothing is left to choose."""
    spec = design(options)
    further = Further(options)
    put_on(spec, further.trace, further.network, options.variation)
    further.judge(f"on {options.hardware} before")
    further.train("hardware", RATE, 0.0, options.seed + 2, design=repr(spec), variation=options.variation)
    take_off(further.network)
    recipe = (
        f"trained on from {further.trace.provenance.name} through crossbars of {options.hardware} whose cells vary by "
        f"{options.variation:g}; calibration logits are those of chip {options.chip}"
    )
    splits = further.splits
    finish = partial(calibrated, options, held=splits.held)
    export(options, splits, further.network, recipe, command, further.floats, finish)


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
    return zip(trace.network.weighted(), [*network.spiking(), network], strict=True)


def _site(trace: Trace, layer: Conv2d | Linear) -> Site:
    network = trace.network
    source = network[layer.inputs[0]]
    if isinstance(layer, Conv2d):
        return Site(prod(layer.window.kernel), source.shape[2], (1, 1), network.bits(source.name))
    before = network[source.inputs[0]].shape if type(source).__name__ == "Flatten" else source.shape
    return Site(1, prod(before), (before[0] * before[1], before[2]), network.bits(source.name))


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
    say(f"chip {options.chip}: held-out accuracy at T = 1.. {percent(logits.accuracy().tolist())} %")
    return replace(trace, logits={**trace.logits, "calibration": logits})
