"""Run another simulator and hwsim in turn on the same work and print how long each takes.

    python benchmarks/compare_peers.py sanafe --rounds 5

Each peer gets an environment of its own under .cache/peers, made from pinned versions at the first run. Programs of
both sides (`benchmarks/peers/programs`) run in fresh processes, A B A B, and must count the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from peers.comparisons import COMPARISONS, sides
from peers.environments import interpreter
from peers.rounds import play
from peers.table import lines

from hwsim import files
from hwsim.errors import HwsimError, UsageError

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "peers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0, or 2 with one line on stderr where a peer cannot be run or did other work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=COMPARISONS)
    parser.add_argument("--rounds", type=int, default=5, help="times that each side is started [default: 5]")
    parser.add_argument("--calls", type=int, default=5, help="timed calls in each process [default: 5]")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write what was measured as JSON")
    options = parser.parse_args(arguments)
    comparison = COMPARISONS[options.peer]
    try:
        if options.rounds < 1 or options.calls < 1:
            raise UsageError("--rounds, --calls: wanted 1 or more")
        python = interpreter(comparison.name, CACHE)
        with tempfile.TemporaryDirectory() as scratch:
            comparison.write(Path(scratch), options.calls)
            both = sides(comparison, python, Path(scratch), options.calls)
            measured = play(both, comparison.agree, options.rounds, options.calls)
        print("\n".join(lines(comparison, measured)))
        if options.json:
            plain = {each.side.label: {**asdict(each), "side": None, "answer": None} for each in measured}
            files.write_text(options.json, json.dumps(plain, indent=1) + "\n")
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
