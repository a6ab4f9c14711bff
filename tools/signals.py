"""End commands that write, part-way, by signals at random moments, and look at what is left.

    python tools/signals.py --signals 300 --seed 1 --jobs 2

The commands and signals take turns, and so do moments anywhere in a run, imports included, and those when there first
is a file with a temporary name.  Afterwards the old output must be there byte for byte, or the whole new one, and
nothing else, neither a file nor a process.  Signals that came too late, or before Python itself was there, are sent
again.
Exit status 1 for a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, count, cycle, islice, product, repeat
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OLD = b"what was there before\n"
_PROGRAM = (sys.executable, "-c", "from hwsim.cli import main; main()")
_NOT_YET_STARTED = "Fatal Python error: init_import_site"  # what the interpreter says before any code of a program
_SECONDS_TO_END = 60
_LOOKS_PER_S = 2000
_TRIES_WHILE_WRITING = 3  # some files are whole too soon; then any moment does
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, its output under the name `out` in the current folder."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run ended."""

    part_way: bool
    fault: str = ""


def commands(folder: Path) -> list[Command]:
    """The three that write, one of them with workers too; their traces are made in `folder`."""
    drawn, learned = folder / "drawn.npz", _ROOT / "traces" / "mnist_stdp.npz"
    lines = {
        "simulate --json": f"simulate imc {drawn} --quiet --json out",
        "simulate --jobs 2 --json": f"simulate imc {drawn} --quiet --jobs 2 --json out",
        "simulate --save-trace": f"simulate stdp {learned} --samples 20 --quiet --save-trace out --save-every 2",
        "trace synth": "trace synth vgg9-cifar out --timesteps 4 --samples 40 --rate 0.1 --compress",
    }
    draw = f"trace synth mlp:400-300-10 {drawn} --timesteps 4 --samples 12 --rate 0.2"
    subprocess.run([*_PROGRAM, *draw.split()], check=True, stdout=subprocess.DEVNULL)
    return [Command(name, tuple(line.split())) for name, line in lines.items()]


def outcome(command: Command, folder: Path) -> tuple[bytes, float]:
    """What a run to the end writes, and how many seconds it takes."""
    begin = time.monotonic()
    subprocess.run([*_PROGRAM, *command.arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    whole = (folder / "out").read_bytes()
    (folder / "out").unlink()
    return whole, seconds


def end_one(command: Command, number: signal.Signals, moment_s: float, writing: bool, whole: bytes) -> Ended:
    """Run a command in a folder of its own, send a signal after some time, and look at what is left."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "out").write_bytes(OLD)
        with subprocess.Popen(
            [*_PROGRAM, *command.arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            _wait(process, folder, moment_s, writing)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            try:
                _, errors = process.communicate(timeout=_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return Ended(True, "it goes on")
        said = errors.decode()
        if _NOT_YET_STARTED in said or (process.returncode == 0 and "Exception ignored" not in said):
            return Ended(False)
        return Ended(True, fault_of(process.returncode, number, folder, whole, said, process.pid))


def _wait(process: subprocess.Popen[bytes], folder: Path, moment_s: float, writing: bool) -> None:
    deadline = time.monotonic() + moment_s
    while process.poll() is None and time.monotonic() < deadline:
        if writing and len(os.listdir(folder)) > 1:  # noqa: PTH208
            break
        time.sleep(1 / _LOOKS_PER_S)


def fault_of(status: int, number: signal.Signals, folder: Path, whole: bytes, errors: str, group: int) -> str:
    """What is wrong with what a command left, or nothing."""
    if status not in (128 + number, -number):
        return f"status {status}, said {errors[-2000:]}"
    if status > 0 and (errors.splitlines() or [""])[-1] not in ("hwsim: interrupted", "hwsim: terminated"):
        return f"said {errors!r}"
    if status > 0 and "Traceback" in errors:
        return f"said {errors[-2000:]}"
    if left := sorted(set(os.listdir(folder)) - {"out"}):  # noqa: PTH208
        return f"left {left}"
    found = (folder / "out").read_bytes()
    if found not in (OLD, whole) and not _is_whole_archive(folder / "out"):
        return f"output of {len(found)} bytes, neither the old one nor the new one"
    deadline = time.monotonic() + _SECONDS_TO_END / 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return ""
        time.sleep(1 / _LOOKS_PER_S)
    return "left a process"


def _is_whole_archive(file: Path) -> bool:
    """Whether it is a trace with sound checksums: each `--save-every` replaces the output by one."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def torture(how_many: int, seed: int, jobs: int) -> int:
    """Send signals until so many have ended something part-way; the number of faults."""
    # A shell starts what runs in the background with interrupts ignored, and commands would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in SIGNALS[1:]:
        signal.signal(number, signal.SIG_DFL)
    ended: Counter[tuple[str, str]] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(jobs) as pool:
        wanted = commands(Path(place))
        for command in wanted:
            outcome(command, Path(place))  # kernels are compiled
        known = {command.name: outcome(command, Path(place)) for command in wanted}

        def attempt(turn: int, of: tuple[Command, signal.Signals, bool]) -> tuple[str, str]:
            command, number, writing = of
            chance = random.Random(f"{seed}/{turn}")
            whole, seconds = known[command.name]
            for wait_for_file in chain(repeat(writing, _TRIES_WHILE_WRITING), repeat(False)):
                moment_s = 3 * jobs * seconds if wait_for_file else chance.uniform(0, jobs * seconds)
                how = end_one(command, number, moment_s, wait_for_file, whole)
                if how.part_way:
                    break
            when = "while writing" if wait_for_file else f"after {moment_s:.3f} s"
            return when, how.fault

        each = [*product(wanted, SIGNALS, (False, True))]
        random.Random(seed).shuffle(each)
        turns = [*islice(cycle(each), how_many)]
        for (command, number, _), (when, fault) in zip(turns, pool.map(attempt, count(), turns), strict=True):
            ended[command.name, number.name] += 1
            if fault:
                faults.append(f"{command.name}, {number.name} {when}: {fault}")
    for (name, of), n in sorted(ended.items()):
        print(f"{name}: {n} ended by {of}")
    print(f"{ended.total()} ended part-way, {len(faults)} faults")
    for fault in faults:
        print(f"  {fault}")
    return len(faults)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it with arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=300, help="how many must end something part-way (300)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parser.add_argument("--jobs", type=int, default=2, help="commands at once (2)")
    given = parser.parse_args(arguments)
    return 1 if torture(given.signals, given.seed, given.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
