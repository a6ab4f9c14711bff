"""The stages of a spiking LSTM's training: ordinary LSTM, conversion, training with spikes, export."""

from __future__ import annotations

import argparse
import json
from copy import deepcopy
from dataclasses import asdict

import torch

from hwsim.doors.torch.lstm.conversion import Fit
from hwsim.doors.torch.lstm.network import Shape
from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.io import write_trace
from training.common.data import digest, stratified
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.common.provenance import Amounts
from training.slstm.conversion import converted
from training.slstm.data import Sequences, load_sequences
from training.slstm.export import Origin, Recorded, recorded
from training.slstm.network import GatedNetwork

ANN_DECAY, DECAY = 1e-2, 0.0
CALIBRATION = 500  # training samples on which thresholds and shifts are fitted
FOLDER = "train_slstm"


def run(options: argparse.Namespace, command: str) -> None:
    """Train, convert, train on, export; the test split is looked at once, when nothing is left to choose."""
    torch.set_num_threads(options.threads)
    data = load_sequences(options.data, options.held_out, options.together, options.limit, options.seed)
    stages = Stages(options, data)
    ordinary = stages.ordinary()
    network, fits, at_conversion = stages.spiking(ordinary)
    test = TensorImages.of(data.test, "cpu")
    held = [accuracy(ordinary, stages.held)[-1], at_conversion, accuracy(network, stages.held)[-1]]
    ann, real = accuracy(ordinary, test)[-1], accuracy(network, test)
    control = accuracy(stages.further(ordinary), test)[-1] if options.control else None
    notes = (
        f"spiking: {', '.join(network.spiking)}; ordinary LSTM of the same shape: {percent([ann])} % of the test "
        f"samples; held-out accuracy of ordinary, converted, spiking LSTM: {percent(held)} %"
    )
    origin = Origin(options.dataset, options.licence, command, options.seed, tuple(real), notes)
    amounts = Amounts(min(options.recorded, len(data.test)), min(options.inputs, len(data.test)))
    result = recorded(network, data.test, amounts, origin)
    _publish(options, result)
    exact = result.trace.provenance.accuracy
    say(f"test accuracy: ordinary LSTM {percent([ann])} %, spiking at T = 1.. {percent(real)} %, in integers")
    say(f"  {percent(exact)} %; hidden spikes per unit and step {result.rates['lstm1/hidden']:.4f}")
    if options.report:
        record = {
            "dataset": options.dataset,
            "seed": options.seed,
            "timesteps": options.timesteps,
            "training_samples": len(data.training),
            "fits": {name: asdict(fit) for name, fit in fits.items()},
            "held_out": dict(zip(("ordinary", "converted", "spiking"), held, strict=True)),
            "test": {"ordinary": ann, "ordinary_further": control, "spiking": real, "integer": exact},
            "rates": result.rates,
            "leak": dict(zip(network.neurons(), network.leak.tolist(), strict=True)),
        }
        options.report.write_text(json.dumps(record, indent=1) + "\n")


def _publish(options: argparse.Namespace, result: Recorded) -> None:
    """Write the trace, after a second execution gave again all that it holds."""
    for name, mismatch in verify(result.trace).arrays.items():
        if mismatch.differing:
            raise TraceError(f"{name}: {mismatch.differing} of {mismatch.compared} differ, first {mismatch.first}")
    write_trace(options.out, result.trace, compress=True)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


class Stages:
    """The stages on one data set, each taken from its checkpoint where that exists."""

    def __init__(self, options: argparse.Namespace, data: Sequences) -> None:
        self.options = options
        self.training, self.held = (TensorImages.of(x, "cpu") for x in (data.training, data.held))
        chosen = stratified(data.training.y, min(CALIBRATION, len(data.training)), options.seed)
        self.calibration = TensorImages.of(data.training.take(chosen), "cpu")
        n, features = data.training.x.shape[1:3]
        self.shape = Shape(n, features, options.hidden, int(data.training.y.max()) + 1, options.readout)
        self.settings: dict[str, object] = {
            "data": digest(data.training, data.held),
            "shape": asdict(self.shape),
            "dropout": options.dropout,
            "noise": options.noise,
        }

    def ordinary(self) -> GatedNetwork:
        """The ordinary LSTM at its best epoch."""
        options = self.options
        torch.manual_seed(options.seed)
        network = GatedNetwork(self.shape, (), 1, options.dropout, options.noise)
        self._train(network, self._stage("ann", options.ann_epochs, options.ann_rate, ANN_DECAY, options.seed))
        return network

    def spiking(self, ordinary: GatedNetwork) -> tuple[GatedNetwork, dict[str, Fit], float]:
        """The spiking LSTM at its best epoch, how neurons were fitted, held-out accuracy when it was converted."""
        options = self.options
        network, fits = converted(ordinary, options.spiking, options.timesteps, self.calibration)
        before = accuracy(network, self.held)[-1]
        for name, fit in fits.items():
            say(f"{name}: threshold {fit.threshold:.2f}, shift {fit.shift:.2f}, mean squared error {fit.error:.4f}")
        say(f"converted: held-out accuracy {percent([before])} %")
        self.settings |= {"spiking": options.spiking, "timesteps": options.timesteps}
        self._train(network, self._stage("spiking", options.epochs, options.rate, DECAY, options.seed + 1))
        return network, fits, before

    def further(self, ordinary: GatedNetwork) -> GatedNetwork:
        """The ordinary LSTM after as many more epochs as the spiking one had: what training alone is worth."""
        options, network = self.options, deepcopy(ordinary)
        self._train(network, self._stage("further", options.epochs, options.rate, DECAY, options.seed + 1))
        return network

    def _stage(self, name: str, epochs: int, rate: float, decay: float, seed: int) -> Stage:
        stage = Stage(name, epochs, rate, decay, self.options.batch, seed, Augmentation(0, False), "last")
        self.settings[name] = asdict(stage)
        return stage

    def _train(self, network: GatedNetwork, stage: Stage) -> None:
        checkpoint = self.options.cache / FOLDER / checkpoint_name(stage.name, self.settings)
        Trainer(network, stage, self.training, self.held).run(checkpoint, say)
