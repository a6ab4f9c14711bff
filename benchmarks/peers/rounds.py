"""Both sides in turn, A B A B, each time in a fresh process, and whether they did the same work."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from peers.answers import Answer, read_answer

from hwsim.errors import UsageError
from hwsim.printable import one_line

LIMIT_S = 600
Work = Mapping[str, int]


@dataclass(frozen=True)
class Side:
    """One of those that are compared, as the two commands that run it.

    `in_process` tells an answer; `whole` is what a user would type for one inference, None where another side has it,
    and `work_of` finds in what it prints what it did.
    """

    label: str
    in_process: Sequence[str | Path]
    whole: Sequence[str | Path] | None
    work_of: Callable[[str], Work]
    batch: int = 1


@dataclass
class Measured:
    """What was measured of a side, a round each: seconds of an inference in process, and of whole commands."""

    side: Side
    answer: Answer | None = None
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    setup_cpu_s: list[float] = field(default_factory=list)
    whole_cpu_s: list[float] = field(default_factory=list)
    whole_wall_s: list[float] = field(default_factory=list)


def play(sides: Sequence[Side], agree: Sequence[str], rounds: int, calls: int) -> list[Measured]:
    """Run all sides `rounds` times, after whole commands that are not timed; the first side is the peer.

    `agree` are the counts in which those that play one inference a call must be equal.  Raises UsageError in one line
    where they are not, and where a process fails or prints nonsense.
    """
    measured = [Measured(side) for side in sides]
    with_commands = [each for each in measured if each.side.whole is not None]
    for each in with_commands:
        _run(each.side.label, each.side.whole)
    for _ in range(rounds):
        for each in measured:
            _play_in_process(each, calls)
        _check(measured, agree)
        for each in with_commands:
            text, wall, cpu = _run(each.side.label, each.side.whole)
            each.whole_wall_s.append(wall)
            each.whole_cpu_s.append(cpu)
            _check_whole(each, each.side.work_of(text), measured[0], agree)
    return measured


def _play_in_process(each: Measured, calls: int) -> None:
    text, _, _ = _run(each.side.label, each.side.in_process)
    answer = read_answer(text, each.side.label, calls)
    each.answer = answer
    each.cpu_s.append(median(answer.cpu_s[1:]) / each.side.batch)
    each.wall_s.append(median(answer.wall_s[1:]) / each.side.batch)
    each.setup_cpu_s.append(answer.setup_cpu_s)


def _check(measured: Sequence[Measured], agree: Sequence[str]) -> None:
    peer, *others = [each for each in measured if each.side.batch == 1]
    for name in agree:
        wanted = peer.answer.work.get(name)
        for other in others:
            found = other.answer.work.get(name)
            if wanted is None or wanted != found:
                raise UsageError(
                    f"{other.side.label}: {name}: wanted what {peer.side.label} did, {wanted}, found {found}"
                )


def _check_whole(each: Measured, work: Work, peer: Measured, agree: Sequence[str]) -> None:
    for name in agree:
        wanted = peer.answer.work[name][0]
        if work.get(name) != wanted:
            raise UsageError(f"{each.side.label}: {name} of the whole command: wanted {wanted}, found {work.get(name)}")


def _run(label: str, command: Sequence[str | Path]) -> tuple[str, float, float]:
    """What a process prints, its wall and its CPU seconds."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, env=environment
        )
        watch = threading.Timer(LIMIT_S, process.kill)
        watch.start()
        try:
            text = process.stdout.read().decode(errors="replace")
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            watch.cancel()
            process.stdout.close()
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            last = (errors.read().decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]
            raise UsageError(f"{label}: ended with status {process.returncode}: {one_line(last)[:200]}")
    return text, wall, used.ru_utime + used.ru_stime
