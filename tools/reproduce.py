"""Set the claims of a source paper beside what hwsim finds for them.

    python tools/reproduce.py dtsnn
    python tools/reproduce.py --all --json found.json

Only traces that ship with the project and synthetic ones are played; it takes minutes at most and trains nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from reproduction.rows import Section, print_sections

from hwsim import files
from hwsim.errors import HwsimError, UsageError

PAPERS = {
    "dtsnn": "DT-SNN, arXiv 2305.17346: early exit on in-memory-computing hardware",
    "dietsnn": "DIET-SNN, arXiv 2008.03658: direct coding, learned leak and threshold, compute energy",
    "ttfs": "YOSO, arXiv 2006.09982: neurons that fire once on a low-power systolic array",
    "slstm": "Datta et al., arXiv 2210.12613: spiking LSTMs, pipelined timesteps, energy beside an ordinary LSTM",
    "fspinn": "FSpiNN, arXiv 2007.08860: learning in fixed point, memory, energy of training and of inference",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = "; ".join(f"{name}: {title}" for name, title in PAPERS.items())
    parser.add_argument("papers", nargs="*", metavar="PAPER", choices=[*PAPERS, []], help=known)
    parser.add_argument("--all", action="store_true", help="every paper")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write what was found as JSON")
    options = parser.parse_args(arguments)
    try:
        names = list(PAPERS) if options.all else options.papers
        if not names:
            raise UsageError(f"name a paper, or give --all; known: {', '.join(PAPERS)}")
        found = {name: _sections(name) for name in names}
        if options.json:
            plain = {name: [asdict(section) for section in sections] for name, sections in found.items()}
            files.write_text(options.json, json.dumps(plain, indent=1) + "\n")
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _sections(name: str) -> list[Section]:
    """Find and print one paper's tables."""
    sections: list[Section] = importlib.import_module(f"reproduction.{name}").sections()
    print_sections(PAPERS[name], sections)
    return sections


if __name__ == "__main__":
    sys.exit(main())
