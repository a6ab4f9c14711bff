"""Integer training that goes on from the network of a trace."""

from __future__ import annotations

import argparse
import hashlib

import numpy as np

from hwsim.errors import UsageError
from training.common.data import Images, digest
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.common.splits import prepare
from training.dietsnn.stages import BATCH, FOLDER, QUANT_DECAY, QUANT_RATE, export
from training.dietsnn.start import network_of_trace, read_start


def run(options: argparse.Namespace, command: str) -> None:
    """Start, integer stage, export; the test split is looked at once, when nothing is left to choose."""
    further = Further(options)
    further.train("further", QUANT_RATE, QUANT_DECAY, options.seed + 1)
    recipe = f"trained on from {further.trace.provenance.name} for {options.qat_epochs} epochs in integers"
    export(options, further.splits, further.network, recipe, command, further.floats)


class Further:
    """A network that was read from a trace, on images of which the same were held out as when it was trained."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.trace = options, read_start(options.start)
        self.splits = prepare(options)
        self._check(self.splits.training, self.splits.held)
        self.images = [TensorImages.of(x, options.device) for x in (self.splits.training, self.splits.held)]
        self.network = network_of_trace(self.trace).to(options.device)
        self.floats = self.trace.provenance.float_accuracy
        self.judge("exact integers before")

    def judge(self, what: str) -> None:
        """Say how often the network is right on what is held out."""
        say(f"{what}: held-out accuracy at T = 1.. {percent(accuracy(self.network, self.images[1]))} %")

    def train(self, name: str, rate: float, decay: float, seed: int, **more: object) -> None:
        """`--qat-epochs` more, or from their checkpoint, which `more` and the start tell from others."""
        options = self.options
        augmentation = Augmentation(options.shift, options.flip)
        stage = Stage(name, options.qat_epochs, rate, decay, BATCH, seed, augmentation, bf16=options.bf16)
        settings = {
            "data": digest(self.splits.training, self.splits.held),
            "start": hashlib.sha256(options.start.read_bytes()).hexdigest(),
            **more,
            "stage": repr(stage),
        }
        checkpoint = options.cache / FOLDER / checkpoint_name(name, settings)
        Trainer(self.network, stage, *self.images).run(checkpoint, say)

    def _check(self, training: Images, held: Images) -> None:
        """Raise UsageError for images that are not the network's, or of which it has learned those held out."""
        network, option = self.trace.network, f"--start {self.options.start}"
        if training.x.shape[1:] != network.input.shape or int(training.y.max()) >= network.layers[-1].shape[2]:
            raise UsageError(f"{option}: its network is not one for the images of --data")
        before = self.trace.logits.get("calibration")
        if before is not None and not np.array_equal(np.sort(before.sample_ids), held.ids):
            raise UsageError(
                f"{option}: other training images were held out then, {before.labels.size} by seed "
                f"{self.trace.provenance.seed}; say so with --held-out and --seed"
            )
