"""Workers that are lost, and a first process that is: every point once, and nobody left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import kills
import pytest
from sweeps.cases import AXES, alone, of_the_point, space, trace_file

from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.sweep import runner
from hwsim.sweep.executors import processes
from hwsim.sweep.order import begins, ordered
from hwsim.sweep.runner import Executors, run
from hwsim.sweep.worker import Task

LONG = ("chip.pes_per_tile=4:13", "neuron.cycles=10:29")


@contextmanager
def threads(n=2):
    with ThreadPoolExecutor(n) as executor:
        yield executor


def squares(_task, numbers):
    return [number**2 for number in numbers]


NOTHING = Task("", b"")


@pytest.mark.parametrize("executors", [None, Executors(threads, 2), Executors(threads, 2, least=10)])
def test_every_point_is_done_once(executors):
    done = dict(pair for chunk, found in run(squares, NOTHING, range(1000), executors) for pair in zip(chunk, found))  # noqa: B905
    assert done == {number: number**2 for number in range(1000)}


def test_chunks_grow_until_they_take_their_time(monkeypatch):
    chunks = []

    def note(_task, numbers):
        chunks.append(len(numbers))
        return [None] * len(numbers)

    list(run(note, NOTHING, range(3000), None))
    assert chunks[0] == 4
    assert max(chunks) == runner.MOST_A_CHUNK
    chunks.clear()
    monkeypatch.setattr(runner, "SECONDS_A_CHUNK", 1e-9)
    list(run(note, NOTHING, range(20), None))
    assert set(chunks[1:]) == {1}


@pytest.mark.parametrize("seconds", [1e-9, 0.5])
@pytest.mark.parametrize("executors", [None, Executors(threads, 2)])
def test_what_shares_most_stays_in_one_chunk(monkeypatch, seconds, executors):
    monkeypatch.setattr(runner, "SECONDS_A_CHUNK", seconds)
    begins = range(0, 400, 6)
    chunks = [chunk for chunk, _ in run(squares, NOTHING, range(400), executors, begins)]
    assert sorted(number for chunk in chunks for number in chunk) == list(range(400))
    assert all(chunk[0] in begins for chunk in chunks)


def test_a_long_stretch_is_cut_all_the_same():
    chunks = [chunk for chunk, _ in run(squares, NOTHING, range(3000), None, {0, 2900})]
    assert [chunk[0] for chunk in chunks[:2]] == [0, 4]
    assert max(map(len, chunks)) <= 1.5 * runner.MOST_A_CHUNK
    assert 2900 in {chunk[0] for chunk in chunks}


def test_chunks_begin_where_more_than_the_innermost_axis_changes(tmp_path):
    where = space(tmp_path)
    order = tuple(range(len(where.axes)))
    numbers = ordered(where, range(len(where)), order)
    inner = len(where.axes[-1].values)
    found = begins(where, numbers, order)
    assert {numbers.index(number) for number in found} == {0, *range(where.n_references, len(where), inner)}


def kill_at(n):
    """A piece of work whose process dies at a number, the first time or always."""

    def do(task, numbers):
        if n in numbers and not os.path.exists(task.sha256):  # noqa: PTH110
            if task.pickled:
                open(task.sha256, "w").close()  # noqa: PTH123
            os.kill(os.getpid(), signal.SIGKILL)
        return list(numbers)

    return do


def die_at_30(task, numbers):
    return kill_at(30)(task, numbers)


def test_a_worker_that_is_killed_costs_no_point(tmp_path):
    task = Task(str(tmp_path / "killed"), b"once")
    with processes(2) as executors:
        done = [n for chunk, _ in run(die_at_30, task, range(100), executors) for n in chunk]
    assert (tmp_path / "killed").exists()
    assert sorted(done) == list(range(100))


def test_workers_that_die_again_and_again_end_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "LOSSES", 2)
    task = Task(str(tmp_path / "always"), b"")
    done = []
    with (
        processes(2) as executors,
        pytest.raises(UsageError, match=r"^jobs: worker processes end early again and again"),
    ):
        for chunk, _ in run(die_at_30, task, range(60), executors):
            done += chunk
    assert sorted(done) == [n for n in range(60) if n != 30]


def test_an_error_of_the_program_is_raised(tmp_path):
    where = space(tmp_path)
    with processes(2) as executors, pytest.raises(ZeroDivisionError):
        list(run(divide, Task.of(where, (0, 1, 2)), range(10), executors))


def divide(_task, numbers):
    return [1 / 0 for _ in numbers]


def command(folder, *options):
    words = ["sweep", "imc", str(trace_file(folder)), *options, "--quiet"]
    return [sys.executable, "-c", "from hwsim.cli import main; main()", *words]


def vary(axes):
    return [word for axis in axes for word in ("--vary", axis)]


def started(folder, out, *options):
    """A sweep in a session of its own that has written some rows."""
    process = subprocess.Popen(command(folder, *vary(LONG), "--out", str(out), *options), start_new_session=True)
    deadline = time.monotonic() + 60
    while (not out.exists() or out.read_bytes().count(b"\n") < 9) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes as Linux shows them")
def test_when_the_first_process_is_killed_no_worker_is_left_and_nothing_is_lost(tmp_path):
    out = tmp_path / "out.jsonl"
    process = started(tmp_path, out, "--jobs", "2")
    workers = set(kills.members(process.pid)) - {process.pid}
    assert len(workers) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while kills.members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kills.members(process.pid) == []
    kept = [row["point"] for row in sweep.load(out)]
    assert 8 <= len(kept) < 201
    where = space(tmp_path, *LONG)
    rows = sweep.sweep(where, out, alone())
    points = [json.loads(line)["point"] for line in out.read_bytes().splitlines()[1:]]
    assert points[: len(kept)] != []
    assert sorted(points) == [row["point"] for row in rows] == list(range(201))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_in_one_line_and_leaves_nobody(tmp_path, number):
    out = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command(tmp_path, *vary(LONG), "--out", str(out), "--jobs", "2"),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    while not out.exists() or out.read_bytes().count(b"\n") < 5:
        time.sleep(0.01)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert said.strip() == f"hwsim: {'interrupted' if number == signal.SIGINT else 'terminated'}"
    assert kills.members(process.pid) == []


def test_jobs_are_at_least_one(tmp_path):
    with pytest.raises(UsageError, match="jobs: must be at least 1, got 0"):
        sweep.sweep(space(tmp_path), tmp_path / "out.jsonl", sweep.Where(jobs=0))


def test_the_order_of_axes_changes_no_row(tmp_path):
    rows = sweep.sweep(space(tmp_path), tmp_path / "one.jsonl", alone())
    turned = sweep.sweep(space(tmp_path, *AXES[::-1]), tmp_path / "other.jsonl", alone())

    def by_values(found):
        kept = [{k: v for k, v in row.items() if k not in ("point", "settings")} for row in of_the_point(found)]
        return sorted(kept, key=lambda row: [row[axis.partition("=")[0]] for axis in AXES])

    assert by_values(rows) == by_values(turned)
