"""Plays schedules: two engines with one meaning, and the choice between them; they know no machine and no price."""

from __future__ import annotations

from typing import Literal, get_args

from hwsim import arguments
from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline

EngineName = Literal["auto", "simpy", "compiled"]

SIMPY_JOBS = 80_000
"""Most jobs of a simulation that `auto` gives to SimPy, which plays about 60 a millisecond: up to 2 s. The compiled
loop would take a tenth of that, but about 7 s where it was never compiled. Whoever simulates often asks for `compiled`.
"""


def resolve(engine: EngineName, n_jobs: int) -> EngineName:
    """The engine that `auto` stands for in a simulation of `n_jobs` jobs in all; another name stands for itself."""
    if engine != "auto":
        return engine
    return "simpy" if n_jobs <= SIMPY_JOBS else "compiled"


def run(schedule: Schedule, engine: EngineName = "auto") -> Timeline:
    """Play a schedule and return when each job ran; the engine changes how long that takes and nothing else.

    Raises ModelError naming the cycle of jobs where the schedule deadlocks, UsageError for an engine that does not
    exist.
    """
    engine = resolve(arguments.one_of("engine", engine, get_args(EngineName)), schedule.n_jobs)
    if engine == "simpy":
        from hwsim.engine import simpy_engine

        return simpy_engine.run(schedule)
    from hwsim.engine import compiled_engine

    return compiled_engine.run(schedule)
