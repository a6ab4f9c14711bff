"""Train a network whose neurons fire at most once, convert it from an ANN, optimise spike times, and write its trace.

    python tools/train_ttfs.py --data mnist.npz --dataset MNIST --hidden 800 --out mnist_ttfs.npz

Time-to-first-spike coding as in YOSO (arXiv 2006.09982), whose conversion is not known to us: this one is ours, and
docs/training/ttfs.md says what is done and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.common.command import Run, run_tool
from training.ttfs.options import check, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    return run_tool("train_ttfs.py", arguments, parser(__doc__ or ""), check, _stages)


def _stages(_options: argparse.Namespace) -> Run:
    from training.ttfs.stages import run

    return run


if __name__ == "__main__":
    sys.exit(main())
