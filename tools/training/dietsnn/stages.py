"""The two stages of training on one data set, then the trace: in floating point, then in integers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict

import torch

from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace
from training.common.data import Images, digest
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.common.provenance import Amounts
from training.common.splits import Splits, prepare
from training.dietsnn.export import Source, trace_of
from training.dietsnn.model import Geometry, SpikingNetwork
from training.dietsnn.quantise import Precision, QuantNetwork

FLOAT_RATE, FLOAT_DECAY = 3e-3, 1e-2
"""Of the first stage in floating point, with spikes or without."""


AFTER_RATE = 1e-3
"""Of the stage with spikes after one without."""


QUANT_RATE, QUANT_DECAY = 1e-3, 0.0


BATCH = 128


FOLDER = "train_dietsnn"


def run(options: argparse.Namespace, command: str) -> None:
    """Data, float stage, integer stage, export; the test split is looked at once, when nothing is left to choose."""
    splits = prepare(options)
    stages = Stages(options, splits)
    network = stages.float_network()
    quantised = stages.quantised(network)
    floats = float_accuracy(options, network, splits.test)
    export(options, splits, quantised, "loss on logits summed up to each timestep", command, floats)


def float_accuracy(options: argparse.Namespace, network: SpikingNetwork, test: Images) -> tuple[float, ...]:
    """Fraction of the test split that a network in floating point has right, after each timestep."""
    floats = accuracy(network, TensorImages.of(test, options.device))
    say(f"float: test accuracy at T = 1.. {percent(floats)} %")
    return tuple(floats)


def export(
    options: argparse.Namespace,
    splits: Splits,
    quantised: QuantNetwork,
    recipe: str,
    command: str,
    floats: tuple[float, ...],
    finish: Callable[[Trace], Trace] = lambda trace: trace,
) -> None:
    """Write the trace of `quantised`, whose executions must agree, as `finish` leaves it.

    `floats` is what the network in floating point that it came from had right of the test split.
    """
    test = splits.test
    source = Source(
        dataset=options.dataset,
        licence=options.licence,
        command=command,
        seed=options.seed,
        device=options.device,
        recipe=recipe,
        float_accuracy=floats,
    )
    amounts = Amounts(min(options.recorded, len(test)), min(options.inputs, len(test)))
    trace = trace_of(quantised.cpu(), test, splits.held, amounts, source)
    check_twice(trace)
    trace = finish(trace)
    write_trace(options.out, trace, compress=True)
    bits = quantised.precision.weight_bits
    say(f"{bits}-bit integers: test accuracy at T = 1.. {percent(trace.provenance.accuracy)} %")
    rates = ", ".join(f"{name} {trace.spike_rate(name):.4f}" for name in trace.spikes)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; spikes per neuron and timestep: {rates}")


def check_twice(trace: Trace) -> None:
    """Raise TraceError unless hwsim's golden execution gives every recorded spike and logit of the torch execution."""
    for name, mismatch in verify(trace).arrays.items():
        if mismatch.differing:
            raise TraceError(
                f"{name}: {mismatch.differing} of {mismatch.compared} differ, the first at {mismatch.first}"
            )


class Stages:
    """The two stages of training on one data set, each taken from its checkpoint where that exists."""

    def __init__(self, options: argparse.Namespace, splits: Splits) -> None:
        self.options = options
        self.images = [TensorImages.of(x, options.device) for x in (splits.training, splits.held)]
        self.geometry = geometry_of(options, splits.training, options.timesteps)
        self.settings: dict[str, object] = {
            "data": digest(splits.training, splits.held),
            "geometry": asdict(self.geometry),
        }

    def float_network(self) -> SpikingNetwork:
        """The network in floating point, at its best epoch."""
        options = self.options
        torch.manual_seed(options.seed)
        network = SpikingNetwork(self.geometry, options.dropout).to(options.device)
        self.settings |= {"dropout": options.dropout}
        if options.plain_epochs:
            stage = self._stage("plain", options.plain_epochs, FLOAT_RATE, FLOAT_DECAY, options.seed)
            self.settings |= {"plain": asdict(stage)}
            network.without_spikes(True)
            self._train(network, stage)
            network.without_spikes(False)
        if not options.epochs:
            return network
        rate = AFTER_RATE if options.plain_epochs else FLOAT_RATE
        stage = self._stage("float", options.epochs, rate, FLOAT_DECAY, options.seed)
        self.settings |= {"stage": asdict(stage)}
        self._train(network, stage)
        return network

    def quantised(self, network: SpikingNetwork) -> QuantNetwork:
        """The network in integers, at its best epoch."""
        options, precision = self.options, Precision(weight_bits=self.options.bits)
        quantised = QuantNetwork(network, precision).to(options.device)
        before = accuracy(quantised, self.images[1])
        say(f"{options.bits}-bit integers before fine-tuning: held-out accuracy at T = 1.. {percent(before)} %")
        stage = self._stage("qat", options.qat_epochs, QUANT_RATE, QUANT_DECAY, options.seed + 1)
        self.settings |= {"precision": asdict(precision), "qat": asdict(stage)}
        self._train(quantised, stage)
        return quantised

    def _stage(self, name: str, epochs: int, rate: float, decay: float, seed: int) -> Stage:
        augmentation = Augmentation(self.options.shift, self.options.flip)
        return Stage(name, epochs, rate, decay, BATCH, seed, augmentation, bf16=self.options.bf16)

    def _train(self, network: SpikingNetwork | QuantNetwork, stage: Stage) -> None:
        checkpoint = self.options.cache / FOLDER / checkpoint_name(stage.name, self.settings)
        Trainer(network, stage, *self.images).run(checkpoint, say)


def geometry_of(options: argparse.Namespace, training: Images, timesteps: int) -> Geometry:
    """The network that the options describe, for images and labels such as those of `training`."""
    height, width, channels = training.x.shape[1:]
    return Geometry((height, width, channels), options.channels, int(training.y.max()) + 1, timesteps, options.strides)
