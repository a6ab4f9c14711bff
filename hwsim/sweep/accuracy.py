"""How often a design is right in its own arithmetic, on raw inputs, kept by what that depends on."""

from __future__ import annotations

from typing import Any

from hwsim.arch.reads import kept
from hwsim.contract.machine import Accelerator
from hwsim.report.figures import accuracy_of
from hwsim.report.price import PricedRun
from hwsim.sweep.space import Asked
from hwsim.traces.trace import AnyTrace

COMPUTED = "own arithmetic"


def accuracy(machine: Accelerator[Any, Any], trace: AnyTrace, run: PricedRun, asked: Asked) -> float | None:
    """Fraction right of a run; None where nobody knows, and where it would take time that was not asked for.

    A machine that computes what the exact network does is as right as that; any other runs the raw inputs itself.
    """
    if machine.decides(trace) != "in its own way":
        return None if trace.provenance.synthetic else accuracy_of(run)[0]
    if trace.provenance.synthetic or not asked.accuracy or getattr(trace, "inputs", None) is None:
        return None
    own = kept(
        trace,
        (COMPUTED, type(machine), asked.accuracy_samples),
        machine.spec,
        lambda spec: type(machine)(spec).functional(trace, asked.accuracy_samples).trace,
    )
    judged = machine.judge(trace, own, run.workload.exits).get(run.name)
    return None if judged is None else judged.accuracy
