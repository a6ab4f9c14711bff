"""The same rows from a cluster of dask, started or joined, also when it loses a worker."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from sweeps.cases import alone, of_the_point, space
from sweeps.test_runner import LONG

from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.sweep import executors

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # those of dask are its own


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module")
def wanted(folder):
    return of_the_point(sweep.sweep(space(folder, *LONG), folder / "alone.jsonl", alone()))


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes, each watched by a nanny that starts another where one dies."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as found:
        yield found


def test_a_cluster_that_is_started_gives_the_same_rows(folder, wanted):
    rows = sweep.sweep(space(folder, *LONG), folder / "started.jsonl", sweep.Where(jobs=2, executor="dask"))
    assert of_the_point(rows) == wanted


def test_a_cluster_that_is_joined_gives_the_same_rows_though_a_worker_is_killed_half_way(folder, wanted, cluster):
    out, killed = folder / "joined.jsonl", []

    def kill_one():
        while not out.exists() or out.read_bytes().count(b"\n") < 60:
            time.sleep(0.005)
        with distributed.Client(cluster.scheduler_address) as client:
            found = client.run(os.getpid)
        killed.append(next(iter(found.values())))
        os.kill(killed[0], signal.SIGKILL)

    watcher = threading.Thread(target=kill_one)
    watcher.start()
    where = sweep.Where(jobs=2, scheduler=cluster.scheduler_address)
    rows = sweep.sweep(space(folder, *LONG), out, where)
    watcher.join()
    assert len(killed) == 1
    assert of_the_point(rows) == wanted
    assert len(out.read_bytes().splitlines()) == len(wanted) + 1


def test_a_cluster_that_is_not_there_ends_in_one_line(folder, monkeypatch):
    monkeypatch.setattr(executors, "SECONDS_TO_JOIN", 1)
    with pytest.raises(UsageError, match=r"^scheduler: tcp://127\.0\.0\.1:9 cannot be joined: "):
        sweep.sweep(space(folder), folder / "none.jsonl", sweep.Where(jobs=2, scheduler="tcp://127.0.0.1:9"))


def test_a_cluster_that_loses_a_worker_while_it_starts_is_started_again(folder, wanted, monkeypatch):
    starts, real = [], distributed.LocalCluster

    def start(*arguments, **options):
        starts.append(arguments)
        if len(starts) == 1:
            raise RuntimeError("Nanny failed to start.")
        return real(*arguments, **options)

    monkeypatch.setattr(distributed, "LocalCluster", start)
    rows = sweep.sweep(space(folder, *LONG), folder / "again.jsonl", sweep.Where(jobs=2, executor="dask"))
    assert len(starts) == 2
    assert of_the_point(rows) == wanted
