"""What every stage of a core does, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.stdp.work import (
    DEPRESS,
    ENCODE,
    INTEGRATE,
    NEURONS,
    NORMALISE,
    POTENTIATE,
    READOUT,
    TRACES,
    Work,
)
from hwsim.contract.ledger import OPERATIONS, Ledger

IntArray = NDArray[np.int64]


class Posted(NamedTuple):
    """Counts of one action by the jobs of one stage: int64 [job] or [sample, job]."""

    stage: str
    component: str
    action: str
    counts: IntArray


def post_all(work: Work) -> Ledger:
    """Post every action of every stage."""
    ledger = Ledger(work.done.n_samples)
    for posted in all_posted(work):
        ledger.post(*posted)
    return ledger


def all_posted(work: Work) -> Iterator[Posted]:
    """Every action of every stage; those that only learning has are zeros in inference."""
    yield from _normalise(work)
    yield from _encode(work)
    yield from _integrate(work)
    yield from _neurons(work)
    yield from _traces(work)
    yield from _depress(work)
    yield from _potentiate(work)
    yield from _readout(work)


def _normalise(work: Work) -> Iterator[Posted]:
    plan, first, every = work.plan, work.normalised, work.prepared
    products = plan.pixels * plan.neurons
    yield Posted(NORMALISE, "weight_memory", "read", 2 * plan.all_weight_words * first)
    yield Posted(NORMALISE, "weight_memory", "write", plan.all_weight_words * first)
    yield Posted(NORMALISE, "engine", "sum", products * first)
    yield Posted(NORMALISE, "engine", "divide", plan.neurons * first)
    yield Posted(NORMALISE, "engine", "scale", products * first)
    yield Posted(NORMALISE, "engine", "decay", plan.neurons * every)
    yield Posted(NORMALISE, "neuron_memory", "read", plan.state_words * every)
    yield Posted(NORMALISE, "neuron_memory", "write", plan.state_words * every)
    yield Posted(NORMALISE, OPERATIONS, "MAC", products * first)
    draws = work.random("weights") * products * first + work.random("thresholds") * plan.neurons * every
    yield Posted(NORMALISE, "rounder", "draw", draws)


def _encode(work: Work) -> Iterator[Posted]:
    plan, inputs = work.plan, work.presenting
    yield Posted(ENCODE, "encoder", "draw", plan.pixels * inputs)
    yield Posted(ENCODE, "input_memory", "read", plan.input_words * inputs)
    yield Posted(ENCODE, "event_queue", "write", plan.event_words * work.queued)


def _integrate(work: Work) -> Iterator[Posted]:
    plan, inputs = work.plan, work.done.inputs
    yield Posted(INTEGRATE, "event_queue", "read", plan.groups * plan.event_words * inputs)
    yield Posted(INTEGRATE, "current_memory", "write", plan.current_words * work.filled)
    yield Posted(INTEGRATE, "weight_memory", "read", plan.row_words(plan.neurons) * inputs)
    yield Posted(INTEGRATE, "adder", "add", plan.neurons * inputs)
    yield Posted(INTEGRATE, OPERATIONS, "AC", plan.neurons * work.asked.inputs)


def _neurons(work: Work) -> Iterator[Posted]:
    plan, done, ones = work.plan, work.done, work.each_step
    n, layers = plan.neurons, 2 if plan.layer else 1
    yield Posted(NEURONS, "neuron", "update", layers * n * ones)
    yield Posted(NEURONS, "neuron_memory", "read", plan.state_words * ones)
    yield Posted(NEURONS, "neuron_memory", "write", plan.state_words * ones)
    yield Posted(NEURONS, "current_memory", "read", plan.current_words * work.filled)
    yield Posted(NEURONS, "neuron", "inhibit", n * done.inhibiting)
    yield Posted(NEURONS, "neuron", "weigh", n * done.inhibiting * (plan.spec.inhibition_storage == "dense"))
    rows = done.inhibiting + (done.outputs if plan.layer else 0)
    yield Posted(NEURONS, "inhibition_memory", "read", plan.inhibition_words * rows)
    yield Posted(NEURONS, "adder", "add", work.driving)
    yield Posted(NEURONS, OPERATIONS, "AC", n * work.asked.inhibiting + (work.asked.outputs if plan.layer else 0))
    yield Posted(NEURONS, OPERATIONS, "membrane update", layers * n * ones)
    # The leak and the current of each neuron are rounded, and the leak of its inhibitory one.
    yield Posted(NEURONS, "rounder", "draw", work.random("membranes") * (1 + layers) * n * ones)


def _traces(work: Work) -> Iterator[Posted]:
    plan, ones = work.plan, work.learning_step
    traces = plan.pixels + plan.neurons
    words = plan.trace_words(traces)
    yield Posted(TRACES, "engine", "decay", traces * ones)
    yield Posted(TRACES, "trace_memory", "read", words * ones)
    yield Posted(TRACES, "trace_memory", "write", words * ones + work.set_traces)
    yield Posted(TRACES, "rounder", "draw", work.random("traces") * traces * ones)


def _depress(work: Work) -> Iterator[Posted]:
    words, visited = work.depressed_words, work.depressions
    yield Posted(DEPRESS, "trace_memory", "read", work.depressing_traces)
    yield from _learn(work, DEPRESS, words, visited, work.asked_depressions)


def _potentiate(work: Work) -> Iterator[Posted]:
    words, visited = work.potentiated_words, work.potentiations
    yield Posted(POTENTIATE, "trace_memory", "read", work.potentiating_traces)
    yield from _learn(work, POTENTIATE, words, visited, work.asked_potentiations)


def _learn(work: Work, stage: str, words: IntArray, visited: IntArray, asked: IntArray) -> Iterator[Posted]:
    yield Posted(stage, "weight_memory", "read", words)
    yield Posted(stage, "weight_memory", "write", words)
    yield Posted(stage, "engine", "update", visited)
    yield Posted(stage, OPERATIONS, "MAC", asked)
    yield Posted(stage, "rounder", "draw", work.random("weights") * visited)


def _readout(work: Work) -> Iterator[Posted]:
    """Spikes are counted, counts added up by class and classes compared; learning decides nothing."""
    plan, asked = work.plan, work.asked
    counted = asked.outputs.sum(axis=1, keepdims=True) + plan.neurons + plan.n_classes
    yield Posted(READOUT, "readout", "add", np.zeros_like(counted) if asked.learns else counted)
    yield Posted(READOUT, OPERATIONS, "weight update", work.updates)
