"""Train a small convolutional SNN on images that move before a simulated event sensor, and write its trace.

    python tools/train_events.py --data mnist.npz --dataset MNIST --out traces/events_digits.npz

docs/training/events.md says what the sensor does, how the network is trained and what it reaches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.common.command import Run, run_tool
from training.events.options import check, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    return run_tool("train_events.py", arguments, parser(__doc__ or ""), check, _stages)


def _stages(_options: argparse.Namespace) -> Run:
    from training.events.stages import run

    return run


if __name__ == "__main__":
    sys.exit(main())
