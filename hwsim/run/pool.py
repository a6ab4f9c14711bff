"""Worker processes that do one task after another, and end with the process that started them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from hwsim.run.processes import StartMethod, begin, safe_start_method


@contextmanager
def workers(jobs: int, start_method: StartMethod | None = None) -> Iterator[Executor]:
    """An executor of `jobs` processes; none is left by the end.

    They are forked or started anew; where `start_method` does not say which, forked if that is safe.  Forked ones share
    what this process has read.  When the block ends in an error they are not waited for.
    """
    executor: Any
    if (start_method or safe_start_method()) == "fork":
        executor = ProcessPoolExecutor(jobs, get_context("fork"), _begin, (os.getpid(),))
    else:
        from loky.process_executor import ProcessPoolExecutor as Anew

        executor = Anew(jobs, initializer=_begin, initargs=(os.getpid(),))
    try:
        with warnings.catch_warnings():
            # From 3.12 on a fork beside any thread warns, NumPy's included; why ours is safe: `safe_start_method`.
            warnings.simplefilter("ignore", DeprecationWarning)
            executor.submit(os.getpid).result()
        yield executor
    except BaseException:
        _kill(executor)
        raise
    finally:
        executor.shutdown(wait=True)


def _kill(executor: Any) -> None:
    """End the processes of an executor, whatever they are at."""
    for process in list((executor._processes or {}).values()):
        # A forked one may still heed a signal as this process does; one of loky's never does, and has no `kill`.
        (process.kill if isinstance(executor, ProcessPoolExecutor) else process.terminate)()


def _begin(parent: int) -> None:
    """What a worker does first."""
    begin(parent)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
