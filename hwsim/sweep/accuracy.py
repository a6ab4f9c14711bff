"""How often a design is right in its own arithmetic, on raw inputs, kept by what that depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwsim.arch.reads import kept
from hwsim.contract.machine import Accelerator
from hwsim.report.figures import accuracy_of
from hwsim.report.price import PricedRun
from hwsim.sweep.space import Asked
from hwsim.traces.trace import AnyTrace

COMPUTED = "own arithmetic"


def judged(machine: Accelerator[Any, Any], trace: AnyTrace, run: PricedRun, asked: Asked) -> Mapping[str, float]:
    """Figures of a run that say how often it is right; none where nobody knows or it would take unasked-for time.

    A machine that computes what the exact network does is as right as that; any other runs the raw inputs itself.
    """
    if trace.provenance.synthetic:
        return {}
    if machine.decides(trace) != "in its own way":
        right, error = accuracy_of(run)
        if right is None or error is None:
            return {}
        return {"accuracy": right, "accuracy_error": error, "exact_accuracy": right}
    if not asked.accuracy or getattr(trace, "inputs", None) is None:
        return {}
    own = kept(
        trace,
        (COMPUTED, type(machine), asked.accuracy_samples),
        machine.spec,
        lambda spec: type(machine)(spec).functional(trace, asked.accuracy_samples),
    )
    found = machine.judge(trace, own.trace, run.workload.exits).get(run.name)
    if found is None:
        return {}
    return {
        "accuracy": found.accuracy,
        "accuracy_error": found.standard_error,
        "exact_accuracy": found.exact_accuracy,
        "clipped": own.clipped,
    }
