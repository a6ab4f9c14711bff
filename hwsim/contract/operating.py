"""What the way in which a machine is operated adds to a workload."""

from __future__ import annotations

from dataclasses import replace

from hwsim.components.operating import Operating
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.errors import UsageError


def operated(workload: Workload, operating: Operating) -> Workload:
    """A workload with a run more where its samples are to follow each other in a stream, after the static one.

    Raises UsageError where they cannot overlap.
    """
    if not operating.stream:
        return workload
    if workload.stream is None:
        raise UsageError(f"operating.stream: samples cannot overlap: {workload.no_stream or 'this machine has no way'}")
    first, *others = workload.runs
    return replace(workload, runs=(first, RunName.STREAMED, *others))
