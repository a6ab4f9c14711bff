"""A few signals at random moments of every command that writes, and the look at what they leave."""

from __future__ import annotations

import signal

import pytest
import signals
from numba import config


@pytest.mark.skipif(config.DISABLE_JIT, reason="what commands leave is the same with kernels of either kind")
def test_signals_leave_the_old_output_and_nothing_else(capsys):
    assert signals.torture(how_many=12, seed=5, jobs=2) == 0
    assert "12 ended part-way, 0 faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "errors", "files", "fault"),
    [
        (143, "hwsim: terminated\n", {"out": signals.OLD}, ""),
        (-15, "", {"out": b"new"}, ""),
        (1, "", {"out": signals.OLD}, "status 1"),
        (143, "", {"out": signals.OLD}, "said ''"),
        (143, "Traceback\nhwsim: terminated\n", {"out": signals.OLD}, "said"),
        (143, "hwsim: terminated\n", {"out": signals.OLD, ".hwsim-1.partial": b""}, "left ['.hwsim-1.partial']"),
        (143, "hwsim: terminated\n", {"out": b"ne"}, "output of 2 bytes"),
    ],
)
def test_what_counts_as_a_fault(tmp_path, status, errors, files, fault):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    nobody = 2**22 + 1  # no process has such a number
    found = signals.fault_of(status, signal.SIGTERM, tmp_path, b"new", errors, nobody)
    assert found.startswith(fault) if fault else found == ""
