"""Kernels that will be wanted, compiled by a second process while the first compiles those that are wanted before.

Only a command offers them: a program that uses the library may have threads, which no fork survives.  The second
process begins with the first kernel on the list; the first takes from the end of it what it would otherwise wait for.
The second ends with its list or with the first, however that ends.  Without one, or if it fails, all is as it was.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import mmap
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

Job = tuple[Any, tuple[Any, ...]]
"""A kernel and arguments of the kinds that it will be called with."""
_ROOM = 1 << 20
"""Bytes for what comes of one job: a dozen times those of the largest kernel, and only what is written takes memory."""
_FREE, _OURS, _THEIRS, _DONE = range(4)
_SECONDS_TO_WAIT = 20.0
"""For a kernel that the second process has begun: several times what the largest takes on a slow machine."""
_SECONDS_BETWEEN_LOOKS = 0.002
_PR_SET_PDEATHSIG = 1

_offered: Callable[[], Sequence[Job]] | None = None
_second: _Second | None = None


def offer(jobs: Callable[[], Sequence[Job]] | None) -> None:
    """Let a second process compile these as soon as a kernel has to be compiled, if the machine is such."""
    global _offered  # noqa: PLW0603
    _offered = jobs


def begin() -> None:
    """Start the second process, once."""
    global _offered, _second  # noqa: PLW0603
    offered, _offered = _offered, None
    if offered is None or not _can_share():
        return
    jobs = [(kernel, arguments) for kernel, arguments in offered() if kernel.is_missing(arguments)]
    if jobs:
        with contextlib.suppress(OSError):
            _second = _Second(jobs)


def take(kernel: Any, kinds: Any) -> Any:
    """What the second process made of a kernel for arguments of some kinds; None if it has not, and will not."""
    return _second.take(kernel, kinds) if _second is not None and _second.parent == os.getpid() else None


def _can_share() -> bool:
    """Whether there are two processors, and no thread beside this one that may hold a lock: a timer holds none."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    alone = threading.current_thread() not in others and all(isinstance(each, threading.Timer) for each in others)
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1 and alone


class _Second:
    """The second process, and what it and the first tell each other: of each job who has it, and what came of it."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        from hwsim.kernels import compiler

        compiler.prepare()  # for both at once
        self._jobs, self._made = jobs, dict[int, Any]()
        self._kinds = [kernel.kinds_of(arguments) for kernel, arguments in jobs]
        self._memory = mmap.mmap(-1, len(jobs) * _ROOM)
        self.parent = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of NumPy's, which look after themselves
            self._pid: int | None = os.fork()
        if self._pid == 0:
            self._work()
        atexit.register(self._end)

    def take(self, kernel: Any, kinds: Any) -> Any:
        """What came of a job, waited for if it was begun."""
        for i, (each, _) in enumerate(self._jobs):
            if each is kernel and self._kinds[i] == kinds:
                return self._take(i)
        return None

    def _take(self, i: int) -> Any:
        since = time.monotonic()
        while self._memory[i * _ROOM] == _THEIRS:
            ended = self._has_ended()  # asked first: what it did before is then seen
            free = [j for j in range(i + 1, len(self._jobs)) if self._memory[j * _ROOM] == _FREE]
            if self._memory[i * _ROOM] != _THEIRS:
                break
            if ended or time.monotonic() - since > _SECONDS_TO_WAIT:
                self._end()
                return None
            if free:
                self._make(free[-1])
                since = time.monotonic()
            else:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        if self._memory[i * _ROOM] == _FREE:
            self._memory[i * _ROOM] = _OURS
        if self._memory[i * _ROOM] == _DONE:
            return pickle.loads(self._memory[i * _ROOM + 1 : (i + 1) * _ROOM])
        return self._made.pop(i, None)

    def _make(self, i: int) -> None:
        self._memory[i * _ROOM] = _OURS
        kernel, arguments = self._jobs[i]
        self._made[i] = kernel.build(arguments)

    def _work(self) -> None:
        """The whole life of the second process."""
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for i, (kernel, arguments) in enumerate(self._jobs):
                if os.getppid() == self.parent and self._memory[i * _ROOM] == _FREE:
                    self._memory[i * _ROOM] = _THEIRS
                    content = pickle.dumps(kernel.build(arguments))
                    if len(content) < _ROOM:
                        self._memory[i * _ROOM + 1 : i * _ROOM + 1 + len(content)] = content
                        self._memory[i * _ROOM] = _DONE
        finally:
            os._exit(0)

    def _has_ended(self) -> bool:
        try:
            if self._pid is not None and os.waitpid(self._pid, os.WNOHANG)[0]:
                self._pid = None
        except ChildProcessError:  # the system was told to wait for children
            self._pid = None
        return self._pid is None

    def _end(self) -> None:
        if self._pid is not None and os.getpid() == self.parent:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            self._pid = None
