"""A first-spike network in the machine's own registers, layer after layer from raw inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.ttfs.counting import play_layer
from hwsim.accelerators.ttfs.plan import AnyCoding, Plan
from hwsim.contract.judged import Judged
from hwsim.contract.machine import FunctionalRun
from hwsim.traces.ttfs.golden import decide
from hwsim.traces.ttfs.trace import Decisions, FirstSpikeTrace, Times, input_times

_SAMPLES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class _Chunk:
    times: dict[str, Times]
    classes: NDArray[np.int16]
    saturations: dict[str, int]


def execute(plan: Plan, trace: FirstSpikeTrace, samples: int | None = None) -> FunctionalRun[AnyCoding]:
    """The same network and raw inputs, or the first of them, with the times and decisions of this machine."""
    trace = trace if samples is None else trace.with_inputs(samples)
    n_inputs, n = len(trace.inputs.labels), trace.n_samples
    starts = range(0, n_inputs, _SAMPLES_AT_ONCE)
    chunks = [_play(plan, trace, slice(start, start + _SAMPLES_AT_ONCE)) for start in starts]
    times = {name: np.concatenate([chunk.times[name] for chunk in chunks])[:n] for name in trace.times}
    classes = np.concatenate([chunk.classes for chunk in chunks])
    inputs = trace.inputs
    every = Decisions(classes, inputs.labels, inputs.sample_ids, trace.provenance.split)
    recorded = Decisions(classes[:n], inputs.labels[:n], inputs.sample_ids[:n], trace.provenance.split)
    # Of the output an early stop leaves out all but the first, so that only its decisions can be compared.
    hidden = [planned.name for planned in plan.layers[:-1]]
    changed = {name: int((times[name] != trace.times[name]).sum(dtype=np.int64)) for name in hidden}
    decisions = {"recorded": recorded} if n == n_inputs else {"recorded": recorded, "raw inputs": every}
    own = replace(trace, times=times, decisions=decisions)
    judged = judge(trace, own)
    notes = {
        "functional": f"times and decisions of {n_inputs} raw inputs in this machine's registers",
        "accuracy of the trace on them": None if judged is None else judged.exact_accuracy,
        "decisions that differ from the trace": int((recorded.classes != trace.decisions["recorded"].classes).sum()),
        "hidden times that differ from the trace": _listed(changed),
        "additions that saturated": _listed(
            {name: sum(chunk.saturations[name] for chunk in chunks) for name in chunks[0].saturations}
        ),
    }
    return FunctionalRun(own, notes, judged)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def judge(exact: FirstSpikeTrace, own: FirstSpikeTrace) -> Judged | None:
    """Decisions of this machine and of the network on the same raw inputs.

    None for synthetic spikes, and where the network's are not recorded of all of them.
    """
    here = own.decisions.get("raw inputs", own.decisions["recorded"])
    for decisions in () if exact.provenance.synthetic else exact.decisions.values():
        if decisions.split == here.split and np.isin(here.sample_ids, decisions.sample_ids).all():
            row_of = {int(sample): row for row, sample in enumerate(decisions.sample_ids)}
            rows = [row_of[int(sample)] for sample in here.sample_ids]
            return Judged(here.classes == here.labels, decisions.classes[rows] == decisions.labels[rows])
    return None


def _play(plan: Plan, trace: FirstSpikeTrace, samples: slice) -> _Chunk:
    """All layers of some samples, each on the times of the one before."""
    network = trace.network
    flowing = input_times(trace.inputs.values[samples], network.network.input.bits, network.window)
    times, saturations = {}, {}
    for planned in plan.layers:
        played = play_layer(plan, planned, network, flowing)
        flowing = times[planned.name] = played.times
        saturations[planned.name] = int(played.counts.saturations.sum())
    n = len(flowing)
    return _Chunk(times, decide(flowing.reshape(n, -1), played.potentials.reshape(n, -1)), saturations)
