"""Train a network whose neurons fire at most once, convert it from an ANN, optimise spike times, and write its trace.

    python tools/train_ttfs.py --data mnist.npz --dataset MNIST --hidden 800 --out mnist_ttfs.npz

Time-to-first-spike coding as in YOSO (arXiv 2006.09982), whose conversion is not known to us: this one is ours, and
docs/training-ttfs.md says what is done and why.  It knows no hardware.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.options import shown_command
from training_ttfs.options import check, parser

from hwsim.errors import HwsimError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(__doc__ or "").parse_args(given)
        check(options)
        train_and_export(options, shown_command("train_ttfs.py", given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_and_export(options: argparse.Namespace, command: str) -> None:
    """Run the stages; torch is imported only here, so that `--help` and mistakes answer at once."""
    try:
        from training_ttfs.stages import run
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("torch is not installed; try: pip install 'hwsim[torch]'") from None
    run(options, command)


if __name__ == "__main__":
    sys.exit(main())
