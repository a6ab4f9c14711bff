"""Plays schedules: two engines with one meaning, and the choice between them; they know no machine and no price."""

from __future__ import annotations

from typing import Literal, get_args

from hwsim import arguments
from hwsim.engine.schedule import Schedule
from hwsim.engine.timeline import Timeline
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
    engine = resolve(arguments.one_of("engine", engine, get_args(EngineName)))
    if engine == "simpy":
        from hwsim.engine import simpy_engine

        return simpy_engine.run(schedule)
    from hwsim.engine import compiled_engine

    return compiled_engine.run(schedule)
