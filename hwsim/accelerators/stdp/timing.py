"""How long each stage of a core takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.accelerators.stdp.work import Role, Visits, Work
from hwsim.components.memory import Sram
from hwsim.contract.arrays import IntArray


class Pace(NamedTuple):
    """Cycles from one access of each memory to the next."""

    weights: int
    inhibition: int
    states: int
    traces: int
    currents: int
    inputs: int
    events: int

    @classmethod
    def of(cls, spec: StdpSpec) -> Pace:
        """That of a core."""
        return cls(
            weights=spec.access_cycles(spec.weight_memory),
            inhibition=spec.access_cycles(spec.inhibition_memory),
            states=spec.access_cycles(spec.neuron_memory),
            traces=spec.access_cycles(spec.trace_memory),
            currents=spec.access_cycles(spec.current_memory),
            inputs=spec.access_cycles(spec.input_memory),
            events=spec.access_cycles(spec.event_queue),
        )


def services(work: Work, pace: Pace) -> Mapping[Role, IntArray]:
    """Cycles of every stage: int64 [sample, job]."""
    found = {
        Role.NORMALISE: _normalise(work, pace),
        Role.ENCODE: _encode(work, pace),
        Role.INTEGRATE: _integrate(work, pace),
        Role.NEURONS: _neurons(work, pace),
        Role.TRACES: _traces(work, pace),
        Role.DEPRESS: _learn(work, pace, work.depression),
        Role.POTENTIATE: _learn(work, pace, work.potentiation),
        # One addition or comparison a cycle; spikes have been counted as they came.
        Role.READOUT: np.array([1 if work.learns else work.plan.neurons + work.plan.n_classes], np.int64),
    }
    n = work.done.n_samples
    return {stage: np.ascontiguousarray(np.broadcast_to(each, (n, each.shape[-1]))) for stage, each in found.items()}


def _lanes(count: IntArray | int, lanes: int) -> IntArray | int:
    """Cycles of operations, `lanes` at once."""
    return -(-count // lanes)


def _passes(reads: IntArray | int, writes: IntArray | int, memory: Sram, cycles: int) -> IntArray:
    """Cycles of accesses to a memory, reads beside writes where it has a port for each."""
    together = np.add(reads, writes) if memory.ports == "1rw" else np.maximum(reads, writes)
    return np.asarray(together, np.int64) * cycles


def _normalise(work: Work, pace: Pace) -> IntArray:
    """Sums, then factors, then the scaling, one after another; then thresholds, which lie with the neurons."""
    plan, engine = work.plan, work.plan.spec.engine
    words, products = plan.all_weight_words, plan.pixels * plan.neurons
    summing = max(words * pace.weights, _lanes(products, engine.lanes))
    dividing = plan.neurons * engine.divide_cycles  # there is one divider
    scaling = np.maximum(_passes(words, words, plan.spec.weight_memory, pace.weights), _lanes(products, engine.lanes))
    decaying = np.maximum(_states(work, plan.state_words, pace), _lanes(plan.neurons, engine.lanes))
    return np.asarray((summing + dividing + scaling) * work.normalised + decaying * work.prepared)


def _encode(work: Work, pace: Pace) -> IntArray:
    """Pixels are read, drawn and queued in a pipeline: the slowest decides."""
    plan = work.plan
    drawing = max(_lanes(plan.pixels, plan.spec.encoder.lanes), plan.input_words * pace.inputs)
    queueing = plan.event_words * pace.events * work.queued
    return np.asarray(np.maximum(drawing * work.presenting, queueing))


def _integrate(work: Work, pace: Pace) -> IntArray:
    """A group of neurons at a time, whose weights of a spike are fetched while those of the one before are added.

    Where spikes change neurons, all groups are read, added to and written for one spike, then for the next.
    """
    plan = work.plan
    a_spike = max(
        plan.row_words(plan.neurons) * pace.weights,
        _lanes(plan.neurons, plan.spec.adder.lanes),
        plan.queue_reads * plan.event_words * pace.events,
    )
    currents = plan.current_words * pace.currents * work.filled
    states = _states(work, work.charged, pace)
    return np.asarray(np.maximum(np.maximum(work.done.inputs * a_spike, currents), states))


def _neurons(work: Work, pace: Pace) -> IntArray:
    """All neurons are updated, then those of a layer driven, then inhibited, spike by spike."""
    plan, spec = work.plan, work.plan.spec
    updates = plan.neurons * (2 if plan.layer else 1)
    updating = np.maximum(_lanes(updates, spec.neuron.lanes), _states(work, plan.state_words, pace))
    updating = np.maximum(updating, plan.current_words * pace.currents * work.filled)
    fetching = plan.inhibition_words * pace.inhibition
    inhibiting = work.done.inhibiting * max(fetching, _lanes(plan.neurons, spec.neuron.lanes))
    inhibiting = np.maximum(inhibiting, _states(work, work.lowered, pace))
    if not plan.layer:
        return np.asarray(updating + inhibiting)
    driving = np.asarray(_lanes(work.driving, spec.adder.lanes))
    if spec.inhibition_storage == "dense":
        driving = work.done.outputs * max(fetching, _lanes(plan.neurons, spec.adder.lanes))
    driving = np.maximum(driving, _states(work, work.driven, pace))
    return np.asarray(updating + driving + inhibiting)


def _states(work: Work, words: IntArray | int, pace: Pace) -> IntArray:
    """Cycles in which words of the neuron memory are read and written again."""
    return _passes(words, words, work.plan.spec.neuron_memory, pace.states)


def _traces(work: Work, pace: Pace) -> IntArray:
    plan, spec = work.plan, work.plan.spec
    count = plan.pixels + plan.neurons
    words = plan.trace_words(count) * work.learning_step
    memory = _passes(words, words + work.set_traces, spec.trace_memory, pace.traces)
    return np.asarray(np.maximum(memory, _lanes(count, spec.engine.lanes) * work.learning_step))


def _learn(work: Work, pace: Pace, visits: Visits) -> IntArray:
    """Weights are read, changed and written in a pipeline; traces are read beside it: the slowest decides."""
    spec = work.plan.spec
    memory = _passes(visits.words, visits.words, spec.weight_memory, pace.weights)
    slowest = np.maximum(memory, _lanes(visits.visited, spec.engine.lanes))
    return np.asarray(np.maximum(slowest, visits.traces * pace.traces))
