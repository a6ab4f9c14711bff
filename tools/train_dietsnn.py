"""Train a direct-coded SNN with learned leaks and thresholds, take it to few-bit integers, and write its trace.

    python tools/train_dietsnn.py --data fashion_mnist.npz --dataset Fashion-MNIST --flip --out fashion.npz

The network and its training follow DIET-SNN (arXiv 2008.03658), the loss on every timestep's accumulated logits DT-SNN
(arXiv 2305.17346); docs/training.md says what is done and why.  It knows no hardware.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.options import check, parser

from hwsim.errors import HwsimError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(__doc__ or "").parse_args(given)
        check(options)
        train_and_export(options, shown_command(given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_and_export(options: argparse.Namespace, command: str) -> None:
    """Run the stages; torch is imported only here, so that `--help` and mistakes answer at once."""
    try:
        from training.stages import run
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("torch is not installed; try: pip install 'hwsim[torch]'") from None
    run(options, command)


def shown_command(given: Sequence[str]) -> str:
    """The command as it was run, with absolute paths cut to their last name: a folder of this machine helps nobody."""
    words = []
    for word in given:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        words.append(f"{option}{equals}{Path(value).name if Path(value).is_absolute() else value}")
    return shlex.join(["python", "tools/train_dietsnn.py", *words])


if __name__ == "__main__":
    sys.exit(main())
