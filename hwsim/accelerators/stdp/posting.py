"""What every stage of a core does, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Iterator

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
from hwsim.contract.ledger import OPERATIONS, Posting

IntArray = NDArray[np.int64]


def postings(work: Work) -> Iterator[Posting]:
    """Every action of every stage; those that only learning has are zeros in inference."""
    yield from _normalise(work)
    yield from _encode(work)
    yield from _integrate(work)
    yield from _neurons(work)
    yield from _traces(work)
    yield from _depress(work)
    yield from _potentiate(work)
    yield from _readout(work)


def _normalise(work: Work) -> Iterator[Posting]:
    plan, first, every = work.plan, work.normalised, work.prepared
    products = plan.pixels * plan.neurons
    yield Posting(NORMALISE, "weight_memory", "read", 2 * plan.all_weight_words * first)
    yield Posting(NORMALISE, "weight_memory", "write", plan.all_weight_words * first)
    yield Posting(NORMALISE, "engine", "sum", products * first)
    yield Posting(NORMALISE, "engine", "divide", plan.neurons * first)
    yield Posting(NORMALISE, "engine", "scale", products * first)
    yield Posting(NORMALISE, "engine", "decay", plan.neurons * every)
    yield Posting(NORMALISE, "neuron_memory", "read", plan.state_words * every)
    yield Posting(NORMALISE, "neuron_memory", "write", plan.state_words * every)
    yield Posting(NORMALISE, OPERATIONS, "MAC", products * first)
    draws = work.random("weights") * products * first + work.random("thresholds") * plan.neurons * every
    yield Posting(NORMALISE, "rounder", "draw", draws)


def _encode(work: Work) -> Iterator[Posting]:
    plan, inputs = work.plan, work.presenting
    yield Posting(ENCODE, "encoder", "draw", plan.pixels * inputs)
    yield Posting(ENCODE, "input_memory", "read", plan.input_words * inputs)
    yield Posting(ENCODE, "event_queue", "write", plan.event_words * work.queued)


def _integrate(work: Work) -> Iterator[Posting]:
    plan, inputs = work.plan, work.done.inputs
    yield Posting(INTEGRATE, "event_queue", "read", plan.groups * plan.event_words * inputs)
    yield Posting(INTEGRATE, "current_memory", "write", plan.current_words * work.filled)
    yield Posting(INTEGRATE, "weight_memory", "read", plan.row_words(plan.neurons) * inputs)
    yield Posting(INTEGRATE, "adder", "add", plan.neurons * inputs)
    yield Posting(INTEGRATE, OPERATIONS, "AC", plan.neurons * work.asked.inputs)


def _neurons(work: Work) -> Iterator[Posting]:
    plan, done, ones = work.plan, work.done, work.each_step
    n, layers = plan.neurons, 2 if plan.layer else 1
    yield Posting(NEURONS, "neuron", "update", layers * n * ones)
    yield Posting(NEURONS, "neuron_memory", "read", plan.state_words * ones)
    yield Posting(NEURONS, "neuron_memory", "write", plan.state_words * ones)
    yield Posting(NEURONS, "current_memory", "read", plan.current_words * work.filled)
    yield Posting(NEURONS, "neuron", "inhibit", n * done.inhibiting)
    yield Posting(NEURONS, "neuron", "weigh", n * done.inhibiting * (plan.spec.inhibition_storage == "dense"))
    rows = done.inhibiting + (done.outputs if plan.layer else 0)
    yield Posting(NEURONS, "inhibition_memory", "read", plan.inhibition_words * rows)
    yield Posting(NEURONS, "adder", "add", work.driving)
    yield Posting(NEURONS, OPERATIONS, "AC", n * work.asked.inhibiting + (work.asked.outputs if plan.layer else 0))
    yield Posting(NEURONS, OPERATIONS, "membrane update", layers * n * ones)
    # The leak and the current of each neuron are rounded, and the leak of its inhibitory one.
    yield Posting(NEURONS, "rounder", "draw", work.random("membranes") * (1 + layers) * n * ones)


def _traces(work: Work) -> Iterator[Posting]:
    plan, ones = work.plan, work.learning_step
    traces = plan.pixels + plan.neurons
    words = plan.trace_words(traces)
    yield Posting(TRACES, "engine", "decay", traces * ones)
    yield Posting(TRACES, "trace_memory", "read", words * ones)
    yield Posting(TRACES, "trace_memory", "write", words * ones + work.set_traces)
    yield Posting(TRACES, "rounder", "draw", work.random("traces") * traces * ones)


def _depress(work: Work) -> Iterator[Posting]:
    words, visited = work.depressed_words, work.depressions
    yield Posting(DEPRESS, "trace_memory", "read", work.depressing_traces)
    yield from _learn(work, DEPRESS, words, visited, work.asked_depressions)


def _potentiate(work: Work) -> Iterator[Posting]:
    words, visited = work.potentiated_words, work.potentiations
    yield Posting(POTENTIATE, "trace_memory", "read", work.potentiating_traces)
    yield from _learn(work, POTENTIATE, words, visited, work.asked_potentiations)


def _learn(work: Work, stage: str, words: IntArray, visited: IntArray, asked: IntArray) -> Iterator[Posting]:
    yield Posting(stage, "weight_memory", "read", words)
    yield Posting(stage, "weight_memory", "write", words)
    yield Posting(stage, "engine", "update", visited)
    yield Posting(stage, OPERATIONS, "MAC", asked)
    yield Posting(stage, "rounder", "draw", work.random("weights") * visited)


def _readout(work: Work) -> Iterator[Posting]:
    """Spikes are counted, counts added up by class and classes compared; learning decides nothing."""
    plan, asked = work.plan, work.asked
    counted = asked.outputs.sum(axis=1, keepdims=True) + plan.neurons + plan.n_classes
    yield Posting(READOUT, "readout", "add", np.zeros_like(counted) if asked.learns else counted)
    yield Posting(READOUT, OPERATIONS, "weight update", work.updates)
