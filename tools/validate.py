"""Set chips that were built beside what hwsim predicts for them; nothing is fitted.

    python tools/validate.py                      every chip, on the terminal
    python tools/validate.py odin --json rows.json
    python tools/validate.py --write              and in the documents, with docs/data/chips.json

Files of the chips are in arch/published.  Only small networks made in memory are played, and nothing is trained.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from validation.figures import Chip
from validation.kept import KEPT, Found, digest_of, to_json
from validation.page import documents
from validation.terminal import print_chip

from hwsim import files
from hwsim.errors import HwsimError, UsageError

CHIPS = ("eyeriss", "chipmunk", "odin", "reckon", "jia", "sinangil", "wang", "neurram")
"""Modules of `validation.chips`: all that were attempted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chips", nargs="*", metavar="CHIP", help=f"all unless named: {', '.join(CHIPS)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write rows, as hwsim plot takes them")
    parser.add_argument("--write", action="store_true", help="also write the documents; of all chips only")
    options = parser.parse_args(arguments)
    try:
        if unknown := [name for name in options.chips if name not in CHIPS]:
            raise UsageError(f"{unknown[0]}: no chip of that name; known: {', '.join(CHIPS)}")
        if options.write and options.chips:
            raise UsageError("--write: the documents show all chips, so none may be named")
        found = [compared(name) for name in options.chips or CHIPS]
        for each in found:
            print_chip(each.chip)
        if options.json:
            files.write_text(options.json, json.dumps(rows(found), indent=1) + "\n")
        if options.write:
            files.write_all({KEPT: to_json(found), **documents({each.chip.name: each.chip for each in found})})
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def compared(name: str) -> Found:
    """One chip, beside its predictions of today."""
    chip: Chip = importlib.import_module(f"validation.chips.{name}").chip()
    return Found(chip, digest_of(chip.file))


def rows(found: Sequence[Found]) -> list[dict[str, str | float]]:
    """Figures in which nothing is fitted, as `hwsim plot --figure validation` takes them."""
    return [
        {
            "chip": each.chip.name,
            "figure": figure.figure,
            "unit": figure.unit,
            "published": figure.published,
            "predicted": figure.predicted,
            "low": figure.low,
            "high": figure.high,
        }
        for each in found
        for figure in each.chip.figures
        if not figure.fitted_on
    ]


if __name__ == "__main__":
    sys.exit(main())
