"""Plays schedules: two engines with one meaning, and the choice between them; they know no machine and no price."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

from hwsim import arguments
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.timeline import Timeline, Timelines

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
    played: Timeline = _module(engine, schedule.n_jobs).run(schedule)
    return played


def run_all(schedules: Schedules, engine: EngineName = "auto") -> Timelines:
    """Play one schedule for each sample, as `run` does."""
    played: Timelines = _module(engine, schedules.n_jobs * len(schedules)).run_all(schedules)
    return played


def _module(engine: EngineName, n_jobs: int) -> ModuleType:
    """The engine for so many jobs; what it needs is imported only now."""
    name = resolve(arguments.one_of("engine", engine, get_args(EngineName)), n_jobs)
    return import_module(f"hwsim.engine.{name}_engine")
