"""Plays schedules: two engines with one meaning, and the choice between them; they know no machine and no price."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

from hwsim import arguments
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.timeline import Timeline, Timelines
from hwsim.kernels import compiled

EngineName = Literal["auto", "simpy", "compiled"]


def resolve(engine: EngineName) -> EngineName:
    """The engine that `auto` stands for; another name stands for itself.

    It is the compiled one, whether its loop was compiled before or not: a report names the engine, and must be the same
    from the first simulation on. Where kernels run as plain Python, it is SimPy.
    """
    if engine != "auto":
        return engine
    return "simpy" if compiled.runs_interpreted() else "compiled"


def run(schedule: Schedule, engine: EngineName = "auto") -> Timeline:
    """Play a schedule and return when each job ran; the engine changes how long that takes and nothing else.

    Raises ModelError naming the cycle of jobs where the schedule deadlocks, UsageError for an engine that does not
    exist.
    """
    played: Timeline = _module(engine).run(schedule)
    return played


def run_all(schedules: Schedules, engine: EngineName = "auto", threads: int = 1) -> Timelines:
    """Play one schedule for each sample, as `run` does; the compiled engine in several threads if asked."""
    played: Timelines = _module(engine).run_all(schedules, threads)
    return played


def _module(engine: EngineName) -> ModuleType:
    """An engine."""
    return _imported(resolve(arguments.one_of("engine", engine, get_args(EngineName))))


@cache
def _imported(engine: EngineName) -> ModuleType:
    """One of them; what it needs is imported only now."""
    return import_module(f"hwsim.engine.{engine}_engine")
