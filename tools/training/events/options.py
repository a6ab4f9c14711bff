"""The command line of the tool that trains on simulated events."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwsim.errors import UsageError
from training.common.options import Parser, above_zero, check_common, fraction, positive, positives


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add("--data", type=Path, required=True, default=none, help=".npz with x_train, .., or a folder of idx files")
    add("--dataset", required=True, default=none, help="name of the data set, for the provenance")
    add("--licence", default="", help="of the data; known for MNIST and Fashion-MNIST")
    add("--out", type=Path, required=True, default=none, help="trace to write, .npz")
    add("--timesteps", type=positive, default=20, help="of the network")
    add("--step-us", type=positive, default=5000, help="microseconds of a timestep")
    add("--threshold", type=above_zero, default=0.4, help="of the sensor: change of log intensity")
    add("--mismatch", type=fraction, default=0.03, help="of the sensor: deviation of thresholds, as a share")
    add("--refractory-us", type=positive, default=2000, help="of the sensor: microseconds that a pixel rests")
    add("--noise-hz", type=float, default=1.0, help="of the sensor: events of a pixel that nothing causes")
    add("--channels", type=positives, default="8,16,32", help="3x3 convolutions of stride 2")
    add("--limit", type=positive, default=15000, help="training samples to use, drawn by class")
    add("--test", type=positive, default=2000, help="test samples to use, drawn by class")
    add("--held-out", type=positive, default=1000, help="more training samples, for selection and calibration")
    add("--shift", type=int, choices=range(5), default=1, help="augmentation: pixels each way")
    add("--epochs", type=positive, default=6, help="of training")
    add("--rate", type=above_zero, default=3e-3, help="peak learning rate")
    add("--bits", type=int, choices=range(2, 9), default=8, help="of a weight")
    add("--recorded", type=positive, default=32, help="test samples whose spikes the trace holds")
    add("--inputs", type=positive, default=128, help="test samples whose recordings the trace holds")
    add("--seed", type=int, default=1, help="of everything random")
    add("--cache", type=Path, default=Path(".cache"), help="folder of resumable checkpoints")
    add("--threads", type=positive, default=1, help="of torch")
    return p


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training."""
    if not 0 <= options.noise_hz <= 1000:
        raise UsageError(f"--noise-hz {options.noise_hz}: must be from 0 to 1000")
    if options.inputs > options.test:
        raise UsageError(f"--inputs {options.inputs}: must be at most --test, which is {options.test}")
    check_common(options, ".npz")
