"""Train an LSTM, convert chosen gates to spiking neurons, train on with spikes, and write its trace.

    python tools/train_slstm.py --data har.npz --dataset HAR --licence "CC BY 4.0" --timesteps 2 --out har_lstm.npz

After Datta et al. (arXiv 2210.12613), of whom only the abstract is known to us: docs/training/slstm.md says what is
done and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.common.command import Run, run_tool
from training.slstm.options import check, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    return run_tool("train_slstm.py", arguments, parser(__doc__ or ""), check, _stages)


def _stages(_options: argparse.Namespace) -> Run:
    from training.slstm.stages import run

    return run


if __name__ == "__main__":
    sys.exit(main())
