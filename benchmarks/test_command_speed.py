"""Whole commands, each a process of its own: processor seconds, and how often those of Python and NumPy alone.

Kernels are compiled before, into a folder of their own, but for the first simulation ever.  No time is asserted.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

TRACES = Path(__file__).resolve().parents[1] / "traces"
COMMAND = "from hwsim.cli import main; main()"
FASHION = TRACES / "fashion_dietsnn.npz"
ROUNDS = 5
COMMANDS = {
    "--help": (["--help"], "Usage"),
    "trace info": (["trace", "info", FASHION], "dead"),
    "arch list": (["arch", "list"], "stdp_baseline"),
    "arch show imc": (["arch", "show", "imc"], "leakage"),
    "simulate, tables": (["simulate", "imc", FASHION], "early exit / static"),
    "simulate, no accuracy": (["simulate", "imc", FASHION, "--json", "-", "--accuracy-samples", 0], '"runs"'),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(scope="module")
def yardsticks(cache):
    """Processor seconds of Python that does nothing, and of importing NumPy."""
    found = {code: seconds(code, cache) for code in ("pass", "import numpy")}
    print("\n" + ", ".join(f"{code}: {value:.3f} s" for code, value in found.items()))
    return found


def once(code, arguments, cache, bytecode=None):
    """Processor seconds of a program, all its processes counted, and what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {
        **kept,
        "HOME": str(cache),
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPYCACHEPREFIX": str((bytecode or cache) / "code"),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def seconds(code, cache):
    """The median of some runs after one that is not counted."""
    return statistics.median([once(code, [], cache)[0] for _ in range(ROUNDS + 1)][1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_command(benchmark, yardsticks, cache, name):
    arguments, wanted = COMMANDS[name]
    runs = []
    benchmark.pedantic(lambda: runs.append(once(COMMAND, arguments, cache)), rounds=ROUNDS, warmup_rounds=1)
    assert all(wanted in printed for _, printed in runs)
    taken = statistics.median(cpu for cpu, _ in runs[1:])
    ratios = ", ".join(f"{taken / other:.1f} x '{code}'" for code, other in yardsticks.items())
    print(f"\n{name}: {taken:.2f} s, {ratios}")


def test_first_simulation_ever(benchmark, yardsticks, tmp_path):
    arguments = ["simulate", "imc", FASHION, "--json", "-"]
    bytecode = tmp_path / "installed"
    once(COMMAND, arguments, tmp_path / "other", bytecode)  # bytecode of all modules is there after installing with pip
    taken, printed = benchmark.pedantic(once, (COMMAND, arguments, tmp_path / "own", bytecode), rounds=1)
    assert len(json.loads(printed)["runs"]) == 2
    assert len(list((tmp_path / "own").rglob("*.nbc"))) > 3
    print(f"\nfirst simulation: {taken:.1f} s, {taken / yardsticks['import numpy']:.0f} x 'import numpy'")
