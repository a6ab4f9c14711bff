"""Whose accuracy a report prints, and what is known of the accuracy in the machine's own arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hwsim.contract.judged import OPERATIONS, samples_to_judge
from hwsim.contract.machine import Accelerator
from hwsim.contract.workload import Workload
from hwsim.errors import UsageError
from hwsim.report.report import AccuracyOf
from hwsim.traces.trace import AnyTrace

_UNKNOWN = "of the exact network; this hardware's is not known: "


def judge(
    machine: Accelerator[Any, Any], trace: AnyTrace, workload: Workload, own: AnyTrace | None, wanted: int | None
) -> tuple[Workload, AccuracyOf]:
    """A workload with what is right in the machine's own arithmetic, and in one line what that was found on.

    `own` is the trace as this machine computes it where that is what is played; else the first raw inputs are run, as
    many as are `wanted` or as the bounds of `contract.judged` allow.

    Raises UsageError for less than no samples.
    """
    if wanted is not None and wanted < 0:
        raise UsageError(f"accuracy_samples: must be at least 0, got {wanted}")
    if wanted is not None and 0 < (there := _raw_inputs(trace)) < wanted:
        raise UsageError(f"accuracy_samples: the trace has {there:,} raw inputs, got {wanted}")
    decides = machine.decides(trace)
    if decides == "as it learned":
        return workload, AccuracyOf("this hardware", "of what this hardware learned, in its own arithmetic")
    if trace.provenance.synthetic:
        return workload, AccuracyOf("exact network", "not known: the spikes are synthetic")
    if decides == "exactly":
        return workload, AccuracyOf("both", "this hardware computes what the exact network computes")
    if own is not None:
        return replace(workload, judged=machine.judge(trace, own, workload.exits)), AccuracyOf(
            "this hardware", "of this hardware, whose own spikes are played, on all raw inputs"
        )
    there = _raw_inputs(trace)
    each = machine.operations(trace) if there and wanted != 0 else 0
    samples = samples_to_judge(wanted, there, each)
    if samples == 0:
        return workload, AccuracyOf("exact network", _UNKNOWN + _why_none(there, each, wanted))
    judged = machine.judge(trace, machine.functional(trace, samples).trace, workload.exits)
    if not judged:
        return workload, AccuracyOf("exact network", _UNKNOWN + "the trace does not say what is right of them")
    (n, *_) = {each.n_samples for each in judged.values()}
    note = f"this hardware's on {n:,} of {there:,} raw inputs, its difference on the same; the exact network's on all"
    return replace(workload, judged=judged), AccuracyOf("exact network", note)


def _raw_inputs(trace: AnyTrace) -> int:
    inputs = getattr(trace, "inputs", None)
    return 0 if inputs is None else len(inputs.labels)


def _why_none(there: int, operations_each: int, wanted: int | None) -> str:
    if not there:
        return "the trace has no raw inputs"
    if wanted == 0:
        return "no samples were to be run for it"
    return (
        f"one sample takes {operations_each:.3g} operations, more than the {OPERATIONS:.0e} that are spent unasked; "
        "give a number of accuracy samples"
    )
