"""Kill a sweep of 300 points at random moments, again and again, and look at what its journal holds.

    python tools/kills.py --kills 200 --seed 1

Kills take turns: the first process, all processes at once, one worker; over processes and, where dask is installed,
over a cluster of it.  After each the journal must begin with the bytes that it had before, and hold no point twice and
no row that differs from that of a run nobody disturbed; soon after no process may be left.  A sweep goes on until it is
whole, which is every point once, and then another begins.
Exit status 1 for a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hwsim import sweep
from hwsim.sweep.row import HERE_AND_NOW, Row
from hwsim.traces import write_trace
from hwsim.traces.direct.synth import synthesize

WHOM = ("first process", "all processes", "worker")
AXES = ("chip.pes_per_tile=4:18", "neuron.cycles=10:29")
_PROGRAM = (sys.executable, "-c", "from hwsim.cli import main; main()")
_SECONDS_TO_END = 60
_SECONDS_TO_GO = 10
_SECONDS_TO_START = {"processes": 1.0, "dask": 3.0}
_TOLD_EVERY = 20


def executors() -> list[str]:
    """Those that can be tried here."""
    return ["processes", *(["dask"] if importlib.util.find_spec("distributed") else [])]


class Sweep:
    """One sweep that is killed and goes on until it is whole."""

    def __init__(self, folder: Path, trace: Path, executor: str, wanted: Sequence[Row]) -> None:
        self.out, self.executor, self._wanted = folder / f"{executor}.jsonl", executor, wanted
        vary = [word for axis in AXES for word in ("--vary", axis)]
        options = ["--jobs", "2", "--executor", executor, "--out", str(self.out), "--quiet"]
        self._command = [*_PROGRAM, "sweep", "imc", str(trace), *vary, *options]

    def kill(self, whom: str, moment_s: float) -> tuple[bool, str]:
        """Run it, kill some process after some time, and say whether that struck and what was wrong."""
        before = self.out.read_bytes() if self.out.exists() else b""
        before = before[: before.rfind(b"\n") + 1]
        process = subprocess.Popen(
            self._command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + moment_s
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        struck = process.poll() is None and _kill(process.pid, whom)
        try:
            _, said = process.communicate(timeout=_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            _kill(process.pid, "all processes")
            return True, "it goes on for ever"
        killed = struck and whom != "worker" and process.returncode == -signal.SIGKILL
        struck = struck and (killed or whom == "worker")  # or it had just ended by itself
        if process.returncode != 0 and not killed:
            return struck, f"status {process.returncode}, said {said.decode()[-1000:]}"
        return struck, _left(process.pid) or self.fault(before, whole=process.returncode == 0)

    def fault(self, before: bytes, whole: bool) -> str:
        """What is wrong with the journal, or nothing."""
        content = self.out.read_bytes() if self.out.exists() else b""
        if not content.startswith(before):
            return "what was there has changed"
        lines = content[: content.rfind(b"\n") + 1].splitlines()[1:]
        points = Counter(json.loads(line)["point"] for line in lines)
        if twice := [point for point, n in points.items() if n > 1]:
            return f"points {twice[:5]} are there twice"
        for row in sweep.load(self.out) if lines else []:
            if of_the_point(row) != self._wanted[row["point"]]:
                return f"the row of point {row['point']} is another"
        if whole and len(points) != len(self._wanted):
            return f"{len(points)} of {len(self._wanted)} points"
        return ""

    @property
    def missing(self) -> float:
        """Share of the points that are not there."""
        there = max(0, self.out.read_bytes().count(b"\n") - 1) if self.out.exists() else 0
        return 1 - there / len(self._wanted)


def of_the_point(row: Row) -> dict[str, Any]:
    """A row without what is of the run."""
    return {name: value for name, value in row.items() if name not in HERE_AND_NOW}


def members(session: int) -> list[int]:
    """Living processes of a session, the first one first."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return sorted(found)


def _kill(first: int, whom: str) -> bool:
    """Kill one process of a session or all; whether there was one."""
    living = members(first)
    others = [pid for pid in living if pid != first and b"resource_tracker" not in _arguments(pid)]
    chosen = living if whom == "all processes" else [first] if whom == "first process" else others[:1]
    for pid in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(chosen)


def _arguments(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    return b""


def _left(session: int) -> str:
    deadline = time.monotonic() + _SECONDS_TO_GO
    while left := members(session):
        if time.monotonic() > deadline:
            _kill(session, "all processes")
            return f"left {len(left)} processes"
        time.sleep(0.02)
    return ""


def torture(how_many: int, seed: int, over: Sequence[str]) -> int:
    """Kill until so many kills have struck; the number of faults."""
    chance, struck, faults, finished = random.Random(seed), Counter[tuple[str, str]](), list[str](), 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        trace = folder / "drawn.npz"
        write_trace(trace, synthesize("mlp:60-40-10", 4, 8, 0.2, 1))
        space = sweep.space_of(["imc"], [trace], AXES)
        begin = time.monotonic()
        wanted = [of_the_point(row) for row in sweep.sweep(space, folder / "alone.jsonl", sweep.Where(jobs=1))]
        seconds = time.monotonic() - begin
        sweeps = {executor: Sweep(folder, trace, executor, wanted) for executor in over}
        for executor, whom in _turns(over):
            if struck.total() >= how_many:
                break
            tried = sweeps[executor]
            if not tried.missing:
                finished += 1
                tried.out.unlink()
            moment_s = chance.uniform(0, _SECONDS_TO_START[executor] + tried.missing * seconds)
            hit, fault = tried.kill(whom, moment_s)
            struck[executor, whom] += hit
            if hit and struck.total() % _TOLD_EVERY == 0:
                print(f"{struck.total()} kills, {len(faults)} faults", flush=True)
            if fault:
                faults.append(f"{executor}, {whom} after {moment_s:.3f} s: {fault}")
                print(faults[-1], flush=True)
        for executor, tried in sweeps.items():
            done = subprocess.run(tried._command, check=False, capture_output=True)
            if fault := tried.fault(b"", whole=True) or (done.stderr.decode()[-500:] if done.returncode else ""):
                faults.append(f"{executor}, at the end: {fault}")
            finished += 1
    for (executor, whom), n in sorted(struck.items()):
        print(f"{executor}: {n} kills of {whom}")
    print(f"{struck.total()} kills, {finished} sweeps of {len(wanted)} points made whole, {len(faults)} faults")
    for each in faults:
        print(f"  {each}")
    return len(faults)


def _turns(over: Sequence[str]) -> Iterator[tuple[str, str]]:
    while True:
        yield from product(over, WHOM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it with arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many must strike (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parser.add_argument("--over", nargs="+", choices=("processes", "dask"), default=None, help="where points run (all)")
    given = parser.parse_args(arguments)
    return 1 if torture(given.kills, given.seed, given.over or executors()) else 0


if __name__ == "__main__":
    sys.exit(main())
