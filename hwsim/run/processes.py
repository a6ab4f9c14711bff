"""Play the samples of a workload in several processes at once, with the same result.

Each process lowers and plays its own share of consecutive samples and gives back integers, which are joined in the
order of samples: nothing depends on how many processes there were.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Literal

from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.engine import EngineName
from hwsim.errors import HwsimError, UsageError
from hwsim.run.play import play_batches
from hwsim.run.tally import Tallies, join

StartMethod = Literal["fork", "anew"]
SECONDS_BETWEEN_LOOKS_FOR_PARENT = 0.5


def play_in_processes(
    workload: Workload, engine: EngineName, jobs: int, start_method: StartMethod | None = None
) -> Tallies:
    """Play a workload with `jobs` processes, this one among them: one tally for each run, the same for any number.

    It stays alone where samples depend on each other, and in a process that may not have children.  Workers are
    forked or started anew; where `start_method` does not say which, forked if that is safe.

    Raises UsageError for less than one process and for a worker that was killed, KeyboardInterrupt for one that was
    interrupted; else whatever `play` raises.
    """
    if jobs < 1:
        raise UsageError(f"jobs: must be at least 1, got {jobs}")
    shares = _shares(workload, jobs)
    if len(shares) == 1:
        return _play_share(workload, engine, shares[0])
    method = start_method or safe_start_method()
    with _shared_whole(method), _workers(method, workload, engine, shares[1:]) as workers:
        parts = [_play_share(workload, engine, shares[0]), *(worker.result() for worker in workers)]
    return {run: join([part[run] for part in parts]) for run in workload.runs}


def _shares(workload: Workload, jobs: int) -> list[range]:
    """Consecutive samples for each process, as equal as can be; none is empty."""
    n = workload.batches.n_samples
    shared = RunName.STREAMED in workload.runs  # then samples share the machine
    divisible = workload.batches.independent and not shared and not multiprocessing.current_process().daemon
    parts = min(jobs, n) if divisible else 1
    return [range(n * part // parts, n * (part + 1) // parts) for part in range(parts)]


def _play_share(workload: Workload, engine: EngineName, samples: range) -> Tallies:
    return play_batches(workload, workload.batches.within(samples), engine)


def safe_start_method() -> StartMethod:
    """Fork, which takes milliseconds and shares the trace, where no thread of this program can hold a lock by then.

    Libraries of macOS do not survive it.  NumPy's own threads do: OpenBLAS puts them right in the child.
    """
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "anew"


def _kind(start_method: StartMethod) -> Callable[..., BaseProcess]:
    """The class of processes that start so.

    The standard library starts them anew by running the program again, which hangs without a main guard and where it
    was read from standard input; loky's processes import only what they are to run.
    """
    if start_method == "fork":
        return multiprocessing.get_context("fork").Process
    from loky.backend.process import LokyProcess

    anew: Callable[..., BaseProcess] = LokyProcess
    return anew


@dataclass(frozen=True, slots=True)
class _Worker:
    process: BaseProcess
    results: Connection

    def result(self) -> Tallies:
        """What the worker found, or its error, once it is done."""
        try:
            found: Tallies | Exception = self.results.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            if self.process.exitcode == -signal.SIGINT:
                raise KeyboardInterrupt from None  # it went to all processes, and this one hears of it second
            raise UsageError(
                f"jobs: a worker process ended early ({_ending(self.process.exitcode)}); "
                "each needs memory of its own, fewer need less"
            ) from None
        if isinstance(found, Exception):
            raise found
        return found


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit status {exit_code}"


@contextlib.contextmanager
def _workers(
    start_method: StartMethod, workload: Workload, engine: EngineName, shares: list[range]
) -> Iterator[list[_Worker]]:
    """Processes that play a share each; none is left when the block ends, however it ends."""
    kind = _kind(start_method)
    workers: list[_Worker] = []
    try:
        for samples in shares:
            results, sender = multiprocessing.Pipe(duplex=False)
            arguments = (os.getpid(), sender, workload, engine, samples)
            process = kind(target=_work, args=arguments, daemon=True)
            with warnings.catch_warnings(), _interrupts_wait():
                # From 3.12 on a fork beside any thread warns, NumPy's included; why ours is safe: `safe_start_method`.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
                workers.append(_Worker(process, results))
            # The last writer but the worker, so that its death ends the pipe.
            sender.close()
        yield workers
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.results.close()


@contextlib.contextmanager
def _shared_whole(start_method: StartMethod) -> Iterator[None]:
    """Look for no garbage in what forked workers share: to look at it would copy it, page by page, in each process.

    Where the program has set something aside itself, all is left as it is: nothing tells that from the rest.
    """
    if start_method != "fork" or gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """None ends half a start: here until the end of the block, in a process started in it until `_work`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(parent: int, results: Connection, workload: Workload, engine: EngineName, samples: range) -> None:
    """The whole life of a worker."""
    begin(parent)
    found: Tallies | Exception
    try:
        found = _play_share(workload, engine, samples)
    except HwsimError as error:
        found = error
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        found = error
    results.send(found)


def begin(parent: int) -> None:
    """What a worker does first."""
    gc.freeze()  # what was there before the fork is no garbage, and is not copied to look at it
    _signals_as_at_start()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _signals_as_at_start() -> None:
    """Let signals end a worker at once: an interrupt reaches all processes, and the first one says so."""
    for ending in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(ending) != signal.SIG_IGN:
            signal.signal(ending, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end_with(parent: int) -> None:
    """Do not outlive the first process, even if it was killed."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS_FOR_PARENT)
    os._exit(1)
