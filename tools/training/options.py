"""The command line of the training tool."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hwsim.errors import UsageError
from hwsim.files import check_apart

LEARN = ("fixed", "threshold", "threshold+leak")
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
    add("--out", type=Path, required=True, default=none, help="trace to write, .npz; with --ablation a table, .json")
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
    add("--qat-epochs", type=positive, default=none, help="with integer weights and neurons (default: 5)")
    add("--bits", type=int, choices=range(2, 9), default=none, help="of a weight (default: 4; with --learn 8)")
    _add_diet(p)
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


def _add_diet(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("DIET-SNN's own recipe: an ANN without bias, converted, then trained on")
    add, none = group.add_argument, argparse.SUPPRESS
    add("--learn", choices=LEARN, default=none, help="train this beside the weights, at --timesteps")
    add("--ablation", type=timestep_list, default=none, help="compare all of --learn at these T, as in 2,5,10")
    add("--ann-epochs", type=positive, default=12, help="of the ANN")
    add("--percentile", type=percentage, default=99.7, help="of a layer's currents: its threshold, before scaling")
    add("--threshold-scale", type=above_zero, default=0.3, help="thresholds start at this times the percentile")


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training; fill in what depends on other options."""
    options.learn, options.ablation = getattr(options, "learn", None), getattr(options, "ablation", None)
    _check_recipe(options)
    check_common(options, ".json" if options.ablation else ".npz")


def check_common(options: argparse.Namespace, wanted: str) -> None:
    """What the training tools have in common: a licence, an output that ends in `wanted`, amounts, a cache."""
    options.licence = options.licence or LICENCES.get(options.dataset.lower(), "")
    if not options.licence:
        raise UsageError(f"--dataset {options.dataset}: its licence is not known here; give it with --licence")
    check_output("--out", options.out, wanted, options.data)
    if options.recorded > options.inputs:
        raise UsageError(f"--recorded {options.recorded}: must be at most --inputs, which is {options.inputs}")
    try:
        options.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--cache {options.cache}: cannot be made: {error.strerror}") from error


def check_output(option: str, path: Path, wanted: str, data: Path) -> None:
    """Raise UsageError unless a file can be made there, its name ends in `wanted` and it is not the data themselves."""
    check_apart([data], [path])
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    if path.suffix != wanted:
        raise UsageError(f"{option} {path}: wanted a name that ends in {wanted}")


def shown_command(tool: str, given: Sequence[str]) -> str:
    """The command as it was run, with absolute paths cut to their last name: a folder of this machine helps nobody."""
    words = []
    for word in given:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        words.append(f"{option}{equals}{Path(value).name if Path(value).is_absolute() else value}")
    return shlex.join(["python", f"tools/{tool}", *words])


def _check_recipe(options: argparse.Namespace) -> None:
    if options.learn and options.ablation:
        raise UsageError("--learn and --ablation: one of them; --ablation compares all that --learn can be")
    if options.learn or options.ablation:
        if hasattr(options, "qat_epochs"):
            raise UsageError("--qat-epochs: with --learn or --ablation nothing is trained after rounding; leave it out")
    else:
        options.qat_epochs = getattr(options, "qat_epochs", 5)
    options.bits = getattr(options, "bits", 8 if options.learn else 4)


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


def percentage(text: str) -> float:
    """A number from 0 to 100."""
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"must be from 0 to 100, got {text}")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value


def timestep_list(text: str) -> tuple[int, ...]:
    """Comma-separated whole numbers, at least one."""
    return tuple(positive(part) for part in text.split(","))


def channel_list(text: str) -> tuple[int, ...]:
    """Comma-separated whole numbers: at least one convolution, then the hidden layer."""
    values = tuple(positive(part) for part in text.split(","))
    if len(values) < 2:
        raise argparse.ArgumentTypeError(f"wanted convolutions, then the hidden layer, as in 16,32,64,256; got {text}")
    return values
