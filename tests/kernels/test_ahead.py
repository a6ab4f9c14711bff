"""A second process that compiles kernels ahead: what it makes is used, and whatever becomes of it, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numba import config

from hwsim.kernels import ahead

pytestmark = [
    pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are not compiled"),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have no second process"),
]

OFFERED = """
import os, signal, sys, threading, time
os.sched_getaffinity = lambda _: {0, 1}
import numpy as np
from hwsim.kernels import ahead, compiler
from hwsim.kernels.bits import popcount, trailing_zeros
from hwsim.kernels.counter_bits import random_bits, random_word
word = np.uint64(6)
jobs = [(popcount, (word,)), (trailing_zeros, (word,)), (random_word, (word, 3))]
ahead.offer(lambda: jobs)
compiled, build = [], compiler.build
def noted(made, *rest):
    compiled.append(made.py_func.__name__)
    return build(made, *rest)
compiler.build = noted
def state(job):
    return ahead._second._memory[job * ahead._ROOM]
def until(job, what):
    while state(job) != what:
        time.sleep(0.001)
def found():
    return [int(kernel(*arguments)) for kernel, arguments in jobs]
"""
RESULTS = [2, 1]


def run(code, cache, **others):
    """What a program prints that ends well."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "HOME": "/dev/null", **others}
    environment.pop("XDG_CACHE_HOME", None)
    command = [sys.executable, "-c", OFFERED + code]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Results without a second process, and what is compiled then."""
    printed = run("ahead.offer(None)\nprint(*found(), *compiled)", tmp_path_factory.mktemp("alone"))
    assert printed[:2] == [str(value) for value in RESULTS]
    assert printed[3:] == ["popcount", "trailing_zeros", "random_word"]
    return printed[:3]


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_the_second_process_made_is_used_and_kept(tmp_path, expected):
    code = """
random_bits(word, 3, 5)
until(2, ahead._DONE)
print(*found(), *compiled)
"""
    assert run(code, tmp_path) == [*expected, "random_bits"]
    assert run("print(*found(), *compiled)\nassert ahead._second is None", tmp_path) == expected


def test_it_is_compiled_without_a_folder_to_keep_it(expected, tmp_path):
    code = """
from hwsim.kernels import cache
cache._folders = lambda: ()
random_bits(word, 3, 5)
until(2, ahead._DONE)
print(*found(), *compiled)
"""
    assert run(code, tmp_path) == [*expected, "random_bits"]


def test_the_first_process_takes_from_the_end_what_it_would_wait_for(tmp_path, expected):
    """The second holds the first job until the first process has begun the last one."""
    code = """
def work(self):
    self._memory[0] = ahead._THEIRS
    while self._memory[2 * ahead._ROOM] == ahead._FREE:
        time.sleep(0.001)
    self._memory[0] = ahead._FREE
    self._jobs = self._jobs[:1]
    before(self)
before, ahead._Second._work = ahead._Second._work, work
random_bits(word, 3, 5)
until(0, ahead._THEIRS)
print(*found())
assert compiled[:2] == ["random_bits", "random_word"] and "popcount" not in compiled, compiled
"""
    assert run(code, tmp_path) == expected


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "self._memory[0] = ahead._THEIRS; os.kill(os.getpid(), signal.SIGKILL)",
        "self._memory[0] = ahead._THEIRS; time.sleep(600)",
        "self._memory[0] = ahead._THEIRS; os.kill(os.getpid(), signal.SIGSTOP)",
    ],
)
def test_a_second_process_that_fails_is_not_missed(end, tmp_path, expected):
    code = f"""
ahead._SECONDS_TO_WAIT = 0.1
def work(self):
    {end}
ahead._Second._work = work
print(*found())
assert ahead._second is not None
assert sorted(compiled) == ["popcount", "random_word", "trailing_zeros"], compiled
print(ahead._second._pid)
"""
    *values, left = run(code, tmp_path)
    assert values == expected
    assert left == "None" or not is_alive(int(left))


def test_no_fork_is_no_error(tmp_path, expected):
    code = """
def fork():
    raise BlockingIOError(11, "no more processes")
os.fork = fork
print(*found())
"""
    assert run(code, tmp_path) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "os.sched_getaffinity = lambda _: {0}",
        "threading.Thread(target=time.sleep, args=(2,), daemon=True).start()",
        "sys.platform = 'darwin'",
        "ahead.offer(None)",
    ],
)
def test_there_is_none_where_it_would_not_help_or_not_be_safe(condition, tmp_path, expected):
    code = f"""
{condition}
def fork():
    raise AssertionError("forked")
os.fork = fork
print(*found())
assert ahead._second is None
"""
    assert run(code, tmp_path) == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_the_first_process(number, tmp_path):
    code = """
jobs[0][0].build = lambda arguments: time.sleep(600)
random_bits(word, 3, 5)
print(ahead._second._pid, flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "HOME": "/dev/null"}
    with subprocess.Popen(
        [sys.executable, "-c", OFFERED + code], env=environment, stdout=subprocess.PIPE, text=True
    ) as first:
        second = int(first.stdout.readline())
        assert is_alive(second)
        first.send_signal(number)
        first.wait()
        for _ in range(1000):
            if not is_alive(second):
                break
            time.sleep(0.01)
        assert not is_alive(second)


def test_a_timer_that_has_not_fired_is_no_obstacle():
    import threading

    timer = threading.Timer(600, print)
    timer.daemon = True
    before = ahead._can_share()
    timer.start()
    assert ahead._can_share() == before
    timer.cancel()
