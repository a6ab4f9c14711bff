"""The data set as training uses it: to learn from, to choose on, to report on."""

from __future__ import annotations

import argparse
from typing import NamedTuple

import torch

from hwsim.errors import UsageError
from training.common.data import Images, hold_out, load_images


class Splits(NamedTuple):
    """The data set as training uses it: to learn from, to choose on, to report on."""

    training: Images
    held: Images
    test: Images


def prepare(options: argparse.Namespace) -> Splits:
    """The splits, and torch as the options want it."""
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no such device; use --device cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    train, test = load_images(options.data)
    return Splits(*hold_out(train, options.held_out, options.seed), test)
