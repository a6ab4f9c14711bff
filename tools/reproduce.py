"""Set the claims of a source paper beside what hwsim finds for them.

    python tools/reproduce.py dtsnn
    python tools/reproduce.py --all --json found.json
    python tools/reproduce.py dtsnn dietsnn --trace mine.npz    with rows for a direct-coded trace of one's own
    python tools/reproduce.py --all --write                     and in the documents, with docs/data/papers.json
    python tools/reproduce.py dtsnn --write                     the same, with other papers as they were kept

Only traces that ship with the project, synthetic ones and those that are named are played; it takes minutes and trains
nothing.  What takes longer is read from docs/data, and the tables say which tool found it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reproduction.designs import recording
from reproduction.kept import KEPT, Found, kept, to_json
from reproduction.page import documents
from reproduction.rows import Paper, print_paper

import hwsim
from hwsim import files
from hwsim.errors import HwsimError, UsageError
from hwsim.traces.direct.trace import Trace

PAPERS = ("dtsnn", "dietsnn", "ttfs", "slstm", "fspinn")
"""Modules of `reproduction`: a paper each."""
DIRECT = ("dtsnn", "dietsnn")
"""Those whose networks are direct-coded, so that any such trace has a row there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", nargs="*", metavar="PAPER", help=f"known: {', '.join(PAPERS)}")
    parser.add_argument("--all", action="store_true", help="every paper")
    parser.add_argument(
        "--trace", action="append", default=[], type=Path, help=f"direct-coded, for {', '.join(DIRECT)}"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write what was found as JSON")
    parser.add_argument("--write", action="store_true", help="also write the documents")
    options = parser.parse_args(arguments)
    try:
        names = _wanted(options)
        extra = _direct(options.trace)
        found = {name: _found(name, extra) for name in names}
        if options.json:
            files.write_text(options.json, to_json(found))
        if options.write:
            _write(found)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _wanted(options: argparse.Namespace) -> list[str]:
    names: list[str] = list(PAPERS) if options.all else options.papers
    if not names:
        raise UsageError(f"name a paper, or give --all; known: {', '.join(PAPERS)}")
    if unknown := [name for name in names if name not in PAPERS]:
        raise UsageError(f"{unknown[0]}: no paper of that name; known: {', '.join(PAPERS)}")
    if options.write and options.trace:
        raise UsageError("--write: the documents show the traces that ship, so it does not go with --trace")
    if options.trace and not set(names) & set(DIRECT):
        raise UsageError(f"--trace: only {' and '.join(DIRECT)} have rows for it")
    return names


def _write(found: Mapping[str, Found]) -> None:
    """Documents and kept rows, of papers that were not asked for as they were."""
    before = {} if len(found) == len(PAPERS) else kept()
    papers = {name: found[name] if name in found else before[name] for name in PAPERS}
    files.write_all({KEPT: to_json(papers), **documents({name: each.paper for name, each in papers.items()})})


def _direct(paths: Sequence[Path]) -> dict[str, Trace]:
    """Traces that the user names."""
    found: dict[str, Trace] = {}
    for path in paths:
        trace = hwsim.load_trace(path)
        if type(trace) is not Trace or not trace.accuracy_by_timestep():
            raise UsageError(f"--trace {path}: wanted a direct-coded trace of a trained network, with logits")
        found[path.stem] = trace
    return found


def _found(name: str, extra: Mapping[str, Trace]) -> Found:
    """Find and print one paper's tables."""
    module = importlib.import_module(f"reproduction.{name}")
    with recording() as used:
        paper: Paper = module.paper(extra) if name in DIRECT else module.paper()
    print_paper(paper)
    return Found(paper, used.plain())


if __name__ == "__main__":
    sys.exit(main())
