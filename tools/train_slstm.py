"""Train an LSTM, convert chosen gates to spiking neurons, train on with spikes, and write its trace.

    python tools/train_slstm.py --data har.npz --dataset HAR --licence "CC BY 4.0" --timesteps 2 --out har_lstm.npz

After Datta et al. (arXiv 2210.12613), of whom only the abstract is known to us: docs/training-slstm.md says what is
done and why.  It knows no hardware.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.options import shown_command
from training_slstm.options import check, parser

from hwsim.errors import HwsimError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(__doc__ or "").parse_args(given)
        check(options)
        train_and_export(options, shown_command("train_slstm.py", given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_and_export(options: argparse.Namespace, command: str) -> None:
    """Run the stages; torch is imported only here, so that `--help` and mistakes answer at once."""
    try:
        from training_slstm.stages import run
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("torch is not installed; try: pip install 'hwsim[torch]'") from None
    run(options, command)


if __name__ == "__main__":
    sys.exit(main())
