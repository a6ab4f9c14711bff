"""One case after another: how each ends, within its time and memory, and the inputs of those that ended wrongly."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzzing.targets import SOUND, Target
from hwsim.errors import HwsimError
from hwsim.memory import bounded

SECONDS = 5
STUCK_SECONDS = 60  # on the clock: a case that waits takes no time of its own
BYTES = 1 << 30
KEPT = 3  # inputs of one kind of finding
_AS_THEY_MUST = ("sound", "refused")


class TooLong(BaseException):
    """A case does not end."""


class Always(Random):
    """Draws whatever makes a target do all that it can."""

    def random(self) -> float:
        """The lowest chance."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One that ended wrongly."""

    name: str
    content: bytes
    account: str


@dataclass
class Findings:
    """How many cases ended how, and some of those that ended wrongly."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[Case]] = field(default_factory=dict)  # by what went wrong, where

    def take(self, ending: str, case: Case) -> bool:
        """Count a case; whether it is one to keep."""
        self.endings[ending if ending in _AS_THEY_MUST else "wrong"] += 1
        return ending not in _AS_THEY_MUST and self._keep(ending, case)

    def _keep(self, what: str, case: Case) -> bool:
        kept = self.wrong.setdefault(what, [])
        if len(kept) < KEPT:
            kept.append(case)
            return True
        return False

    def add(self, other: Findings) -> None:
        """Take in those of another process."""
        self.endings += other.endings
        for what, cases in other.wrong.items():
            for case in cases:
                self._keep(what, case)

    def report(self, title: str, folder: Path) -> None:
        """Print how the cases ended, and keep those that ended wrongly in a folder."""
        print(f"{title}: " + ", ".join(f"{self.endings[how]} {how}" for how in (*_AS_THEY_MUST, "wrong")), flush=True)
        for what, cases in sorted(self.wrong.items()):
            for case in cases:
                keep(case, folder)
            print(f"  {what}: {', '.join(case.name for case in cases)} in {folder}", flush=True)


def keep(case: Case, folder: Path) -> None:
    """Write a case and the account of it to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / case.name).write_bytes(case.content)
    (folder / f"{case.name}.account").write_text(case.account, encoding="utf-8", errors="backslashreplace")


def play_all(target: Target, drawn: Iterable[tuple[str, bytes, Random]]) -> Findings:
    """Cases by name, one after another, in this process."""
    warm_up(target)
    found = Findings()
    with scratch() as folder, limits():
        for name, content, rng in drawn:
            ending, account = play(target, Path(folder), content, rng)
            found.take(ending, Case(name, content, account))
    return found


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for cases, in memory where there is one: a busy disk takes longer than most of them."""
    in_memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=in_memory if os.access(in_memory, os.W_OK) else None)


def warm_up(target: Target) -> None:
    """Have kernels compiled: they are on their first call, which is no fault of a case."""
    if target.suffix == ".npz":
        for path in sorted(SOUND.glob("*.npz")):
            target.run(path, Always())


def play(target: Target, folder: Path, content: bytes, rng: Random) -> tuple[str, str]:
    """How one case ends, and the account of it; its content is written to a file in `folder`."""
    path = folder / f"case{target.suffix}"
    path.write_bytes(content)
    started = time.process_time()
    try:
        with _alarm():
            target.run(path, rng)
        ending = "sound"
    except HwsimError as error:
        ending = "refused" if str(error).isprintable() else f"an error of several lines: {_place(error)}"
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
def limits() -> Iterator[None]:
    """No more memory than what is taken now and `BYTES` beyond it."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES + (256 << 20), before[1]))
    try:
        with warnings.catch_warnings(action="ignore"), bounded(BYTES):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
