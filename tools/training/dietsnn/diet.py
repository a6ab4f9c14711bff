"""DIET-SNN's own stages: an ANN, its conversion, then training of weights with or without thresholds and leaks.

Like the authors' code it trains on the logits of the last timestep, with weight decay for the ANN alone.  It knows no
integers: these networks are rounded after training, so that a file holds exactly what its training learned.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training.common.data import digest
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, as_pixels, checkpoint_name
from training.common.progress import say
from training.common.splits import Splits, prepare
from training.dietsnn.conversion import RealNetwork, converted, percentile_thresholds
from training.dietsnn.model import SpikingNetwork
from training.dietsnn.quantise import Precision, QuantNetwork
from training.dietsnn.stages import BATCH, FOLDER, export, float_accuracy, geometry_of

ANN_RATE, ANN_DECAY = 1e-3, 1e-2
SPIKING_RATE, SPIKING_DECAY = 1e-3, 0.0
BALANCING_IMAGES = 256
ROUNDED = Precision(leak_bits=8, membrane_bits=24)


def run(options: argparse.Namespace, command: str) -> None:
    """One network, `--learn` at `--timesteps`, and its trace."""
    splits = prepare(options)
    stages = DietStages(options, splits)
    network = stages.learned(options.timesteps, options.learn)
    quantised = QuantNetwork(network, replace(ROUNDED, weight_bits=options.bits))
    recipe = (
        f"ANN of {options.ann_epochs} epochs without bias, thresholds at {options.threshold_scale:g} x percentile "
        f"{options.percentile:g} of the currents, then {options.epochs} epochs of surrogate gradients on the last "
        f"timestep's summed logits, learned beside weights: {options.learn}; rounded after training"
    )
    export(options, splits, quantised, recipe, command, float_accuracy(options, network, splits.test))


class DietStages:
    """The stages on one data set, each taken from its checkpoint where that exists."""

    def __init__(self, options: argparse.Namespace, splits: Splits) -> None:
        self.options = options
        self.images = [TensorImages.of(x, options.device) for x in (splits.training, splits.held)]
        self.geometry = geometry_of(options, splits.training, 1)
        self.settings: dict[str, object] = {
            "data": digest(splits.training, splits.held),
            "geometry": asdict(self.geometry),
            "dropout": options.dropout,
        }
        self.real = self._ann()
        self.thresholds = self._thresholds()

    def converted(self, timesteps: int) -> SpikingNetwork:
        """The ANN with IF neurons in place of its ReLUs, not trained any further."""
        scale = self.options.threshold_scale
        return converted(self.real, timesteps, [scale * threshold for threshold in self.thresholds])

    def learned(self, timesteps: int, learn: str) -> SpikingNetwork:
        """The converted network at its best epoch of training at `timesteps`; `learn` as `freeze` has it."""
        options = self.options
        network = self.converted(timesteps)
        freeze(network, learn)
        stage = self._stage(f"T{timesteps} {learn}", options.epochs, SPIKING_RATE, SPIKING_DECAY, options.seed + 1)
        start = {"percentile": options.percentile, "scale": options.threshold_scale}
        settings = self.settings | start | {"stage": asdict(stage), "learn": learn, "timesteps": timesteps}
        self._train(network, stage, f"T{timesteps}-{learn}", settings)
        return network

    def _ann(self) -> RealNetwork:
        options = self.options
        torch.manual_seed(options.seed)
        real = RealNetwork(self.geometry, options.dropout).to(options.device)
        stage = self._stage("ann", options.ann_epochs, ANN_RATE, ANN_DECAY, options.seed)
        self.settings |= {"ann": asdict(stage)}
        self._train(real, stage, "ann", self.settings)
        return real

    def _thresholds(self) -> list[float]:
        """Percentiles on the first training images, unscaled."""
        pixels = as_pixels(self.images[0].x[:BALANCING_IMAGES])
        found = percentile_thresholds(self.real, pixels, self.options.percentile)
        say(f"percentile {self.options.percentile:g} of the currents: {' '.join(f'{x:.3f}' for x in found)}")
        return found

    def _stage(self, name: str, epochs: int, rate: float, decay: float, seed: int) -> Stage:
        augmentation = Augmentation(self.options.shift, self.options.flip)
        return Stage(name, epochs, rate, decay, BATCH, seed, augmentation, "last")

    def _train(self, network: torch.nn.Module, stage: Stage, name: str, settings: dict[str, object]) -> None:
        checkpoint: Path = self.options.cache / FOLDER / checkpoint_name(name, settings)
        Trainer(network, stage, *self.images).run(checkpoint, say)


def freeze(network: SpikingNetwork, learn: str) -> None:
    """Leave to training what `learn` says: weights (`fixed`), with `threshold`s, or with `threshold+leak`s."""
    for block in network.blocks():
        block.threshold.requires_grad_(learn != "fixed")
        block.leak.requires_grad_(learn == "threshold+leak")
