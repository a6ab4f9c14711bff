"""The command line of the training tool; it knows no training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from hwsim.errors import UsageError

LICENCES = {"fashion-mnist": "MIT", "mnist": "CC BY-SA 3.0"}


class Parser(argparse.ArgumentParser):
    """Reports a mistake as a UsageError, so that it ends as one line like every other."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add(
        "--data",
        type=Path,
        required=True,
        default=none,
        help=".npz with x_train, y_train, x_test, y_test, or idx folder",
    )
    add("--out", type=Path, required=True, default=none, help="trace to write, .npz")
    add("--dataset", required=True, default=none, help="name of the data set, for the provenance")
    add("--licence", default="", help="of the data; known for MNIST and Fashion-MNIST")
    add("--timesteps", type=positive, default=4, help="of the network")
    add(
        "--channels",
        type=channel_list,
        default="16,32,64,256",
        help="3x3 convolutions (stride 1, 2, 2..), hidden layer",
    )
    add("--epochs", type=positive, default=12, help="in floating point")
    add("--qat-epochs", type=positive, default=5, help="with integer weights and neurons")
    add("--bits", type=int, choices=range(2, 9), default=4, help="of a weight")
    add("--shift", type=int, choices=range(5), default=1, help="augmentation: pixels each way")
    add("--flip", action="store_true", help="augmentation: left-right (for clothes, not for digits)")
    add("--dropout", type=fraction, default=0.2, help="before the hidden layer, in floating point")
    add("--held-out", type=positive, default=5000, help="training samples kept for selection and calibration")
    add("--recorded", type=positive, default=64, help="test samples whose spikes the trace holds")
    add("--inputs", type=positive, default=1000, help="test samples whose pixels the trace holds")
    add("--seed", type=int, default=1, help="of everything random")
    add("--cache", type=Path, default=Path(".cache"), help="folder of resumable checkpoints")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="to train on")
    add("--threads", type=positive, default=0, help="of torch; 0: its own choice")
    return p


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training; fill in a known licence."""
    options.licence = options.licence or LICENCES.get(options.dataset.lower(), "")
    if not options.licence:
        raise UsageError(f"--dataset {options.dataset}: its licence is not known here; give it with --licence")
    if not options.out.parent.is_dir():
        raise UsageError(f"--out {options.out}: there is no folder {options.out.parent}")
    if options.out.suffix != ".npz":
        raise UsageError(f"--out {options.out}: wanted a name that ends in .npz")
    if options.recorded > options.inputs:
        raise UsageError(f"--recorded {options.recorded}: must be at most --inputs, which is {options.inputs}")
    try:
        options.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--cache {options.cache}: cannot be made: {error.strerror}") from error


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def fraction(text: str) -> float:
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to below 1, got {text}")
    return value


def channel_list(text: str) -> tuple[int, ...]:
    """Comma-separated whole numbers: at least one convolution, then the hidden layer."""
    values = tuple(positive(part) for part in text.split(","))
    if len(values) < 2:
        raise argparse.ArgumentTypeError(f"wanted convolutions, then the hidden layer, as in 16,32,64,256; got {text}")
    return values
