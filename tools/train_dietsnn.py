"""Train a direct-coded SNN with learned leaks and thresholds, take it to few-bit integers, and write its trace.

    python tools/train_dietsnn.py --data fashion_mnist.npz --dataset Fashion-MNIST --flip --out fashion.npz

The network and its training follow DIET-SNN (arXiv 2008.03658), the loss on every timestep's accumulated logits DT-SNN
(arXiv 2305.17346); docs/training.md says what is done and why.  It knows no hardware.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.options import check, parser, shown_command

from hwsim.errors import HwsimError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(__doc__ or "").parse_args(given)
        check(options)
        train_and_export(options, shown_command("train_dietsnn.py", given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_and_export(options: argparse.Namespace, command: str) -> None:
    """Run the stages; torch is imported only here, so that `--help` and mistakes answer at once."""
    try:
        if options.ablation:
            from training.ablation import run
        elif options.learn:
            from training.diet import run
        else:
            from training.stages import run
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("torch is not installed; try: pip install 'hwsim[torch]'") from None
    run(options, command)


if __name__ == "__main__":
    sys.exit(main())
