"""Plays schedules: two engines with one meaning, and the choice between them; they know no machine and no price."""

from __future__ import annotations

from typing import Literal

from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline
from hwsim.errors import UsageError, guess

EngineName = Literal["auto", "simpy", "compiled"]

SIMPY_JOBS = 1_000
"""Largest schedule that `auto` gives to SimPy: that takes it about 20 ms, while loading the compiled loop takes 300 ms
once in a process (8 s when it has never been compiled). Beyond, and above all over many samples, compiled wins."""


def run(schedule: Schedule, engine: EngineName = "auto") -> Timeline:
    """Play a schedule and return when each job ran; the engine changes how long that takes and nothing else.

    Raises ModelError naming the cycle of jobs where the schedule deadlocks, UsageError for an engine that does not
    exist.
    """
    if engine == "auto":
        engine = "simpy" if schedule.n_jobs <= SIMPY_JOBS else "compiled"
    if engine == "simpy":
        from hwsim.engine import simpy_engine

        return simpy_engine.run(schedule)
    if engine == "compiled":
        from hwsim.engine import compiled_engine

        return compiled_engine.run(schedule)
    known = ("auto", "simpy", "compiled")
    raise UsageError(f"engine must be auto, simpy or compiled, got '{engine}'{guess(engine, known)}")
