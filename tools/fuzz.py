"""Give the readers inputs that nobody would write, and keep those that they do not answer in one line.

    python tools/fuzz.py TARGET [--cases N] [--seed S] [--jobs J] [--out FOLDER] [--guided [--corpus FOLDER]]
    python tools/fuzz.py TARGET --replay FILE ...

A case is wrong if it ends in anything but success or an error of hwsim on one printable line, takes over five seconds,
or over 1 GiB.  The cases of a seed are always the same; each has a generator of its own, so that --first and --cases
repeat any of them.  With --guided, libFuzzer (atheris) changes by the same grammar what has led to new code, and keeps
it in the corpus; --replay repeats what it found.  Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from random import Random

from fuzzing.cases import Always, Findings, play_all
from fuzzing.targets import SOUND, targets

NAMES = ("zip", "npy", "manifest", "yaml-bytes", "yaml-values", "set")
GUIDED = Path(__file__).parent / "fuzzing" / "guided.py"
HOW_TO_INSTALL = "--guided needs atheris: pip install 'hwsim[fuzz]' (Linux on x86-64, CPython 3.11 to 3.14)"


def run(name: str, cases: range, seed: int) -> Findings:
    """Some cases of a target, by their numbers."""
    target = targets(SOUND)[name]

    def drawn() -> Iterator[tuple[str, bytes, Random]]:
        for case in cases:
            rng = Random(f"{name}/{seed}/{case}")
            yield f"{name}-{seed}-{case}", target.draw(rng), rng

    return play_all(target, drawn())


def run_in_processes(name: str, cases: range, seed: int, jobs: int) -> Findings:
    """The same cases, shared out."""
    if jobs == 1:
        return run(name, cases, seed)
    found = Findings()
    with multiprocessing.get_context("spawn").Pool(jobs, os.nice, (10,)) as pool:
        for part in pool.starmap(run, [(name, cases[job::jobs], seed) for job in range(jobs)]):
            found.add(part)
    return found


def guide(name: str, options: argparse.Namespace) -> bool:
    """Have libFuzzer look for cases of a target, in a process that imports hwsim anew; whether all went well."""
    corpus = options.corpus / name
    corpus.mkdir(parents=True, exist_ok=True)
    given = (name, options.cases, options.seed, corpus, options.out.resolve())
    log = corpus.with_suffix(".log")
    with log.open("wb") as said:
        status = subprocess.run([sys.executable, GUIDED, *map(str, given)], stderr=said, check=False).returncode
    if status:
        print(f"{name}, guided: ended with status {status}, see {log}", flush=True)
    return status == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run targets and say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"), help="folder for inputs that ended wrongly")
    parser.add_argument("--guided", action="store_true", help="look for cases by the code that they reach")
    parser.add_argument("--corpus", type=Path, default=Path(".cache/fuzz-corpus"), help="what --guided starts from")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="play these inputs, and draw none")
    options = parser.parse_args(arguments)
    names = NAMES if options.target == "all" else (options.target,)
    if options.guided:
        if importlib.util.find_spec("atheris") is None:
            print(f"fuzz.py: {HOW_TO_INSTALL}", file=sys.stderr)
            return 2
        with ThreadPoolExecutor(options.jobs) as pool:
            return 0 if all(list(pool.map(guide, names, repeat(options)))) else 1
    wrong = 0
    for name in names:
        started = time.monotonic()
        if options.replay:
            title = f"{name}: {len(options.replay)} files"
            inputs = ((file.name, file.read_bytes(), Always()) for file in options.replay)
            found = play_all(targets(SOUND)[name], inputs)
        else:
            last = options.first + options.cases
            title = f"{name}: cases {options.first} to {last - 1} of seed {options.seed}"
            found = run_in_processes(name, range(options.first, last), options.seed, options.jobs)
        found.report(f"{title}, {time.monotonic() - started:.0f} s", options.out)
        wrong += found.endings["wrong"]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
