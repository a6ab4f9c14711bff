"""The stages of a first-spike training run: ANN, conversion, optimisation in the time domain, export."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import torch
from torch import nn

from hwsim.doors.torch.first_spike.conversion import Windows, converted, highest_sums
from hwsim.doors.torch.first_spike.timed import TimedNetwork
from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.io import write_trace
from hwsim.traces.trace import AnyTrace
from training.common.data import Images, digest, stratified
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.common.provenance import Amounts
from training.common.splits import prepare
from training.ttfs.export import Origin, rate_trace_of, trace_of
from training.ttfs.real import Geometry, RealNetwork, sums_of

REAL_RATE, REAL_DECAY = 1e-3, 1e-2
TIMED_RATE, TIMED_DECAY = 2e-4, 0.0
BATCH, EVALUATION_BATCH = 128, 250
CALIBRATION = 2000  # training images of which the percentiles are taken
FOLDER = "train_ttfs"


def run(options: argparse.Namespace, command: str) -> None:
    """Train, convert, optimise, export; the test split is looked at once, when nothing is left to choose."""
    splits = prepare(options)
    stages = Stages(options, splits.training, splits.held)
    real = stages.real()
    timed, at_conversion = stages.timed(real)
    test, on_held = splits.test, stages.held_accuracy(timed)
    real_accuracy = accuracy(real, TensorImages.of(test, "cpu"))[0]
    say(f"ANN: test accuracy {percent([real_accuracy])} %")
    held = [stages.held_accuracy(real), at_conversion, on_held]
    notes = (
        f"ANN: {percent([real_accuracy])} % of the test samples; "
        f"held-out accuracy of ANN, converted, optimised: {percent(held)} %"
    )
    origin = Origin(options.dataset, options.licence, command, options.seed, real_accuracy, notes)
    amounts = Amounts(min(options.recorded, len(test)), min(options.inputs, len(test)))
    trace = trace_of(timed, stages.geometry, test, amounts, origin)
    publish(options, trace, "out")
    say(f"first spikes: test accuracy {percent(trace.provenance.accuracy)} %")
    if options.rate_out:
        rated = rate_trace_of(timed, stages.geometry, test, Amounts(min(64, amounts.recorded), amounts.inputs), origin)
        publish(options, rated, "rate_out")
        say(f"rate-coded: test accuracy at T = 1.. {percent(rated.provenance.accuracy)} %")


def publish(options: argparse.Namespace, trace: AnyTrace, option: str) -> None:
    """Write a trace, after hwsim's golden execution gave again all that it holds."""
    for name, mismatch in verify(trace).arrays.items():
        if mismatch.differing:
            raise TraceError(f"{name}: {mismatch.differing} of {mismatch.compared} differ, first {mismatch.first}")
    path = getattr(options, option)
    write_trace(path, trace, compress=True)
    rates = ", ".join(f"{name} {rate:.4f}" for name, rate in trace.spike_rates().items())
    say(f"{path}: {path.stat().st_size / 1e6:.2f} MB; spikes per neuron (and timestep): {rates}")


class Stages:
    """The stages of training on one data set, each taken from its checkpoint where that exists."""

    def __init__(self, options: argparse.Namespace, training: Images, held: Images) -> None:
        self.options = options
        self.images = [TensorImages.of(x, "cpu") for x in (training, held)]
        self.calibration = training.take(stratified(training.y, min(CALIBRATION, len(training)), options.seed))
        shape = training.x.shape[1:]
        self.geometry = Geometry(
            (shape[0], shape[1], shape[2]), options.convolutions, options.hidden, int(training.y.max()) + 1
        )
        self.settings: dict[str, object] = {"data": digest(training, held), "geometry": asdict(self.geometry)}

    def real(self) -> RealNetwork:
        """The ANN, at its best epoch."""
        options = self.options
        torch.manual_seed(options.seed)
        network = RealNetwork(self.geometry, options.dropout)
        stage = self._stage("ann", options.ann_epochs, REAL_RATE, REAL_DECAY, options.seed)
        self.settings |= {"ann": asdict(stage), "dropout": options.dropout}
        self._train(network, stage)
        return network

    def timed(self, real: RealNetwork) -> tuple[TimedNetwork, float]:
        """The network of fire-once neurons at its best epoch, and its held-out accuracy when it was converted."""
        options = self.options
        windows = Windows(options.window, options.start, options.bits)
        sums = sums_of(real, TensorImages.of(self.calibration, "cpu"), EVALUATION_BATCH)
        network = converted(real.operations(), windows, highest_sums(sums, options.percentile))
        before = self.held_accuracy(network)
        say(f"converted: held-out accuracy {percent([before])} %")
        stage = self._stage("timed", options.epochs, TIMED_RATE, TIMED_DECAY, options.seed + 1)
        self.settings |= {"windows": asdict(windows), "percentile": options.percentile, "timed": asdict(stage)}
        self._train(network, stage)
        return network, before

    def held_accuracy(self, network: nn.Module) -> float:
        """Fraction right of the held-out samples."""
        return accuracy(network, self.images[1])[0]

    def _stage(self, name: str, epochs: int, rate: float, decay: float, seed: int) -> Stage:
        augmentation = Augmentation(self.options.shift, self.options.flip)
        return Stage(name, epochs, rate, decay, BATCH, seed, augmentation)

    def _train(self, network: nn.Module, stage: Stage) -> None:
        checkpoint = self.options.cache / FOLDER / checkpoint_name(stage.name, self.settings)
        Trainer(network, stage, *self.images).run(checkpoint, say)
