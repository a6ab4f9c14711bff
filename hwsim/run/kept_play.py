"""What playing a trace gave, kept with it for designs that count and time alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hwsim.arch.reads import kept
from hwsim.contract.machine import Accelerator
from hwsim.contract.operating import operated
from hwsim.contract.workload import Workload
from hwsim.kept import kept_with
from hwsim.run.tally import Tallies
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace

PLAYED = "played"


def first_kept(trace: AnyTrace, samples: int | None, timesteps: int | None) -> AnyTrace:
    """The first samples and timesteps, one and the same object each time, so that something can be kept with it."""
    return kept_with(trace).once(("first", samples, timesteps), lambda: first(trace, samples, timesteps))


def kept_play(
    machine: Accelerator[Any, Any], trace: AnyTrace, play: Callable[[Workload], Tallies]
) -> tuple[Workload, Tallies]:
    """A workload without its batches, and what playing them gave on a design with the same counts and times."""

    def played(spec: Any) -> tuple[Workload, Tallies]:
        workload = operated(type(machine)(spec).lower(trace), spec.operating)
        stream = None if workload.stream is None else workload.stream.played()
        return replace(workload, batches=workload.batches.played(), stream=stream), play(workload)

    workload, tallies = kept(trace, (PLAYED, type(machine)), machine.spec, played)
    if workload.exits is not None:
        # What another threshold changes is who leaves when, and not what was played.
        workload = replace(workload, exits=machine.exits(trace))
    return workload, tallies
