"""The command line of the training tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwsim.errors import UsageError
from training.common.options import (
    Parser,
    above_zero,
    check_common,
    fraction,
    percentage,
    positive,
    positives,
)

NEW = {
    "timesteps": 4,
    "channels": (16, 32, 64, 256),
    "strides": (),
    "bits": None,
    "plain_epochs": 0,
    "epochs": 12,
    "dropout": 0.2,
}
"""What says how a new network is and is trained, and what that is where it is not given."""

LEARN = ("fixed", "threshold", "threshold+leak")


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
    add("--start", type=Path, metavar="TRACE.npz", default=none, help="go on in integers from the network of a trace")
    add("--qat-epochs", type=positive, default=none, help="with integer weights and neurons (default: 5)")
    _add_new(p)
    _add_diet(p)
    _add_hardware(p)
    add("--shift", type=int, choices=range(5), default=1, help="augmentation: pixels each way")
    add("--flip", action="store_true", help="augmentation: left-right (for clothes, not for digits)")
    add("--held-out", type=positive, default=5000, help="training samples kept for selection and calibration")
    add("--recorded", type=positive, default=64, help="test samples whose spikes the trace holds")
    add("--inputs", type=positive, default=1000, help="test samples whose pixels the trace holds")
    add("--seed", type=int, default=1, help="of everything random")
    add("--cache", type=Path, default=Path(".cache"), help="folder of resumable checkpoints")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="to train on")
    add("--bf16", action="store_true", help="train with products in bfloat16, where a CPU is faster so")
    add("--threads", type=positive, default=0, help="of torch; 0: its own choice")
    return p


def _add_new(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("of a new network; with --start the trace says it, and nothing is trained in floats")
    add, none = group.add_argument, argparse.SUPPRESS
    add("--timesteps", type=positive, default=none, help="of the network (default: 4)")
    add("--channels", type=channel_list, default=none, help="3x3 convolutions, hidden layer (default: 16,32,64,256)")
    add("--strides", type=positives, default=none, help="of each convolution (default: 1, then 2 for each other)")
    add("--bits", type=int, choices=range(2, 9), default=none, help="of a weight (default: 4; with --learn 8)")
    add("--plain-epochs", type=not_negative, default=none, help="before all others, without spikes (default: 0)")
    add("--epochs", type=not_negative, default=none, help="in floats; may be 0 after --plain-epochs (default: 12)")
    add("--dropout", type=fraction, default=none, help="before the hidden layer, in floats (default: 0.2)")


def _add_diet(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("DIET-SNN's own recipe: an ANN without bias, converted, then trained on")
    add, none = group.add_argument, argparse.SUPPRESS
    add("--learn", choices=LEARN, default=none, help="train this beside the weights, at --timesteps")
    add("--ablation", type=positives, default=none, help="compare all of --learn at these T, as in 2,5,10")
    add("--ann-epochs", type=positive, default=12, help="of the ANN")
    # As DIET-SNN's public code has them; its README scales by 0.2, and others quote the paper with the 95th percentile.
    add("--percentile", type=percentage, default=99.7, help="of a layer's currents: its threshold, before scaling")
    add("--threshold-scale", type=above_zero, default=0.3, help="thresholds start at this times the percentile")


def _add_hardware(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("on in-memory hardware: a network is trained on through crossbars whose cells vary")
    add, none = group.add_argument, argparse.SUPPRESS
    add("--hardware", metavar="ARCH", default=none, help="design with a functional mode, as in imc; needs --start")
    add("--set", dest="overrides", action="append", metavar="KEY=VALUE", default=[], help="change a value of it")
    add("--variation", type=fraction, default=0.1, help="sigma / mu of cells, drawn anew for each batch")
    add("--chip", type=int, default=1000, help="devices.seed of the chip whose logits exits are calibrated on")


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training; fill in what depends on other options."""
    options.learn, options.ablation = getattr(options, "learn", None), getattr(options, "ablation", None)
    options.hardware, options.start = getattr(options, "hardware", None), getattr(options, "start", None)
    _check_start(options)
    _check_recipe(options)
    check_common(options, ".json" if options.ablation else ".npz")


def _check_recipe(options: argparse.Namespace) -> None:
    if options.learn and options.ablation:
        raise UsageError("--learn and --ablation: one of them; --ablation compares all that --learn can be")
    if options.learn or options.ablation:
        if hasattr(options, "qat_epochs"):
            raise UsageError("--qat-epochs: with --learn or --ablation nothing is trained after rounding; leave it out")
        if options.plain_epochs or options.bf16:
            raise UsageError(
                "--plain-epochs, --bf16: not with --learn or --ablation, which start from an ANN of their own"
            )
    else:
        options.qat_epochs = getattr(options, "qat_epochs", 5)
    options.bits = options.bits or (8 if options.learn else 4)
    if not options.epochs and not options.plain_epochs:
        raise UsageError("--epochs 0: something has to be trained before rounding; only with --plain-epochs")
    wanted = len(options.channels) - 1
    if options.strides and len(options.strides) != wanted:
        raise UsageError(f"--strides: wanted one for each of {wanted} convolutions, got {len(options.strides)}")


def _check_start(options: argparse.Namespace) -> None:
    if options.start is None and options.hardware is not None:
        raise UsageError("--hardware: needs --start as well")
    if options.hardware is None and options.overrides:
        raise UsageError("--set: changes a design, so it needs --hardware")
    if options.start is not None:
        if options.learn or options.ablation:
            raise UsageError("--start: not with --learn or --ablation, whose networks are not trained after rounding")
        if given := [name for name in NEW if hasattr(options, name)]:
            raise UsageError(f"--{given[0].replace('_', '-')}: with --start the trace says it; leave it out")
    for name, value in NEW.items():
        setattr(options, name, getattr(options, name, value))


def channel_list(text: str) -> tuple[int, ...]:
    """Comma-separated whole numbers: at least one convolution, then the hidden layer."""
    values = positives(text)
    if len(values) < 2:
        raise argparse.ArgumentTypeError(f"wanted convolutions, then the hidden layer, as in 16,32,64,256; got {text}")
    return values


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {value}")
    return value
