"""What a second process compiles ahead is what the compiled engine calls."""

from __future__ import annotations

import numpy as np
import pytest
from numba import config

from hwsim.engine import compiled_engine
from hwsim.engine.orders import _JOBS_WORTH_AN_ORDER
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage, Wait
from hwsim.engine.usual import usual_calls

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels have no kinds of arguments")


def batch(n_jobs):
    """Two stages that share a unit, one of them with its own services in each sample."""
    labels = np.zeros(n_jobs, np.int32)
    jobs = np.arange(n_jobs)
    stages = (
        Stage("one", "one", 1 + jobs % 3, 1, (), "unit", sample=labels, timestep=labels),
        Stage("other", "other", 1 + jobs % 2, 1, (Wait("one", jobs),), "unit", sample=labels, timestep=labels),
    )
    single = Schedules.of([Schedule(stages, {"unit": 1}, ("other", jobs[-1:]))])
    return single.retimed({"other": 1 + (jobs + np.arange(20)[:, None]) % 4}, 20)


class Noted(dict):
    """What is ready for some kinds of arguments, and which of them were asked for."""

    def __init__(self, ready):
        super().__init__(ready)
        self.asked = set()

    def get(self, kinds):
        self.asked.add(kinds)
        return super().get(kinds)


def test_each_kernel_is_called_with_such_arguments(monkeypatch):
    calls = usual_calls()
    assert len({kernel for kernel, _ in calls}) == len(calls) == 3
    for kernel, arguments in calls:
        kernel(*arguments)
        monkeypatch.setattr(kernel, "_ready", Noted(kernel._ready))
    assert len(compiled_engine.run_all(batch(_JOBS_WORTH_AN_ORDER // 10)).makespan_cycles) == 20
    for kernel, arguments in calls:
        assert kernel._ready.asked == {kernel.kinds_of(arguments)}, kernel
