"""Where points are run: worker processes here, or the workers of a dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack, contextmanager
from functools import partial

from hwsim.errors import UsageError
from hwsim.run.pool import workers
from hwsim.sweep.runner import Executors

SECONDS_TO_JOIN = 10
LEAST_FOR_DASK = 10
"""Points a task of dask, which takes about 2 ms itself."""
_HERE = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "silence_logs": logging.CRITICAL}


def processes(jobs: int) -> Executors | None:
    """Processes of this machine; none for one job, which this process does itself.

    Raises UsageError for less than one.
    """
    if jobs < 1:
        raise UsageError(f"jobs: must be at least 1, got {jobs}")
    return None if jobs == 1 else Executors(partial(workers, jobs), jobs)


def dask(jobs: int, scheduler: str | None = None) -> Executors:
    """Workers of a cluster of dask: of one that runs under an address, or of one of `jobs` processes, started here.

    Raises UsageError where dask is not installed.
    """
    if jobs < 1:
        raise UsageError(f"jobs: must be at least 1, got {jobs}")
    try:
        from distributed import CancelledError, KilledWorker
    except ImportError:
        raise UsageError("executor: dask is not installed; pip install 'hwsim[dask]'") from None
    lost = (KilledWorker, CancelledError, BrokenExecutor)
    return Executors(partial(_cluster, jobs, scheduler), jobs, lost, LEAST_FOR_DASK)


@contextmanager
def _cluster(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is run again, and what fails is raised
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=SECONDS_TO_JOIN)
        except (OSError, ValueError) as error:
            said = str(error).splitlines() or ["no answer"]
            raise UsageError(f"scheduler: {scheduler} cannot be joined: {said[0]}") from None
        with client:
            yield client.get_executor(pure=False)
        return
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(LocalCluster(n_workers=jobs, **_HERE))
            client = stack.enter_context(Client(cluster))
        except (RuntimeError, OSError) as error:  # a worker that is lost before it has begun
            raise BrokenExecutor("the cluster did not start") from error
        yield client.get_executor(pure=False)
