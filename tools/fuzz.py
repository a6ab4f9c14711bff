"""Give the readers inputs that nobody would write, and keep those that they do not answer in one line.

    python tools/fuzz.py TARGET [--cases N] [--seed S] [--jobs J] [--out FOLDER]

A case is wrong if it ends in anything but success or an error of hwsim on one printable line, takes over five seconds,
or over 1 GiB.  The cases of a seed are always the same; each has a generator of its own, so that --first and --cases
repeat any of them.  Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzzing.targets import Target, targets

from hwsim.errors import HwsimError
from hwsim.memory import bounded

NAMES = ("zip", "npy", "manifest", "yaml-bytes", "yaml-values", "set")
SECONDS = 5
STUCK_SECONDS = 60  # on the clock: a case that waits takes no time of its own
BYTES = 1 << 30
KEPT = 3  # inputs of one kind of finding
SOUND = Path(__file__).resolve().parents[1] / "tests" / "cases" / "sound"


class TooLong(BaseException):
    """A case does not end."""


class _Always(Random):
    """Draws whatever makes a target do all that it can."""

    def random(self) -> float:
        """The lowest chance."""
        return 0.0


@dataclass
class Findings:
    """How many cases ended how, and the inputs of those that ended wrongly."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[tuple[int, bytes, str]]] = field(default_factory=dict)  # by what went wrong, where

    def add(self, other: Findings) -> None:
        """Take in those of another process."""
        self.endings += other.endings
        for what, cases in other.wrong.items():
            self.wrong.setdefault(what, []).extend(cases)


def run(name: str, cases: range, seed: int, sound: Path = SOUND) -> Findings:
    """Some cases of a target, one after another, in this process."""
    target = targets(sound)[name]
    if target.suffix == ".npz":
        # Kernels are compiled on their first call, which is no fault of a case.
        for path in sorted(sound.glob("*.npz")):
            target.run(path, _Always())
    found = Findings()
    with tempfile.TemporaryDirectory() as folder, _limits(), bounded(BYTES):
        path = Path(folder) / f"case{target.suffix}"
        for case in cases:
            rng = Random(f"{name}/{seed}/{case}")
            content = target.draw(rng)
            path.write_bytes(content)
            ending, account = _play(target, path, rng)
            found.endings[ending if ending in ("sound", "refused") else "wrong"] += 1
            if ending not in ("sound", "refused"):
                kept = found.wrong.setdefault(ending, [])
                if len(kept) < KEPT:
                    kept.append((case, content, account))
    return found


def _play(target: Target, path: Path, rng: Random) -> tuple[str, str]:
    """How one case ends, and the account of it."""
    started = time.process_time()
    try:
        with _alarm():
            target.run(path, rng)
        ending = "sound"
    except HwsimError as error:
        message = str(error)
        ending = "refused" if message.isprintable() else f"an error of several lines: {_place(error)}"
    except TooLong as error:
        return f"over {SECONDS} s: {_place(error)}", traceback.format_exc()
    except Exception as error:
        return f"{type(error).__name__}: {_place(error)}", traceback.format_exc()
    if time.process_time() - started > SECONDS:
        return f"over {SECONDS} s", f"{time.process_time() - started:.1f} s"
    return ending, ""


def _place(error: BaseException) -> str:
    """Where in hwsim an error was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "hwsim" in Path(frame.filename).parts]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside hwsim"


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise TooLong

    before = {number: signal.signal(number, end) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, STUCK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """No more memory than what is taken now and `BYTES` beyond it."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES + (256 << 20), before[1]))
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _share(name: str, cases: range, seed: int) -> Findings:
    os.nice(10)
    return run(name, cases, seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a target and say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"), help="folder for inputs that ended wrongly")
    options = parser.parse_args(arguments)
    wrong = 0
    for name in NAMES if options.target == "all" else [options.target]:
        started = time.monotonic()
        cases = range(options.first, options.first + options.cases)
        shares = [(name, cases[job :: options.jobs], options.seed) for job in range(options.jobs)]
        found = Findings()
        if options.jobs == 1:
            found.add(run(*shares[0]))
        else:
            with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
                for part in pool.starmap(_share, shares):
                    found.add(part)
        _report(name, options, found, time.monotonic() - started)
        wrong += found.endings["wrong"]
    return 1 if wrong else 0


def _report(name: str, options: argparse.Namespace, found: Findings, seconds: float) -> None:
    ended = ", ".join(f"{found.endings[how]} {how}" for how in ("sound", "refused", "wrong"))
    cases = f"cases {options.first} to {options.first + options.cases - 1} of seed {options.seed}"
    print(f"{name}: {cases}: {ended}; {seconds:.0f} s", flush=True)
    for what, kept in sorted(found.wrong.items()):
        options.out.mkdir(parents=True, exist_ok=True)
        for case, content, account in kept[:KEPT]:
            path = options.out / f"{name}-{options.seed}-{case}"
            path.write_bytes(content)
            path.with_suffix(".account").write_text(account, encoding="utf-8", errors="backslashreplace")
        numbers = ", ".join(str(case) for case, _, _ in kept[:KEPT])
        print(f"  {what}: cases {numbers}, kept in {options.out}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
