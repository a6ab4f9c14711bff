"""A few kills at random moments of a sweep, and what counts as a fault."""

from __future__ import annotations

import json
import sys

import kills
import pytest
from numba import config

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes as Linux shows them")


@pytest.mark.skipif(config.DISABLE_JIT, reason="what kills leave is the same with kernels of either kind")
def test_kills_lose_nothing_and_leave_nobody(capsys):
    assert kills.torture(how_many=6, seed=2, over=["processes"]) == 0
    assert "6 kills, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "before", "whole", "fault"),
    [
        ([0, 1, 2], b"", True, ""),
        ([2, 0], b"", False, ""),
        ([0, 1], b"", True, "2 of 3 points"),
        ([0, 1, 1], b"", False, "points [1] are there twice"),
        ([0, 1], b"other", False, "what was there has changed"),
        ([0, 7], b"", False, "the row of point 1 is another"),
    ],
)
def test_what_counts_as_a_fault(tmp_path, lines, before, whole, fault):
    wanted = [{"point": n, "energy_pj": 1.0} for n in range(3)]
    tried = kills.Sweep(tmp_path, tmp_path, "processes", wanted)
    rows = [{"point": n % 6, "energy_pj": 1.0 if n < 6 else 2.0, "host": "h", "seconds": n} for n in lines]
    tried.out.write_text("".join(f"{json.dumps(each)}\n" for each in [{"hwsim sweep": 1}, *rows]) + '{"torn')
    assert tried.fault(before, whole) == fault
