"""Train a direct-coded SNN with learned leaks and thresholds, take it to few-bit integers, and write its trace.

    python tools/train_dietsnn.py --data fashion_mnist.npz --dataset Fashion-MNIST --flip --out fashion.npz
    python tools/train_dietsnn.py ... --start fashion.npz --qat-epochs 3 --out fashion_more.npz
    python tools/train_dietsnn.py ... --hardware imc --start fashion.npz --variation 0.1 --out fashion_imc.npz

The network and its training follow DIET-SNN (arXiv 2008.03658), the loss on every timestep's accumulated logits DT-SNN
(arXiv 2305.17346); docs/training/dietsnn.md says what is done and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.common.command import Run, run_tool
from training.dietsnn.options import check, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user."""
    return run_tool("train_dietsnn.py", arguments, parser(__doc__ or ""), check, _stages)


def _stages(options: argparse.Namespace) -> Run:
    if options.ablation:
        from training.dietsnn.ablation import run
    elif options.hardware:
        from training.dietsnn.hardened import run
    elif options.start:
        from training.dietsnn.further import run
    elif options.learn:
        from training.dietsnn.diet import run
    else:
        from training.dietsnn.stages import run
    return run


if __name__ == "__main__":
    sys.exit(main())
