"""Several processes: the same bytes for any number of them, errors as from one, and none left behind."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from dataclasses import astuple, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsim import accelerators, api
from hwsim.cli import main
from hwsim.errors import ModelError, UsageError
from hwsim.run import processes
from hwsim.run.pool import workers
from hwsim.run.processes import play_in_processes
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.io import write_trace

SECONDS_TO_DIE = 20


@cache
def trace(samples=5):
    return synthesize("mlp:30-20-10", timesteps=3, samples=samples, rate=0.2, seed=3)


@cache
def workload(samples=5):
    return accelerators.machine("imc")(api.load_architecture("imc").spec).lower(trace(samples))


def altered(lower):
    """The workload with batches made by `lower(batches, samples)`."""
    whole = workload().batches
    changed = replace(whole, lower=partial(lower, whole))
    changed.__dict__["_jobs"] = whole._jobs  # counted before, so that only what is played goes through `lower`
    return replace(workload(), batches=changed)


def plain(value):
    """A tally as something that == can compare."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def plain_tallies(tallies):
    return {run: plain(astuple(tally)) for run, tally in tallies.items()}


def alone():
    return plain_tallies(play_in_processes(workload(), "simpy", 1))


@pytest.mark.parametrize(
    "design", [("imc",), ("imc", "early_exit.overlap=true", "early_exit.threshold=0.5"), ("digital",)]
)
def test_report_is_the_same_to_the_byte(design):
    name, *overrides = design
    architecture = api.load_architecture(name, overrides)
    texts = {api.simulate(architecture, trace(), jobs=jobs).to_json() for jobs in (1, 2, 3, 9)}
    assert len(texts) == 1


def test_the_command_writes_the_same_file(tmp_path):
    file = tmp_path / "trace.npz"
    assert run("trace", "synth", "mlp:20-12-5", file, "--timesteps", 2, "--samples", 4, "--rate", 0.3).exit_code == 0
    texts = []
    for jobs in (1, 2, 3):
        out = tmp_path / f"{jobs}.json"
        assert run("simulate", "imc", file, "--jobs", jobs, "--json", out, "--quiet").exit_code == 0
        texts.append(out.read_bytes())
    assert texts[0] == texts[1] == texts[2]


def test_batches_within_a_share_change_nothing():
    expected = alone()
    one_by_one = replace(workload(), batches=replace(workload().batches, most=1))
    assert [len(batch.samples) for batch in one_by_one.batches] == [1] * 5
    assert plain_tallies(play_in_processes(one_by_one, "simpy", 2, "fork")) == expected


@pytest.mark.parametrize("start_method", ["fork", "anew"])
def test_start_methods_agree(start_method):
    assert plain_tallies(play_in_processes(workload(), "simpy", 2, start_method)) == alone()


def test_shares_are_consecutive_equal_and_not_empty():
    for n in range(1, 12):
        for jobs in range(1, 15):
            shares = processes._shares(replace(workload(), batches=replace(workload().batches, n_samples=n)), jobs)
            assert [sample for share in shares for sample in share] == list(range(n))
            assert len(shares) == min(jobs, n)
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_work_is_really_shared(tmp_path):
    def lower(whole, samples):
        (tmp_path / f"{os.getpid()}").write_text(f"{samples}")
        return whole.lower(samples)

    play_in_processes(altered(lower), "simpy", 3, "fork")
    assert sorted(file.read_text() for file in tmp_path.iterdir()) == ["range(0, 1)", "range(1, 3)", "range(3, 5)"]


def test_samples_that_depend_on_each_other_stay_in_one_process():
    pids = []

    def lower(whole, samples):
        pids.append(os.getpid())
        return whole.lower(samples)

    together = altered(lower)
    together = replace(together, batches=replace(together.batches, independent=False))
    found = play_in_processes(together, "simpy", 4, "fork")
    assert set(pids) == {os.getpid()}
    assert plain_tallies(found) == alone()


@pytest.mark.parametrize(
    ("platform", "threads", "expected"),
    [("linux", 1, "fork"), ("linux", 2, "anew"), ("darwin", 1, "anew"), ("win32", 1, "anew")],
)
def test_forking_is_left_where_it_is_not_safe(monkeypatch, platform, threads, expected):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    assert processes.safe_start_method() == expected


def test_a_process_that_may_have_no_children_works_alone(tmp_path):
    def inner():
        found = plain_tallies(play_in_processes(workload(), "simpy", 2, "fork"))
        (tmp_path / "same").write_text(str(found == alone()))

    process = multiprocessing.get_context("fork").Process(target=inner, daemon=True)
    process.start()
    process.join()
    assert (tmp_path / "same").read_text() == "True"


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_an_error_is_the_same_from_any_process(jobs):
    def lower(whole, samples):
        if 4 in samples:
            raise ModelError("sample 4 cannot be played")
        return whole.lower(samples)

    with pytest.raises(ModelError, match=r"^sample 4 cannot be played$"):
        play_in_processes(altered(lower), "simpy", jobs, "fork")
    assert multiprocessing.active_children() == []


def test_a_defect_says_where_in_the_worker():
    def lower(whole, samples):
        return whole.lower(samples) if samples.start == 0 else 1 // 0

    with pytest.raises(ZeroDivisionError) as raised:
        play_in_processes(altered(lower), "simpy", 2, "fork")
    assert "in lower" in raised.value.__notes__[0]


def test_a_killed_worker_ends_in_one_line():
    def lower(whole, samples):
        if samples.start > 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole.lower(samples)

    with pytest.raises(UsageError, match=r"^jobs: a worker process ended early \(SIGKILL\); [^\n]+$"):
        play_in_processes(altered(lower), "simpy", 2, "fork")
    assert multiprocessing.active_children() == []


def is_looked_at(kept):
    return any(each is kept for each in gc.get_objects())


def test_workers_look_for_garbage_only_among_what_is_theirs():
    """What was there before the fork would be copied, page by page, to look at it."""
    gc.unfreeze()  # what commands did before
    kept = []
    with workers(1, "fork") as executor:
        assert executor.submit(gc.get_freeze_count).result() > 0
    assert is_looked_at(kept)


def test_no_process_looks_for_garbage_in_what_forked_ones_share(tmp_path):
    gc.unfreeze()  # what commands did before
    kept = []

    def lower(batches, samples):
        (tmp_path / str(samples.start)).write_text(str(is_looked_at(kept)))
        return batches.lower(samples)

    assert is_looked_at(kept)
    play_in_processes(altered(lower), "simpy", 2, "fork")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["False"] * 2
    assert is_looked_at(kept)


def test_what_a_program_took_from_the_search_for_garbage_stays_so():
    kept = []
    gc.freeze()
    try:
        play_in_processes(workload(), "simpy", 2, "fork")
        assert not is_looked_at(kept)
    finally:
        gc.unfreeze()
    assert is_looked_at(kept)


@pytest.mark.parametrize("start_method", ["fork", "anew"])
def test_busy_workers_end_with_an_error_here(start_method):
    with pytest.raises(ModelError, match="here"), workers(2, start_method) as executor:
        pids = list(executor._processes)
        assert all(map(is_running, pids))
        executor.submit(time.sleep, 10 * SECONDS_TO_DIE)
        raise ModelError("here")
    deadline = time.monotonic() + SECONDS_TO_DIE
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_running, pids))


def test_an_error_here_does_not_wait_for_workers():
    def lower(whole, samples):
        if samples.start > 0:
            time.sleep(10 * SECONDS_TO_DIE)
        raise ModelError("here")

    begin = time.monotonic()
    with pytest.raises(ModelError, match=r"^here$"):
        play_in_processes(altered(lower), "simpy", 3, "fork")
    assert time.monotonic() - begin < SECONDS_TO_DIE
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("jobs", [0, -3])
def test_too_few_jobs_are_refused(jobs, tmp_path):
    with pytest.raises(UsageError, match=rf"^jobs: must be at least 1, got {jobs}$"):
        api.simulate(api.load_architecture("imc"), trace(), jobs=jobs)


UNGUARDED = """
    import sys, threading, time

    import hwsim

    threading.Thread(target=time.sleep, args=({seconds},), daemon=True).start()
    report = hwsim.simulate(hwsim.load_architecture("imc"), hwsim.load_trace(sys.argv[1]), jobs=2)
    print(report.run("static").energy_pj.value)
"""


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("traces") / "trace.npz"
    write_trace(file, trace())
    return file


@pytest.mark.parametrize("read_from", ["file", "standard input"])
def test_a_program_without_a_main_guard_beside_a_thread_has_its_answer(read_from, trace_file, tmp_path):
    """Forking is not safe then, and starting the program again would never end."""
    alone = api.simulate(api.load_architecture("imc"), trace()).run("static").energy_pj.value  # kernels are compiled
    code = textwrap.dedent(UNGUARDED).format(seconds=10 * SECONDS_TO_DIE)
    (tmp_path / "program.py").write_text(code)
    program, text = (tmp_path / "program.py", None) if read_from == "file" else ("-", code)
    command = [sys.executable, program, trace_file]
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=SECONDS_TO_DIE)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{alone}\n", "")


def test_a_worker_that_was_interrupted_first_interrupts_all():
    def lower(whole, samples):
        if samples.start > 0:
            os.kill(os.getpid(), signal.SIGINT)
        return whole.lower(samples)

    with pytest.raises(KeyboardInterrupt):
        play_in_processes(altered(lower), "simpy", 2, "fork")
    assert multiprocessing.active_children() == []


ENDLESS = """
    import os, signal, sys, time
    sys.path.insert(0, {tests!r})
    from run.test_jobs import altered, play_in_processes

    def lower(whole, samples):
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(1000)

    # A shell starts what runs in the background with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    play_in_processes(altered(lower), "simpy", 3, "fork")
"""


@pytest.mark.parametrize(("ending", "to_all"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGKILL, False)])
def test_no_process_is_left_behind(ending, to_all):
    """An interrupt from the terminal goes to the whole group; others to the first process alone."""
    code = textwrap.dedent(ENDLESS).format(tests=str(Path(__file__).parents[1]))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as first:
        try:
            pids = [int(first.stdout.readline()) for _ in range(3)]
            assert first.pid in pids
            (os.killpg if to_all else os.kill)(first.pid, ending)
            _, errors = first.communicate(timeout=SECONDS_TO_DIE)
            deadline = time.monotonic() + SECONDS_TO_DIE
            while any(map(is_running, pids)) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not any(map(is_running, pids))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode == -ending
    # The first process says that it was interrupted, and the workers nothing.
    assert errors.count("Traceback") == (ending == signal.SIGINT)


def is_running(pid):
    """Whether there is such a process that has not ended (one that nobody has waited for yet has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_interrupted_command_says_so_in_one_line(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "load_trace", interrupted)
    result = run("simulate", "imc", tmp_path / "none.npz")
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "hwsim: interrupted")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
