"""Both engines on every shipped design and trace: every time, flag and stall equal."""

from __future__ import annotations

import numba
import pytest
from contract.families import recorded

from hwsim import accelerators, api
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.timeline import stalls
from hwsim.traces.slicing import first


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="counting real traces takes minutes in interpreted kernels")
@pytest.mark.parametrize(("design", "path"), recorded(), ids=lambda each: getattr(each, "stem", each))
def test_engines_agree(design, path):
    architecture, trace = api.load_architecture(design), api.load_trace(path)
    machine = accelerators.machine(architecture.machine)(architecture.spec).sized_for(trace)
    n_schedules = 0
    for batch in machine.lower(first(trace, samples=3)).batches:
        for schedules in batch.schedules.values():
            for schedule in schedules:
                reference, other = simpy_engine.run(schedule), compiled_engine.run(schedule)
                for stage in (stage.name for stage in schedule.stages):
                    for times in ("start", "free", "done", "ran"):
                        assert (getattr(reference, times)[stage] == getattr(other, times)[stage]).all()
                assert reference.makespan_cycles == other.makespan_cycles
                assert stalls(schedule, reference) == stalls(schedule, other)
                n_schedules += 1
    # One a sample, and further ones where it may leave early.
    assert n_schedules
    assert n_schedules % 3 == 0
