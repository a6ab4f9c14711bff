"""Worker processes that do one task after another, and end with the process that started them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from hwsim.run.processes import begin, safe_start_method


@contextmanager
def workers(jobs: int) -> Iterator[Executor]:
    """An executor of `jobs` processes, forked where that is safe and else started anew; none is left by the end.

    Forked ones share what this process has read.  When the block ends in an error they are not waited for.
    """
    executor: Any
    if safe_start_method() == "fork":
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
        process.kill()


def _begin(parent: int) -> None:
    """What a worker does first."""
    begin(parent)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
