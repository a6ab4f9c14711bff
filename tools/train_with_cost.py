"""Fine-tune a direct-coded SNN with a term for what its spikes cost on a machine, beside two proxies for that.

    python tools/train_with_cost.py --data fashion_mnist.npz --out costs.jsonl
    python tools/train_with_cost.py --data fashion_mnist.npz --out costs.jsonl --bits digital
    python tools/train_with_cost.py --table costs.jsonl

Every setting starts from the network of a trace of tools/train_dietsnn.py; docs/guides/cost-in-training.md says what
was found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.common.command import Run, run_tool
from training.cost.options import check, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or print tables; 0, or 2 with one line on stderr for a mistake of the user."""
    return run_tool("train_with_cost.py", arguments, parser(__doc__ or ""), check, _stages)


def _stages(options: argparse.Namespace) -> Run:
    if options.table is not None:
        from training.cost.table import run
    else:
        from training.cost.grid import run
    return run


if __name__ == "__main__":
    sys.exit(main())
