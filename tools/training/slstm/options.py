"""The command line of the spiking LSTM training tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwsim.errors import UsageError
from training.common.options import Parser, above_zero, check_common, check_output, fraction, positive

CONVERTIBLE = ("input", "forget", "candidate", "output", "cell")
ALWAYS = ("output", "cell")


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add("--data", type=Path, required=True, default=none, help=".npz with x_train, y_train, .. or UCI HAR's folder")
    add("--dataset", required=True, default=none, help="name of the data set, for the provenance")
    add("--licence", default="", help="of the data; known for MNIST and Fashion-MNIST")
    add("--out", type=Path, required=True, default=none, help="sequence trace to write, .npz")
    add("--report", type=Path, default=None, help="accuracies and spike rates to write, .json")
    add("--hidden", type=positive, default=64, help="units of each gate")
    add("--timesteps", type=positive, default=2, help="of every element")
    add("--spiking", type=names, default="input,output,cell", help="gates that become neurons; output and cell must")
    add("--readout", choices=("all", "last"), default="all", help="elements whose hidden spikes it takes")
    add("--together", action="store_true", help="one mean and deviation for all features, as for pixels")
    add("--limit", type=int, default=0, help="training samples to use, drawn by class; 0: all")
    add("--ann-epochs", type=positive, default=20, help="of the ordinary LSTM")
    add("--epochs", type=positive, default=10, help="of the spiking one")
    add("--control", action="store_true", help="train the ordinary LSTM on as long as the spiking one, too")
    add("--ann-rate", type=above_zero, default=5e-3, help="peak learning rate of the ordinary LSTM")
    add("--rate", type=above_zero, default=2e-3, help="peak learning rate of the spiking one")
    add("--batch", type=positive, default=64, help="samples of a step")
    add("--dropout", type=fraction, default=0.2, help="before the readout")
    add("--noise", type=fraction, default=0.3, help="augmentation: of the input, in standard deviations")
    add("--held-out", type=positive, default=500, help="training samples kept for selection where there is no x_val")
    add("--recorded", type=positive, default=32, help="test samples whose spikes the trace holds")
    add("--inputs", type=positive, default=128, help="test samples whose sequences the trace holds")
    add("--seed", type=int, default=1, help="of everything random")
    add("--cache", type=Path, default=Path(".cache"), help="folder of resumable checkpoints")
    add("--threads", type=positive, default=1, help="of torch")
    return p


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training."""
    missing = [name for name in ALWAYS if name not in options.spiking]
    if missing:
        raise UsageError(f"--spiking: must have '{missing[0]}', as hidden values are spikes")
    if options.limit < 0:
        raise UsageError(f"--limit {options.limit}: must be at least 0")
    check_common(options, ".npz")
    if options.report is not None:
        check_output("--report", options.report, ".json", options.data)


def names(text: str) -> tuple[str, ...]:
    """Names of gates, separated by commas, in the order of the trace format."""
    given = text.split(",")
    for name in given:
        if name not in CONVERTIBLE:
            raise argparse.ArgumentTypeError(f"wanted names among {', '.join(CONVERTIBLE)}, got {name!r}")
    return tuple(name for name in CONVERTIBLE if name in given)
