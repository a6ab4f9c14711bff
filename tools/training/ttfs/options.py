"""The command line of the first-spike training tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwsim.errors import UsageError
from hwsim.traces.ttfs.trace import MAX_WINDOW
from training.common.options import Parser, check_common, check_output, fraction, percentage, positive, positives


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add("--data", type=Path, required=True, default=none, help=".npz with x_train, y_train, .. or folder of idx files")
    add("--dataset", required=True, default=none, help="name of the data set, for the provenance")
    add("--licence", default="", help="of the data; known for MNIST and Fashion-MNIST")
    add("--out", type=Path, required=True, default=none, help="first-spike trace to write, .npz")
    add("--rate-out", type=Path, default=None, help="trace of the same weights rate-coded, .npz")
    add("--convolutions", type=widths, default="", help="channels of 3x3 convolutions with stride 2, as in 16,32")
    add("--hidden", type=widths, default="800", help="widths of hidden linear layers, as in 340,340")
    add("--window", type=positive, default=32, help="ticks in which the neurons of a layer may fire")
    add(
        "--start",
        type=positive,
        default=none,
        help="tick of a layer's window in which the next begins (default: its end)",
    )
    add("--bits", type=int, choices=range(2, 9), default=8, help="of a weight")
    add("--percentile", type=percentage, default=99.9, help="of a layer's sums in the ANN: fires at the first tick")
    add("--ann-epochs", type=positive, default=30, help="of the ANN")
    add("--epochs", type=positive, default=10, help="in the time domain")
    add("--dropout", type=fraction, default=0.3, help="before linear layers but the first, in the ANN")
    add("--shift", type=int, choices=range(5), default=1, help="augmentation: pixels each way")
    add("--flip", action="store_true", help="augmentation: left-right (for clothes, not for digits)")
    add("--held-out", type=positive, default=5000, help="training samples kept for selection")
    add("--recorded", type=positive, default=256, help="test samples whose spike times the trace holds")
    add("--inputs", type=positive, default=1000, help="test samples whose pixels the trace holds")
    add("--seed", type=int, default=1, help="of everything random")
    add("--cache", type=Path, default=Path(".cache"), help="folder of resumable checkpoints")
    add("--threads", type=positive, default=1, help="of torch")
    return p


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail after the training; fill in what depends on other options."""
    options.device = "cpu"
    options.start = getattr(options, "start", options.window)
    if not 2 <= options.window <= MAX_WINDOW:
        raise UsageError(f"--window {options.window}: must be from 2 to {MAX_WINDOW}")
    if options.start > options.window:
        raise UsageError(f"--start {options.start}: must be at most --window, which is {options.window}")
    check_common(options, ".npz")
    if options.rate_out is not None:
        check_output("--rate-out", options.rate_out, ".npz", options.data)


def widths(text: str) -> tuple[int, ...]:
    """Whole numbers of at least 1, separated by commas; nothing for none."""
    return positives(text) if text else ()
