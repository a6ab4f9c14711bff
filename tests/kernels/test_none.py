"""Tests that say they run no kernel are held to it."""

from __future__ import annotations

import numpy as np
import pytest
from numba import config

from hwsim.kernels.bits import popcount


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are functions like any other")
@pytest.mark.no_kernel
def test_a_kernel_fails_a_test_that_says_it_runs_none():
    with pytest.raises(pytest.fail.Exception, match="popcount is run"):
        popcount(np.uint64(7))


def test_others_may_run_them():
    assert popcount(np.uint64(7)) == 3
